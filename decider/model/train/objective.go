package train

import (
	"math"

	"github.com/profferhq/proffer/decider/model/tree"
)

// gradients of a loss by the margin, and its second derivatives, row by row.
type gradients struct{ first, second []float64 }

// leastHessian keeps certain rows from weighing nothing.
const leastHessian = 1e-16

// objective is a loss.
type objective interface {
	// start is where the margins begin: what is best without any tree.
	start(rows []int32) []float64
	// gradients writes those of the rows, for each output; margins has the margins of a row one after the other.
	gradients(rows []int32, margins []float64, into []gradients)
	// loss of the rows, the smaller the better.
	loss(rows []int32, margins []float64) float64
}

func newObjective(s *Set, o *Options) objective {
	switch o.Objective {
	case tree.Binary:
		return &binary{s, positiveWeight(o)}
	case tree.Multiclass:
		return &multiclass{s, o.Classes, make([]float64, o.Classes)}
	case tree.Ranking:
		return newRanking(s)
	}
	return &squared{s}
}

func positiveWeight(o *Options) float64 {
	if o.PositiveWeight == 0 {
		return 1
	}
	return o.PositiveWeight
}

// binary is the log loss of a yes or no.
type binary struct {
	*Set
	positive float64
}

func (b *binary) of(row int32) (label, weight float64) {
	label, weight = b.Label[row], b.weight(row)
	if label > 0 {
		weight *= b.positive
	}
	return label, weight
}

func (b *binary) start(rows []int32) []float64 {
	yes, all := 0.0, 0.0
	for _, r := range rows {
		y, w := b.of(r)
		yes += float64(w * y)
		all += w
	}
	return []float64{math.Log(yes / (all - yes))}
}

func (b *binary) gradients(rows []int32, margins []float64, into []gradients) {
	first, second := into[0].first, into[0].second
	for _, r := range rows {
		y, w := b.of(r)
		p := sigmoid(margins[r])
		first[r] = w * (p - y)
		second[r] = w * max(p*(1-p), leastHessian)
	}
}

func (b *binary) loss(rows []int32, margins []float64) float64 {
	sum, all := 0.0, 0.0
	for _, r := range rows {
		y, w := b.of(r)
		m := margins[r]
		if y > 0 {
			m = -m
		}
		sum += float64(w * softplus(m))
		all += w
	}
	return sum / all
}

// softplus is log(1 + e^m), the loss of a margin m of the wrong sign.
func softplus(m float64) float64 {
	if m > 0 {
		return m + math.Log1p(exp(-m))
	}
	return math.Log1p(exp(m))
}

// squared is half the squared distance of a value.
type squared struct{ *Set }

func (s *squared) start(rows []int32) []float64 {
	sum, all := 0.0, 0.0
	for _, r := range rows {
		w := s.weight(r)
		sum += float64(w * s.Label[r])
		all += w
	}
	return []float64{sum / all}
}

func (s *squared) gradients(rows []int32, margins []float64, into []gradients) {
	first, second := into[0].first, into[0].second
	for _, r := range rows {
		w := s.weight(r)
		first[r] = w * (margins[r] - s.Label[r])
		second[r] = w
	}
}

func (s *squared) loss(rows []int32, margins []float64) float64 {
	sum, all := 0.0, 0.0
	for _, r := range rows {
		d := margins[r] - s.Label[r]
		sum += float64(s.weight(r) * float64(d*d))
		all += s.weight(r)
	}
	return sum / all
}

// multiclass is the log loss of one class out of several; the second derivative is the usual 2 p (1-p).
type multiclass struct {
	*Set
	classes int
	p       []float64
}

func (m *multiclass) start(rows []int32) []float64 {
	weights := make([]float64, m.classes)
	all := 0.0
	for _, r := range rows {
		w := m.weight(r)
		weights[int(m.Label[r])] += w
		all += w
	}
	for i, w := range weights {
		weights[i] = math.Log(w / all)
	}
	return weights
}

// softmax of a row, in memory that the next call uses again.
func (m *multiclass) softmax(row int32, margins []float64) []float64 {
	of := margins[int(row)*m.classes : (int(row)+1)*m.classes]
	most := of[0]
	for _, v := range of {
		most = max(most, v)
	}
	sum := 0.0
	for i, v := range of {
		m.p[i] = exp(v - most)
		sum += m.p[i]
	}
	for i := range m.p {
		m.p[i] /= sum
	}
	return m.p
}

func (m *multiclass) gradients(rows []int32, margins []float64, into []gradients) {
	for _, r := range rows {
		w := m.weight(r)
		for class, p := range m.softmax(r, margins) {
			into[class].second[r] = w * max(2*p*(1-p), leastHessian)
			if int(m.Label[r]) == class {
				p--
			}
			into[class].first[r] = w * p
		}
	}
}

func (m *multiclass) loss(rows []int32, margins []float64) float64 {
	sum, all := 0.0, 0.0
	for _, r := range rows {
		w := m.weight(r)
		sum -= float64(w * math.Log(max(m.softmax(r, margins)[int(m.Label[r])], 1e-300)))
		all += w
	}
	return sum / all
}
