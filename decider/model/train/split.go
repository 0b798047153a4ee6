package train

import "math"

// choice is the best split of a node seen so far.
type choice struct {
	gain        float64 // in the units of scales.score
	feature     int     // -1: none
	bin         int     // bins up to this go left
	missingLeft bool
	left        int64 // packed sum of the left child
}

// scales turn packed sums into numbers: one unit of a gradient, of a hessian.
type scales struct {
	gradient, hessian float64
	// L2 and the least hessian of a leaf, in units of a hessian.
	l2, least float64
}

// gain of a score difference in packed units, in the loss's own.
func (s *scales) gain(score float64) float64 {
	return score * s.gradient * s.gradient / s.hessian
}

// score is G^2 / (H + L2) in packed units.
func (s *scales) score(packed int64) float64 {
	g := gradientOf(packed)
	return g * g / (hessianOf(packed) + s.l2)
}

// best looks through the histogram of a node for the split that wins most; the first of equals. Features are those drawn
// for the tree.
func (g *grower) best(h histogram, total int64, bound bounds) choice {
	c := choice{feature: -1}
	for _, f := range g.features {
		bins := h[f][:g.b.bins(f)]
		switch {
		case g.o.Monotone != nil:
			g.scanBounded(&c, f, bins, total, bound)
		case bins[0] == 0:
			g.scan(&c, f, bins, total, 0, false)
		default:
			g.scan(&c, f, bins, total, 0, true)
			g.scan(&c, f, bins, total, bins[0], true)
		}
	}
	if c.feature < 0 {
		return c
	}
	if g.o.Monotone == nil {
		c.gain -= g.s.score(total)
	} else {
		c.gain -= g.s.boundedScore(total, g.s.value(total, bound))
	}
	if c.gain <= 0 || g.s.gain(c.gain) <= leastGain {
		return choice{feature: -1}
	}
	if h[c.feature][0] == 0 { // missing values were not seen here: they go where most rows go
		c.missingLeft = hessianOf(c.left) > hessianOf(total-c.left)
	}
	return c
}

// leastGain of a split: less is rounding.
const leastGain = 1e-6

// scan tries the cuts of a feature with the missing values on one side: missing is their packed sum when they go left,
// and 0 when they go right. withMissing also tries all that is present against what is missing.
func (g *grower) scan(c *choice, f int, bins []int64, total, missing int64, withMissing bool) {
	l2, least := g.s.l2, g.s.least
	last := len(bins) - 1
	if withMissing && missing == 0 {
		last++
	}
	sum := missing
	most, at, left := c.gain, 0, int64(0)
	for bin := 1; bin < last; bin++ {
		v := bins[bin]
		if v == 0 {
			continue
		}
		sum += v
		hl := hessianOf(sum)
		rest := total - sum
		hr := hessianOf(rest)
		if hl < least {
			continue
		}
		if hr < least {
			break
		}
		gl, gr := gradientOf(sum), gradientOf(rest)
		hl, hr = hl+l2, hr+l2
		// GL^2/HL + GR^2/HR with one division.
		score := (float64(float64(gl*gl)*hr) + float64(float64(gr*gr)*hl)) / (hl * hr)
		if score > most {
			most, at, left = score, bin, sum
		}
	}
	if at > 0 {
		*c = choice{gain: most, feature: f, bin: at, missingLeft: missing != 0, left: left}
	}
}

// bounds of a node's leaf values before the rate, in packed units (gradient over hessian), where features are monotone.
type bounds struct{ low, high float64 }

func unbounded() bounds { return bounds{math.Inf(-1), math.Inf(1)} }

func (b bounds) clip(v float64) float64 { return min(max(v, b.low), b.high) }

// value of a leaf in packed units.
func (s *scales) value(packed int64, b bounds) float64 {
	return b.clip(-gradientOf(packed) / (hessianOf(packed) + s.l2))
}

// boundedScore is what a leaf of a value wins; at the best value it is score.
func (s *scales) boundedScore(packed int64, value float64) float64 {
	return -2*gradientOf(packed)*value - (hessianOf(packed)+s.l2)*value*value
}

// scanBounded is scan, both sides for missing, for leaves with bounds and features that must not turn round.
func (g *grower) scanBounded(c *choice, f int, bins []int64, total int64, bound bounds) {
	sides := []int64{0}
	if bins[0] != 0 {
		sides = append(sides, bins[0])
	}
	for _, missing := range sides {
		last := len(bins) - 1
		if missing == 0 && bins[0] != 0 {
			last++
		}
		sum := missing
		for bin := 1; bin < last; bin++ {
			if bins[bin] == 0 {
				continue
			}
			sum += bins[bin]
			g.tryBounded(c, choice{feature: f, bin: bin, missingLeft: missing != 0, left: sum}, total-sum, bound)
		}
	}
}

func (g *grower) tryBounded(c *choice, next choice, rest int64, bound bounds) {
	if hessianOf(next.left) < g.s.least || hessianOf(rest) < g.s.least {
		return
	}
	l, r := g.s.value(next.left, bound), g.s.value(rest, bound)
	if way := float64(g.o.Monotone[next.feature]); way != 0 && way*l > way*r {
		return
	}
	next.gain = g.s.boundedScore(next.left, l) + g.s.boundedScore(rest, r)
	if next.gain > c.gain {
		*c = next
	}
}

// children are the bounds of the two sides of a split: on a monotone feature the middle keeps them apart for ever.
func (g *grower) children(c choice, total int64, bound bounds) (left, right bounds) {
	left, right = bound, bound
	if g.o.Monotone == nil || g.o.Monotone[c.feature] == 0 {
		return left, right
	}
	middle := (g.s.value(c.left, bound) + g.s.value(total-c.left, bound)) / 2
	if g.o.Monotone[c.feature] > 0 {
		left.high, right.low = middle, middle
	} else {
		left.low, right.high = middle, middle
	}
	return left, right
}
