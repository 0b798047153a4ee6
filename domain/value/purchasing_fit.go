package value

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// FitPurchasing finds the parameters that make the histories most likely. It fails with ErrHistory, or with
// ErrHopeless where there are fewer than MinPeople people or MinRepeating who bought again, or where all look the same.
func FitPurchasing(histories []History) (Purchasing, error) {
	all, longest, err := groups(histories)
	if err != nil {
		return Purchasing{}, err
	}
	if err := hopeless(all, len(histories)); err != nil {
		return Purchasing{}, err
	}
	f := newPurchasingFit(all)
	at, loose, err := maximise(f, f.starts())
	if err != nil {
		return Purchasing{}, err
	}
	p := Purchasing{R: math.Exp(at[0]), Alpha: math.Exp(at[1]) * longest, A: math.Exp(at[2]), B: math.Exp(at[3]), Loose: loose}
	// In the fit's time a purchase is likelier by the factor longest than in the caller's.
	p.LogLikelihood = -float64(f.value(at)*f.people) - float64(f.repeats*math.Log(longest))
	return p, p.Validate()
}

// hopeless fails with what is missing.
func hopeless(all []group, people int) error {
	if people < MinPeople {
		return fmt.Errorf("%w: %d people, and %d are needed", ErrHopeless, people, MinPeople)
	}
	repeating := 0.0
	for _, g := range all {
		if g.x > 0 {
			repeating += g.n
		}
	}
	switch {
	case repeating == 0:
		return fmt.Errorf("%w: nobody bought a second time", ErrHopeless)
	case repeating < MinRepeating:
		return fmt.Errorf("%w: %.0f people bought a second time, and %d are needed", ErrHopeless, repeating, MinRepeating)
	case len(all) == 1:
		return fmt.Errorf("%w: all people have the same history", ErrHopeless)
	}
	return nil
}

// purchasingFit is the likelihood of BG/NBD over groups of equal histories.
type purchasingFit struct {
	groups          []group // in the order of x
	people, repeats float64
	seen            float64 // mean time observed
}

func newPurchasingFit(all []group) *purchasingFit {
	f := &purchasingFit{groups: all}
	for _, g := range all {
		f.people += g.n
		f.repeats += float64(g.n * float64(g.x))
		f.seen += float64(g.n * g.seen)
	}
	f.seen /= f.people
	return f
}

// starts are the published default, in the time of the fit, and three that differ in how people differ.
func (f *purchasingFit) starts() [][]float64 {
	rate := max(f.repeats/f.people/max(f.seen, 1e-9), 1e-9)
	var starts [][]float64
	for _, s := range [][3]float64{{1, 1, 3}, {0.3, 0.8, 2.5}, {3, 0.1, 2}, {1, 0.02, 0.2}} {
		starts = append(starts, []float64{math.Log(s[0]), math.Log(s[0] / rate), math.Log(s[1]), math.Log(s[2])})
	}
	return starts
}

// ofX are the terms that depend on the parameters and on x only.
type ofX struct {
	x                     int
	value, r, a, b, leave float64
}

func newOfX(x int, r, a, b float64) ofX {
	n := float64(x)
	o := ofX{x: x}
	if x == 0 {
		return o
	}
	o.value = logGamma(r+n) - logGamma(r) + logGamma(a+b) + logGamma(b+n) - logGamma(b) - logGamma(a+b+n)
	both := mathext.Digamma(a+b) - mathext.Digamma(a+b+n)
	o.r = mathext.Digamma(r+n) - mathext.Digamma(r)
	o.a = both
	o.b = both + mathext.Digamma(b+n) - mathext.Digamma(b)
	o.leave = math.Log(a) - math.Log(b+n-1)
	return o
}

// stay sums, for a group, the two ways to the last purchase: she is still alive, or she left with it. It returns the
// logarithm of the sum and the share of the second way.
func stay(g group, r, alpha, leave float64) (sum, left float64) {
	k := r + float64(g.x)
	sum = -k * math.Log(alpha+g.seen)
	if g.x == 0 {
		return sum, 0
	}
	other := leave - float64(k*math.Log(alpha+g.last))
	top := max(sum, other)
	e1, e2 := math.Exp(sum-top), math.Exp(other-top)
	return top + math.Log(e1+e2), e2 / (e1 + e2)
}

func (f *purchasingFit) value(at []float64) float64 {
	r, alpha, a, b := math.Exp(at[0]), math.Exp(at[1]), math.Exp(at[2]), math.Exp(at[3])
	sum := 0.0
	o := newOfX(0, r, a, b)
	for _, g := range f.groups {
		if g.x != o.x {
			o = newOfX(g.x, r, a, b)
		}
		s, _ := stay(g, r, alpha, o.leave)
		sum += float64(g.n * (o.value + float64(r*at[1]) + s))
	}
	return -sum / f.people
}

func (f *purchasingFit) gradient(to, at []float64) {
	r, alpha, a, b := math.Exp(at[0]), math.Exp(at[1]), math.Exp(at[2]), math.Exp(at[3])
	var d [4]float64
	o := newOfX(0, r, a, b)
	for _, g := range f.groups {
		if g.x != o.x {
			o = newOfX(g.x, r, a, b)
		}
		_, left := stay(g, r, alpha, o.leave)
		k := r + float64(g.x)
		seen, last := alpha+g.seen, alpha+g.last
		d[0] += float64(g.n * (o.r + at[1] - float64((1-left)*math.Log(seen)) - float64(left*math.Log(last))))
		d[1] += float64(g.n * (r/alpha - float64(k*((1-left)/seen+left/last))))
		d[2] += float64(g.n * (o.a + left/a))
		d[3] += float64(g.n * o.b)
		if g.x > 0 {
			d[3] -= float64(g.n * left / (b + float64(g.x) - 1))
		}
	}
	for i, p := range []float64{r, alpha, a, b} {
		to[i] = -float64(d[i]*p) / f.people
	}
}
