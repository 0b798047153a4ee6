package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model/calibration"
)

// Judged are margins whose outcome is known: what calibrations are fitted on. They must not be of the rows that the
// model learnt from, nor of those that it is judged on afterwards.
type Judged struct {
	Margins  []float64
	Positive []bool
	// Weights are above or equal to 0; nil weighs each 1.
	Weights []float64
}

func (j Judged) weight(i int) float64 {
	if j.Weights == nil {
		return 1
	}
	return j.Weights[i]
}

func (j Judged) check() error {
	if len(j.Margins) != len(j.Positive) || j.Weights != nil && len(j.Weights) != len(j.Margins) {
		return fmt.Errorf("%w: calibration: %d margins, %d outcomes, %d weights", ErrSet, len(j.Margins), len(j.Positive), len(j.Weights))
	}
	positive, negative := 0.0, 0.0
	for i, m := range j.Margins {
		w := j.weight(i)
		if m-m != 0 || !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("%w: calibration: row %d: a margin or weight is not finite, or a weight is below 0", ErrSet, i)
		}
		if j.Positive[i] {
			positive += w
		} else {
			negative += w
		}
	}
	if positive <= 0 || negative <= 0 {
		return fmt.Errorf("%w: calibration: needs rows of both outcomes", ErrSet)
	}
	return nil
}

// Platt fits sigmoid(A margin + B), with targets drawn in from 0 and 1 as if one more row of either outcome had been
// seen: margins that separate all rows give no certainty. When the margins do not rise with the outcome at all, A is the
// least that still keeps their order. It fails with ErrSet.
func Platt(j Judged) (calibration.Calibration, error) {
	if err := j.check(); err != nil {
		return calibration.Calibration{}, err
	}
	p := newPlatt(j)
	for range 100 {
		if p.step() {
			break
		}
	}
	if !(p.a >= leastSlope) {
		p.a = leastSlope
		p.level()
	}
	return calibration.Calibration{Kind: calibration.Platt, A: p.a, B: p.b}, nil
}

// leastSlope of a calibration: flat would make all rows equal.
const leastSlope = 1e-4

type platt struct {
	Judged
	target [2]float64 // of negative and positive rows
	a, b   float64
}

func newPlatt(j Judged) *platt {
	var n [2]float64
	for i, yes := range j.Positive {
		n[index(yes)] += j.weight(i)
	}
	return &platt{Judged: j, target: [2]float64{1 / (n[0] + 2), (n[1] + 1) / (n[1] + 2)}, b: math.Log((n[1] + 1) / (n[0] + 1))}
}

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// loss is the cross entropy with the drawn-in targets.
func (p *platt) loss(a, b float64) float64 {
	sum := 0.0
	for i, m := range p.Margins {
		z := float64(a*m) + b
		sum += float64(p.weight(i) * (softplus(z) - float64(p.target[index(p.Positive[i])]*z)))
	}
	return sum
}

// step is Newton's, halved until the loss falls; it says whether there is no more to win.
func (p *platt) step() (done bool) {
	var ga, gb, haa, hab, hbb float64
	for i, m := range p.Margins {
		w := p.weight(i)
		q := sigmoid(float64(p.a*m) + p.b)
		d := float64(w * (q - p.target[index(p.Positive[i])]))
		h := float64(w * max(float64(q*(1-q)), 1e-12))
		ga, gb = ga+float64(d*m), gb+d
		haa, hab, hbb = haa+float64(h*float64(m*m)), hab+float64(h*m), hbb+h
	}
	haa, hbb = haa+1e-10, hbb+1e-10
	det := float64(haa*hbb) - float64(hab*hab)
	if math.Abs(ga)+math.Abs(gb) < 1e-9 || !(det > 0) {
		return true
	}
	da, db := (float64(hbb*ga)-float64(hab*gb))/det, (float64(haa*gb)-float64(hab*ga))/det
	before := p.loss(p.a, p.b)
	for size := 1.0; size > 1e-10; size /= 2 {
		a, b := p.a-float64(size*da), p.b-float64(size*db)
		if after := p.loss(a, b); after < before {
			p.a, p.b = a, b
			return before-after < 1e-12*math.Abs(before)
		}
	}
	return true
}

// level moves B so that the probabilities have the mean of the targets, A being given.
func (p *platt) level() {
	low, high := -50.0, 50.0
	for range 100 {
		p.b = (low + high) / 2
		sum := 0.0
		for i, m := range p.Margins {
			sum += float64(p.weight(i) * (sigmoid(float64(p.a*m)+p.b) - p.target[index(p.Positive[i])]))
		}
		if sum > 0 {
			high = p.b
		} else {
			low = p.b
		}
	}
}

// block is rows in a row that have one probability.
type block struct{ low, high, rate, weight float64 }

// Isotonic fits steps that never fall, with straight lines between them: it follows any shape, needs thousands of rows,
// and makes ties. It fails with ErrSet.
func Isotonic(j Judged) (calibration.Calibration, error) {
	if err := j.check(); err != nil {
		return calibration.Calibration{}, err
	}
	c := calibration.Calibration{Kind: calibration.Isotonic}
	point := func(margin, probability float64) {
		if n := len(c.Points); n == 0 || margin > c.Points[n-1].Margin {
			c.Points = append(c.Points, calibration.Point{Margin: margin, Probability: probability})
		}
	}
	blocks := pooled(j)
	for _, b := range blocks {
		if len(blocks) > calibration.MaxPoints/2 {
			point((b.low+b.high)/2, b.rate)
			continue
		}
		point(b.low, b.rate)
		point(b.high, b.rate)
	}
	if n := len(c.Points); n > calibration.MaxPoints {
		c.Points = thin(c.Points, calibration.MaxPoints)
	}
	return c, nil
}

func thin(points []calibration.Point, most int) []calibration.Point {
	out := make([]calibration.Point, 0, most)
	for i := range most {
		out = append(out, points[i*(len(points)-1)/(most-1)])
	}
	return out
}

// pooled joins neighbours that stand in the wrong order until the rates never fall.
func pooled(j Judged) []block {
	order := make([]int, len(j.Margins))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(j.Margins[a], j.Margins[b]) })
	var out []block
	for _, i := range order {
		b := block{j.Margins[i], j.Margins[i], float64(index(j.Positive[i])), j.weight(i)}
		if b.weight == 0 {
			continue
		}
		out = append(out, b)
		for n := len(out); n > 1 && (out[n-2].rate >= out[n-1].rate || out[n-2].high == out[n-1].low); n = len(out) {
			out = append(out[:n-2], join(out[n-2], out[n-1]))
		}
	}
	return out
}

func join(a, b block) block {
	weight := a.weight + b.weight
	return block{a.low, b.high, (float64(a.rate*a.weight) + float64(b.rate*b.weight)) / weight, weight}
}
