// Package calibration turns a binary model's margins into probabilities that can be multiplied with money: fitted on
// rows of their own, stored with the model, applied to every score. All functions give the same bits on every machine.
package calibration

import (
	"errors"
	"fmt"
	"sort"

	"github.com/profferhq/proffer/domain/stat"
)

// The kinds.
const (
	// None: the probability is the sigmoid of the margin, as the model says.
	None = "none"
	// Platt: sigmoid(A margin + B).
	Platt = "platt"
	// Isotonic: straight lines between points, constant before the first and after the last.
	Isotonic = "isotonic"
)

// MaxPoints of an isotonic calibration.
const MaxPoints = 10_000

// ErrInvalid is wrapped by every error of Check.
var ErrInvalid = errors.New("calibration: not valid")

// Calibration maps a margin to a probability, never falling as the margin rises. The zero Calibration is None.
type Calibration struct {
	Kind string `json:"kind"`
	// A and B are Platt's.
	A float64 `json:"a,omitempty"`
	B float64 `json:"b,omitempty"`
	// Points are Isotonic's: margins ascending, probabilities never falling.
	Points []Point `json:"points,omitempty"`
}

// Point says which probability belongs to a margin.
type Point struct {
	Margin      float64 `json:"margin"`
	Probability float64 `json:"probability"`
}

// Check finds the first thing that would turn a margin into no probability, or turn the order of two margins round.
func (c *Calibration) Check() error {
	switch c.Kind {
	case "", None:
		return c.none(true)
	case Platt:
		if !finite(c.A) || !finite(c.B) || c.A <= 0 {
			return fmt.Errorf("%w: platt needs finite a and b, a above 0, and has %v and %v", ErrInvalid, c.A, c.B)
		}
		if len(c.Points) > 0 {
			return fmt.Errorf("%w: points belong to isotonic", ErrInvalid)
		}
		return nil
	case Isotonic:
		if err := c.none(false); err != nil {
			return err
		}
		return checkPoints(c.Points)
	}
	return fmt.Errorf("%w: kind %q, want %s, %s or %s", ErrInvalid, c.Kind, None, Platt, Isotonic)
}

// none checks that a and b, and if told the points, are left out.
func (c *Calibration) none(points bool) error {
	if c.A != 0 || c.B != 0 {
		return fmt.Errorf("%w: a and b belong to platt", ErrInvalid)
	}
	if points && len(c.Points) > 0 {
		return fmt.Errorf("%w: points belong to isotonic", ErrInvalid)
	}
	return nil
}

func checkPoints(points []Point) error {
	if len(points) == 0 || len(points) > MaxPoints {
		return fmt.Errorf("%w: %d points, want 1 to %d", ErrInvalid, len(points), MaxPoints)
	}
	for i, p := range points {
		if !finite(p.Margin) || !(p.Probability >= 0 && p.Probability <= 1) {
			return fmt.Errorf("%w: point %d is (%v, %v), want a finite margin and a probability", ErrInvalid, i, p.Margin, p.Probability)
		}
		if i > 0 && (p.Margin <= points[i-1].Margin || p.Probability < points[i-1].Probability) {
			return fmt.Errorf("%w: point %d: margins must ascend and probabilities never fall", ErrInvalid, i)
		}
	}
	return nil
}

// Apply gives the probability of a finite margin, in [0, 1]. c has passed Check.
func (c *Calibration) Apply(margin float64) float64 {
	switch c.Kind {
	case Platt:
		return stat.Sigmoid(float64(c.A*margin) + c.B)
	case Isotonic:
		return c.between(margin)
	}
	return stat.Sigmoid(margin)
}

func (c *Calibration) between(margin float64) float64 {
	after := sort.Search(len(c.Points), func(i int) bool { return c.Points[i].Margin > margin })
	switch after {
	case 0:
		return c.Points[0].Probability
	case len(c.Points):
		return c.Points[after-1].Probability
	}
	low, high := c.Points[after-1], c.Points[after]
	share := (margin - low.Margin) / (high.Margin - low.Margin)
	// Rounding must not leave the two points.
	p := low.Probability + float64(share*(high.Probability-low.Probability))
	return min(max(p, low.Probability), high.Probability)
}

func finite(v float64) bool { return v-v == 0 }
