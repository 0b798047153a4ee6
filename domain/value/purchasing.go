package value

import (
	"fmt"
	"math"
)

// Purchasing has the parameters of BG/NBD. While a person is alive she buys at a rate of her own, gamma distributed with
// shape R and rate Alpha (in units of time); after each purchase she leaves for ever with a chance of her own, beta
// distributed with A and B.
type Purchasing struct {
	R, Alpha, A, B float64
	// LogLikelihood is of all the histories that it was fitted to, without constants that depend on the histories only.
	LogLikelihood float64
	// Loose says that a parameter ran to a bound: the likelihood is flat there, and only ratios of parameters mean
	// anything. With A at its lower bound nobody is seen to leave.
	Loose bool
}

// Validate fails with ErrParameters.
func (p Purchasing) Validate() error {
	for _, v := range []float64{p.R, p.Alpha, p.A, p.B} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: r %g, alpha %g, a %g, b %g", ErrParameters, p.R, p.Alpha, p.A, p.B)
		}
	}
	return nil
}

// LogLikelihoodOf is the logarithm of the likelihood of one history.
func (p Purchasing) LogLikelihoodOf(h History) float64 {
	f := newPurchasingFit([]group{{h.Repeats, h.Last, h.Observed, 1}})
	return -f.value([]float64{math.Log(p.R), math.Log(p.Alpha), math.Log(p.A), math.Log(p.B)})
}

// Alive is the chance that a person has not left for ever. It is exactly 1 for one who has bought once only, because
// the model lets people leave after a repeat purchase only: a property of the model, not a certainty.
func (p Purchasing) Alive(h History) float64 {
	if h.Repeats == 0 {
		return 1
	}
	x := float64(h.Repeats)
	odds := math.Log(p.A/(p.B+x-1)) + (p.R+x)*(math.Log1p(h.Observed/p.Alpha)-math.Log1p(h.Last/p.Alpha))
	return 1 / (1 + math.Exp(odds))
}

// Expected is how many purchases a person is expected to make in the time after the end of the observation, whether she
// is alive or not.
func (p Purchasing) Expected(h History, after float64) float64 {
	return p.Alive(h) * p.ExpectedAlive(h.Repeats, h.Observed, after)
}

// ExpectedNew is how many purchases after the first one is expected of a new person in the time after the first.
func (p Purchasing) ExpectedNew(after float64) float64 { return p.ExpectedAlive(0, 0, after) }
