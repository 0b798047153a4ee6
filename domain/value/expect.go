package value

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// Quadrature over the logit of the chance to leave.
const (
	panelNodes       = 16
	panels           = 24
	negligible       = 42.0 // e^-42 is below what a float64 adds to 1
	negligibleWeight = 1e-18
	straight         = 32.0 // beyond this logit a function of the chance is a constant to e^-32
)

// ExpectedAlive is the expected number of purchases in the time after, of a person who is alive and bought x times again
// in the time seen.
//
// The published form is (a+b+x-1)/(a-1) * (1 - 2F1(r+x, a-1; a+b+x-1; -y)), y = after/(alpha+seen), which cancels
// near a = 1 and diverges where a+b+x-1 is 0 or y is large. It is the mean of
//
//	h(p) = (1 - (1 + p*y)^-(r+x)) / p
//
// over the chance p to leave after a purchase, beta distributed with a and b+x, and that is what is computed, over the
// logit of p: there the weight is log-concave, h has no kinks, and every term is positive.
func (p Purchasing) ExpectedAlive(x int, seen, after float64) float64 {
	if !(after > 0) {
		return 0
	}
	a, b := p.A, p.B+float64(x)
	s, y := p.R+float64(x), after/(p.Alpha+seen)
	h := func(chance float64) float64 { return -math.Expm1(-s*math.Log1p(chance*y)) / chance }
	mode := math.Log(a / b)
	top := logWeight(a, b, mode)
	// Left of low h is s*y, right of high it is h(1): the tails of the weight have closed forms there.
	low := min(-straight-math.Log1p(y*max(s, 1))-math.Log1p(b), mode-1)
	high := max(straight+math.Log1p(a), mode+1)
	from := max(low, edge(a, b, mode, top, -1))
	to := min(high, edge(a, b, mode, top, 1))
	sum, norm := panelsOver(from, to, func(v float64) (float64, float64) {
		w := math.Exp(logWeight(a, b, v) - top)
		if w < negligibleWeight {
			return 0, 0
		}
		return w * h(1/(1+math.Exp(-v))), w
	})
	if from == low {
		tail := math.Exp(a*low-top) / a
		sum, norm = sum+float64(tail*s*y), norm+tail
	}
	if to == high {
		tail := math.Exp(-b*high-top) / b
		sum, norm = sum+float64(tail*h(1)), norm+tail
	}
	return sum / norm
}

// logWeight is the logarithm of p^a (1-p)^b at the logit v of p.
func logWeight(a, b, v float64) float64 {
	// ln(1 + e^v) is v + ln(1 + e^-v); of the two the exponential that cannot overflow is taken.
	small := math.Log1p(math.Exp(-math.Abs(v)))
	return -float64(a*(small+max(0, -v))) - float64(b*(small+max(0, v)))
}

// edge is where the weight, falling from its mode in a direction, has become negligible.
func edge(a, b, mode, top, direction float64) float64 {
	near, far := 0.0, 1.0
	for logWeight(a, b, mode+direction*far) > top-negligible {
		if near, far = far, far*2; far > 1e6 {
			return mode + direction*far
		}
	}
	for range 20 {
		if middle := (near + far) / 2; logWeight(a, b, mode+direction*middle) > top-negligible {
			near = middle
		} else {
			far = middle
		}
	}
	return mode + direction*far
}

// panelsOver integrates two functions by Gauss-Legendre panels.
func panelsOver(from, to float64, f func(v float64) (float64, float64)) (one, two float64) {
	var nodes, weights [panelNodes]float64
	quad.Legendre{}.FixedLocations(nodes[:], weights[:], 0, 1)
	width := (to - from) / panels
	for i := range panels {
		for j, at := range nodes {
			u, v := f(from + (float64(i)+at)*width)
			one += float64(weights[j] * u)
			two += float64(weights[j] * v)
		}
	}
	return one * width, two * width
}
