package train

import (
	"context"
	"slices"

	"github.com/profferhq/proffer/decider/model/calibration"
)

// Bounds of bending.
const (
	// bendRows are so few that a bend is noise.
	bendRows = 1000
	// bendEvidence is the least that bends must win in twice the log-likelihood: seven of them win 18.5 by chance once in
	// a hundred times.
	bendEvidence = 18.5
	// bendPoints of the curve between the least and the largest margin.
	bendPoints = 64
	// bendSlope is the least slope, as a share of Platt's: order must not be lost.
	bendSlope = .1
)

// Bend fits Platt's calibration, and where there are rows enough to say that the log-odds do not follow a straight line,
// a bent one: straight pieces between seven quantiles of the margins, never falling. Unlike Isotonic it makes no ties. It
// fails with ErrSet or the error of a cancelled context.
func Bend(ctx context.Context, j Judged) (calibration.Calibration, error) {
	straight, err := Platt(j)
	if err != nil || len(j.Margins) < bendRows {
		return straight, err
	}
	sorted := slices.Clone(j.Margins)
	slices.Sort(sorted)
	b := bend{straight: straight, low: sorted[0], high: sorted[len(sorted)-1]}
	for _, share := range []float64{.05, .2, .35, .5, .65, .8, .95} {
		b.knots = append(b.knots, sorted[int(share*float64(len(sorted)))])
	}
	b.knots = slices.Compact(b.knots)
	if b.line, err = Regress(ctx, b.set(j), All(len(j.Margins)), 1); err != nil {
		return calibration.Calibration{}, err
	}
	won := 0.0
	for i, m := range j.Margins {
		sign := 1.0
		if j.Positive[i] {
			sign = -1
		}
		won += float64(2 * j.weight(i) * (softplus(sign*(float64(straight.A*m)+straight.B)) - softplus(sign*b.line.Margin(b.row(m)))))
	}
	if !(won > bendEvidence) {
		return straight, nil
	}
	return b.curve(), nil
}

// bend is a line in pieces.
type bend struct {
	straight  calibration.Calibration
	low, high float64
	knots     []float64
	line      *Logistic
}

// row is a margin, and by how much it exceeds each knot.
func (b *bend) row(m float64) []float64 {
	out := []float64{m}
	for _, k := range b.knots {
		out = append(out, max(0, m-k))
	}
	return out
}

func (b *bend) set(j Judged) *Set {
	s := &Set{Columns: make([][]float64, len(b.knots)+1), Weight: j.Weights}
	for i, m := range j.Margins {
		for f, v := range b.row(m) {
			s.Columns[f] = append(s.Columns[f], v)
		}
		s.Label = append(s.Label, float64(index(j.Positive[i])))
	}
	return s
}

// curve is the line as points that rise everywhere, and go on beyond the margins seen as Platt's would.
func (b *bend) curve() calibration.Calibration {
	c := calibration.Calibration{Kind: calibration.Isotonic}
	z := b.line.Margin(b.row(b.low))
	for m := b.low - 8; m < b.low; m++ {
		c.Points = append(c.Points, calibration.Point{Margin: m, Probability: sigmoid(z + float64(b.straight.A*(m-b.low)))})
	}
	at := b.low
	step := (b.high - b.low) / bendPoints
	for i := range bendPoints + 1 {
		m := b.low + float64(float64(i)*step)
		if i > 0 {
			z = max(b.line.Margin(b.row(m)), z+float64(bendSlope*b.straight.A*(m-at)))
		}
		at = m
		c.Points = append(c.Points, calibration.Point{Margin: m, Probability: sigmoid(z)})
	}
	for i := range 8 {
		m := at + float64(i+1)
		c.Points = append(c.Points, calibration.Point{Margin: m, Probability: sigmoid(z + float64(b.straight.A*(m-at)))})
	}
	return c
}
