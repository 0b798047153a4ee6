package value

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Spending has the parameters of gamma-gamma: the value of a purchase is gamma distributed with shape P and a scale of
// the person's own, itself gamma distributed with shape Q and scale V. It holds as far as how much a person spends does
// not depend on how often she buys: Correlation is of the two, over the people it was fitted to.
type Spending struct {
	P, Q, V       float64
	LogLikelihood float64
	// People is how many it was fitted to: those who bought again, for more than nothing.
	People      int
	Correlation float64
	// Loose says that a parameter ran to a bound, as in Purchasing.
	Loose bool
}

// Validate fails with ErrParameters.
func (s Spending) Validate() error {
	for _, v := range []float64{s.P, s.Q, s.V} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: p %g, q %g, v %g", ErrParameters, s.P, s.Q, s.V)
		}
	}
	return nil
}

// Expected is the mean value expected of a person's purchases to come: between what she spent so far and what all spend,
// the nearer to her own the more she bought. It is NaN where Q is at most 1 and nothing is known of the person: the mean
// of all people is infinite then.
func (s Spending) Expected(h History) float64 {
	x := float64(h.Repeats)
	spent := float64(x * h.Mean)
	if h.Repeats == 0 || !(h.Mean > 0) {
		x, spent = 0, 0
	}
	if float64(s.P*x)+s.Q <= 1 {
		return math.NaN()
	}
	return s.P * (s.V + spent) / (float64(s.P*x) + s.Q - 1)
}

// FitSpending finds the parameters that make the mean values most likely, from the people who bought again, for more
// than nothing. It fails with ErrHistory, or with ErrHopeless where they are fewer than MinRepeating or all spend alike.
func FitSpending(histories []History) (Spending, error) {
	f := spendingFit{}
	for i, h := range histories {
		if err := h.Validate(); err != nil {
			return Spending{}, fmt.Errorf("person %d: %w", i+1, err)
		}
		if h.Repeats > 0 && h.Mean > 0 {
			f.people = append(f.people, spender{float64(h.Repeats), h.Mean})
		}
	}
	if len(f.people) < MinRepeating {
		return Spending{}, fmt.Errorf("%w: %d people bought again for more than nothing, and %d are needed", ErrHopeless, len(f.people), MinRepeating)
	}
	slices.SortFunc(f.people, func(a, b spender) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.z, b.z)) })
	mean := 0.0
	for _, s := range f.people {
		mean += s.z / float64(len(f.people))
	}
	spread := false
	for i := range f.people {
		spread = spread || f.people[i].z != f.people[0].z
	}
	if !spread {
		return Spending{}, fmt.Errorf("%w: everybody spends the same", ErrHopeless)
	}
	correlation := f.correlation()
	for i := range f.people {
		f.people[i].z /= mean
	}
	at, loose, err := maximise(&f, [][]float64{{0, 0.7, 0}, {1.8, 1.3, -0.5}, {math.Log(0.5), 0.2, 0.7}, {3, 3, 0}})
	if err != nil {
		return Spending{}, err
	}
	n := float64(len(f.people))
	s := Spending{P: math.Exp(at[0]), Q: math.Exp(at[1]), V: math.Exp(at[2]) * mean, People: len(f.people), Correlation: correlation, Loose: loose}
	s.LogLikelihood = -float64(f.value(at)*n) - float64(n*math.Log(mean))
	return s, s.Validate()
}

// spender is a person who bought x times again for z on average.
type spender struct{ x, z float64 }

// spendingFit is the likelihood of gamma-gamma over people in the order of x.
type spendingFit struct{ people []spender }

func (f *spendingFit) value(at []float64) float64 {
	p, q, v := math.Exp(at[0]), math.Exp(at[1]), math.Exp(at[2])
	sum, x, ofX := 0.0, 0.0, 0.0
	for _, s := range f.people {
		if s.x != x {
			x = s.x
			ofX = logGamma(float64(p*x)+q) - logGamma(p*x) - logGamma(q) + float64(q*at[2]) + float64(p*x*math.Log(x))
		}
		px := p * x
		sum += ofX + float64((px-1)*math.Log(s.z)) - float64((px+q)*math.Log(v+float64(x*s.z)))
	}
	return -sum / float64(len(f.people))
}

func (f *spendingFit) gradient(to, at []float64) {
	p, q, v := math.Exp(at[0]), math.Exp(at[1]), math.Exp(at[2])
	var d [3]float64
	x, ofP, ofQ := 0.0, 0.0, 0.0
	for _, s := range f.people {
		if s.x != x {
			x = s.x
			both := mathext.Digamma(float64(p*x) + q)
			ofP = x * (both - mathext.Digamma(p*x) + math.Log(x))
			ofQ = both - mathext.Digamma(q) + at[2]
		}
		total := v + float64(x*s.z)
		d[0] += ofP + float64(x*(math.Log(s.z)-math.Log(total)))
		d[1] += ofQ - math.Log(total)
		d[2] += q/v - (float64(p*x)+q)/total
	}
	for i, parameter := range []float64{p, q, v} {
		to[i] = -float64(d[i]*parameter) / float64(len(f.people))
	}
}

// correlation is Pearson's, of how often and how much; 0 where either does not vary.
func (f *spendingFit) correlation() float64 {
	n := float64(len(f.people))
	var mx, mz, xx, zz, xz float64
	for _, s := range f.people {
		mx += s.x / n
		mz += s.z / n
	}
	for _, s := range f.people {
		dx, dz := s.x-mx, s.z-mz
		xx += float64(dx * dx)
		zz += float64(dz * dz)
		xz += float64(dx * dz)
	}
	if xx == 0 || zz == 0 {
		return 0
	}
	return xz / math.Sqrt(float64(xx*zz))
}
