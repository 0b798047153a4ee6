package value

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// The estimates published for the CDNOW customers: Fader, Hardie and Lee (2005), Fader and Hardie (2013).
func published() (Purchasing, Spending) {
	return Purchasing{R: .243, Alpha: 4.414, A: .793, B: 2.426}, Spending{P: 6.25, Q: 3.74, V: 15.44}
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %.9g, want %.9g within %g", what, got, want, within)
	}
}

func TestThePublishedExamplesComeOut(t *testing.T) {
	t.Parallel()
	p, s := published()
	// The spreadsheet has more digits than the paper prints.
	sheet := Purchasing{R: .242593, Alpha: 4.413532, A: .792918, B: 2.425880}
	near(t, "39 weeks of the person in the paper", p.Expected(History{Repeats: 2, Last: 30.43, Observed: 38.86}, 39), 1.226, .0005)
	for weeks, want := range map[float64]float64{.1429: .0078, 1: .0532, 3: .1506, 31.8571: 1.0405, 32: 1.0437, 78: 1.8576} {
		near(t, "repeat purchases of a new person", sheet.ExpectedNew(weeks), want, .0005)
	}
	near(t, "mean of all", s.Expected(History{}), 35.17, .05)
	near(t, "mean of one who bought twice again", s.Expected(History{Repeats: 2, Last: 1, Observed: 2, Mean: 22.35}), 24.66, .05)
	near(t, "mean of one who bought once again", s.Expected(History{Repeats: 1, Last: 1, Observed: 2, Mean: 11.77}), 18.91, .05)
	near(t, "mean of one who bought seven times again", s.Expected(History{Repeats: 7, Last: 1, Observed: 2, Mean: 73.74}), 71.46, .1)
}

func TestAliveIsCertainOnlyForThoseWhoCannotHaveLeft(t *testing.T) {
	t.Parallel()
	p, _ := published()
	near(t, "bought once", p.Alive(History{Observed: 38}), 1, 0)
	long, recent := p.Alive(History{Repeats: 20, Last: 5, Observed: 38}), p.Alive(History{Repeats: 20, Last: 37, Observed: 38})
	if long > .01 || recent < .9 {
		t.Errorf("one who bought often and stopped is alive with %g, one who goes on with %g", long, recent)
	}
}

// series is the published form, 2F1 by its series, where that converges well.
func series(p Purchasing, x int, seen, after float64) float64 {
	a, b, c, z := p.R+float64(x), p.B+float64(x), p.A+p.B+float64(x)-1, after/(p.Alpha+seen+after)
	term, sum := 1.0, 1.0
	for n := 0.0; n < 100_000; n++ {
		term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
		sum += term
		if math.Abs(term) < 1e-17*math.Abs(sum) {
			break
		}
	}
	return (p.A + p.B + float64(x) - 1) / (p.A - 1) * (1 - math.Pow((p.Alpha+seen)/(p.Alpha+seen+after), a)*sum)
}

func TestTheExpectationIsThePublishedSeries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Purchasing{R: rapid.Float64Range(.05, 20).Draw(t, "r"), Alpha: rapid.Float64Range(.1, 100).Draw(t, "alpha"),
			A: rapid.Float64Range(.05, 30).Draw(t, "a"), B: rapid.Float64Range(.05, 30).Draw(t, "b")}
		x, seen, after := rapid.IntRange(0, 60).Draw(t, "x"), rapid.Float64Range(0, 200).Draw(t, "T"), rapid.Float64Range(.01, 300).Draw(t, "t")
		if math.Abs(p.A-1) < .01 || math.Abs(p.A+p.B+float64(x)-1) < .05 || after > 20*(p.Alpha+seen) {
			t.Skip("the series has no digits left there")
		}
		want, got := series(p, x, seen, after), p.ExpectedAlive(x, seen, after)
		if math.Abs(got-want) > 1e-7*math.Abs(want)+1e-9 {
			t.Fatalf("got %.12g, want %.12g", got, want)
		}
	})
}

func TestTheExpectationHoldsAtTheEdges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := func(name string, from, to float64) float64 {
			return math.Pow(10, rapid.Float64Range(from, to).Draw(t, name))
		}
		p := Purchasing{R: log("r", -5, 5), Alpha: log("alpha", -5, 6), A: log("a", -6, 6), B: log("b", -6, 6)}
		h := History{Repeats: rapid.IntRange(0, 1000).Draw(t, "x"), Observed: log("T", -3, 4)}
		one, two := p.ExpectedAlive(h.Repeats, h.Observed, 10), p.ExpectedAlive(h.Repeats, h.Observed, 1e7)
		most := (p.R + float64(h.Repeats)) * 10 / (p.Alpha + h.Observed)
		if !(one > 0) || one > most*(1+1e-9) || !(two >= one*(1-1e-9)) || math.IsInf(two, 0) {
			t.Fatalf("in 10: %g of at most %g, in 10 million: %g", one, most, two)
		}
	})
	p := Purchasing{R: .5, Alpha: 3, A: 1, B: 2}
	below, at, above := Purchasing{R: .5, Alpha: 3, A: 1 - 1e-6, B: 2}.ExpectedNew(50), p.ExpectedNew(50), Purchasing{R: .5, Alpha: 3, A: 1 + 1e-6, B: 2}.ExpectedNew(50)
	if !(above < at && at < below) || below-above > 1e-4 {
		t.Errorf("around a = 1: %.9g, %.9g, %.9g", below, at, above)
	}
	// Nobody leaves: a plain negative binomial, mean r*t/alpha.
	near(t, "without leaving", Purchasing{R: 2, Alpha: 4, A: 1e-6, B: 1}.ExpectedNew(100), 50, .01)
	near(t, "gonum's 2F1", Purchasing{R: 2, Alpha: 4, A: 2, B: 3}.ExpectedNew(2), 4*(1-math.Pow(4./6, 2)*mathext.Hypergeo(2, 3, 4, 2./6)), 1e-9)
}

// crowd makes histories by the models themselves.
func crowd(seed uint64, n int, p Purchasing, s Spending) []History {
	source := rand.New(rand.NewPCG(seed, 1))
	rate, leave := distuv.Gamma{Alpha: p.R, Beta: p.Alpha, Src: source}, distuv.Beta{Alpha: p.A, Beta: p.B, Src: source}
	scale := distuv.Gamma{Alpha: s.Q, Beta: s.V, Src: source}
	var out []History
	for range n {
		h := History{Observed: 27 + float64(source.IntN(85))/7, Mean: math.NaN()}
		lambda, chance, nu := rate.Rand(), leave.Rand(), scale.Rand()
		spent := 0.0
		for at := 0.0; ; {
			if at += source.ExpFloat64() / lambda; at > h.Observed {
				break
			}
			h.Repeats, h.Last = h.Repeats+1, at
			spent += distuv.Gamma{Alpha: s.P, Beta: nu, Src: source}.Rand()
			if source.Float64() < chance {
				break
			}
		}
		if h.Repeats > 0 {
			h.Mean = spent / float64(h.Repeats)
		}
		out = append(out, h)
	}
	return out
}

func TestParametersAreFoundAgain(t *testing.T) {
	t.Parallel()
	p, s := published()
	people := crowd(7, 40_000, p, s)
	got, err := FitPurchasing(people)
	if err != nil {
		t.Fatal(err)
	}
	spends, err := FitSpending(people)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %+v", got, spends)
	near(t, "r", got.R, p.R, .01)
	near(t, "alpha", got.Alpha, p.Alpha, .25)
	near(t, "a", got.A, p.A, .08)
	near(t, "b", got.B, p.B, .35)
	near(t, "p", spends.P, s.P, .4)
	near(t, "q", spends.Q, s.Q, .2)
	near(t, "v", spends.V, s.V, 1.6)
	near(t, "correlation", spends.Correlation, 0, .03)
	sum := 0.0
	for _, h := range people {
		sum += got.LogLikelihoodOf(h)
	}
	near(t, "log-likelihood", got.LogLikelihood, sum, 1e-6*math.Abs(sum))
}

func TestNoNeighbourIsLikelier(t *testing.T) {
	t.Parallel()
	p, s := published()
	people := crowd(3, 2_000, p, s)
	got, err := FitPurchasing(people)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		n := got
		for j, at := range []*float64{&n.R, &n.Alpha, &n.A, &n.B} {
			if i/2 == j {
				*at *= 1 + .02*float64(2*(i%2)-1)
			}
		}
		sum := 0.0
		for _, h := range people {
			sum += n.LogLikelihoodOf(h)
		}
		if sum >= got.LogLikelihood {
			t.Errorf("%+v is likelier: %g", n, sum-got.LogLikelihood)
		}
	}
}

func TestTheGradientIsTheSlope(t *testing.T) {
	t.Parallel()
	p, s := published()
	people := crowd(5, 200, p, s)
	all, _, err := groups(people)
	if err != nil {
		t.Fatal(err)
	}
	var spenders spendingFit
	for _, h := range people {
		if h.Repeats > 0 {
			spenders.people = append(spenders.people, spender{float64(h.Repeats), h.Mean / 35})
		}
	}
	for _, o := range []struct {
		objective
		at []float64
	}{{newPurchasingFit(all), []float64{.3, -.7, .2, .9}}, {newPurchasingFit(all), []float64{-2, 1, -3, -2}}, {&spenders, []float64{.4, .9, -.3}}} {
		slope := make([]float64, len(o.at))
		o.gradient(slope, o.at)
		for i := range o.at {
			const h = 1e-5
			up, down := append([]float64(nil), o.at...), append([]float64(nil), o.at...)
			up[i], down[i] = up[i]+h, down[i]-h
			near(t, "slope", slope[i], (o.value(up)-o.value(down))/(2*h), 1e-7)
		}
	}
}

func TestTheUnitAndTheOrderDoNotMatter(t *testing.T) {
	t.Parallel()
	p, s := published()
	weeks := crowd(9, 3_000, p, s)
	var days []History
	for i := range weeks {
		h := weeks[len(weeks)-1-i]
		h.Last, h.Observed = h.Last*7, h.Observed*7
		days = append(days, h)
	}
	one, err := FitPurchasing(weeks)
	if err != nil {
		t.Fatal(err)
	}
	two, err := FitPurchasing(days)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "r", two.R, one.R, 1e-5)
	near(t, "alpha", two.Alpha, one.Alpha*7, 1e-4)
	near(t, "b", two.B, one.B, 1e-4)
	near(t, "expectation", two.Expected(days[0], 70), one.Expected(weeks[len(weeks)-1], 10), 1e-5)
}

func TestTooLittleIsRefused(t *testing.T) {
	t.Parallel()
	repeat := func(n int, h History) []History {
		var out []History
		for range n {
			out = append(out, h)
		}
		return out
	}
	once, twice := History{Observed: 10, Mean: math.NaN()}, History{Repeats: 1, Last: 3, Observed: 10, Mean: 5}
	for name, c := range map[string]struct {
		people []History
		want   error
	}{
		"nobody":        {nil, ErrHopeless},
		"few":           {append(repeat(9, once), repeat(9, twice)...), ErrHopeless},
		"no repeats":    {repeat(100, once), ErrHopeless},
		"all the same":  {repeat(100, twice), ErrHopeless},
		"late":          {append(repeat(50, twice), History{Repeats: 1, Last: 11, Observed: 10}), ErrHistory},
		"repeats at 0":  {append(repeat(50, twice), History{Repeats: 1, Observed: 10}), ErrHistory},
		"last, no more": {append(repeat(50, twice), History{Last: 1, Observed: 10}), ErrHistory},
		"missing":       {append(repeat(50, twice), History{Observed: math.NaN()}), ErrHistory},
	} {
		if _, err := FitPurchasing(c.people); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := FitSpending(repeat(100, twice)); !errors.Is(err, ErrHopeless) {
		t.Errorf("everybody spends the same: %v", err)
	}
}

func TestNobodyLeavingEndsAtABound(t *testing.T) {
	t.Parallel()
	var people []History
	for i := range 200 {
		people = append(people, History{Repeats: 1 + i%7, Last: 10, Observed: 10})
	}
	got, err := FitPurchasing(people)
	if err != nil || !got.Loose {
		t.Errorf("%+v %v", got, err)
	}
}
