package stat

import (
	"cmp"
	"math"
	"slices"
)

// Scored are rows whose outcome is known, with what a model said about them.
type Scored struct {
	// P is each row's score: a probability, or for AUC, ROC and Lift anything finite that orders rows.
	P []float64
	// Y says which rows are positive; as long as P.
	Y []bool
	// W weighs the rows, none below 0; nil weighs each 1.
	W []float64
}

func (s Scored) weight(i int) float64 {
	if s.W == nil {
		return 1
	}
	return s.W[i]
}

// Totals is the weight of the positive and of the negative rows.
func (s Scored) Totals() (positive, negative float64) {
	for i, y := range s.Y {
		if y {
			positive += s.weight(i)
		} else {
			negative += s.weight(i)
		}
	}
	return positive, negative
}

// BaseRate is the share of positive rows.
func (s Scored) BaseRate() float64 {
	p, n := s.Totals()
	return p / (p + n)
}

// mean is the weighted mean of a loss.
func (s Scored) mean(loss func(p float64, y bool) float64) float64 {
	sum, weight := 0.0, 0.0
	for i, p := range s.P {
		w := s.weight(i)
		sum += float64(w * loss(p, s.Y[i]))
		weight += w
	}
	return sum / weight
}

// Accuracy is the share of rows that are positive exactly when their score is at least the threshold.
func (s Scored) Accuracy(threshold float64) float64 {
	return s.mean(func(p float64, y bool) float64 {
		if (p >= threshold) == y {
			return 1
		}
		return 0
	})
}

// leastP bounds probabilities away from 0 and 1 in LogLoss, as is usual: one wrong certainty shall not be all there is.
const leastP = 1e-15

// LogLoss is the mean negative log-likelihood in nats; probabilities count as within 1e-15 of 0 and 1 at most.
func (s Scored) LogLoss() float64 {
	return s.mean(func(p float64, y bool) float64 {
		p = min(max(p, leastP), 1-leastP)
		if y {
			return -math.Log(p)
		}
		return -math.Log1p(-p)
	})
}

// Brier is the mean squared distance of probabilities from what happened.
func (s Scored) Brier() float64 {
	return s.mean(func(p float64, y bool) float64 {
		if y {
			p--
		}
		return p * p
	})
}

// order is the rows by ascending score.
func (s Scored) order() []int {
	order := make([]int, len(s.P))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.P[a], s.P[b]) })
	return order
}

// group is rows of one score.
type group struct{ score, positive, negative float64 }

// groups are the distinct scores, ascending.
func (s Scored) groups() []group {
	var out []group
	for _, i := range s.order() {
		if n := len(out); n == 0 || out[n-1].score != s.P[i] {
			out = append(out, group{score: s.P[i]})
		}
		g := &out[len(out)-1]
		if s.Y[i] {
			g.positive += s.weight(i)
		} else {
			g.negative += s.weight(i)
		}
	}
	return out
}

// AUC is the chance that a positive row has a higher score than a negative one; ties count half. It is NaN when there
// is one class only.
func (s Scored) AUC() float64 {
	below, area, positive := 0.0, 0.0, 0.0
	for _, g := range s.groups() {
		area += float64(g.positive * (below + g.negative/2))
		below += g.negative
		positive += g.positive
	}
	return area / (positive * below)
}
