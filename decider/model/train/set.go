package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/profferhq/proffer/decider/model/tree"
)

// Errors of training.
var (
	// ErrSet is wrapped by every error about the rows: the message names the column or the row.
	ErrSet = errors.New("train: the rows cannot be learnt from")
	// ErrOptions is wrapped by every error about the options: the message names the option.
	ErrOptions = errors.New("train: the options cannot be used")
)

// MaxRows of a set.
const MaxRows = 1 << 28

// Set is rows to learn from, column by column.
type Set struct {
	// Names of the columns, for messages; nil is fine.
	Names []string
	// Columns has one list of values a feature, each as long as Label. NaN is missing.
	Columns [][]float64
	// Label is 0 or 1 (Binary), a class counted from 0 (Multiclass), a value (Regression) or a grade (Ranking).
	Label []float64
	// Weight of each row, above or equal to 0; nil weighs each 1.
	Weight []float64
	// Group is for Ranking: rows of one query stand together and have one number.
	Group []int32
}

// Rows is how many there are.
func (s *Set) Rows() int { return len(s.Label) }

func (s *Set) name(column int) string {
	if column < len(s.Names) {
		return s.Names[column]
	}
	return fmt.Sprintf("column %d", column)
}

func (s *Set) weight(row int32) float64 {
	if s.Weight == nil {
		return 1
	}
	return s.Weight[row]
}

// check finds the first thing that the objective cannot learn from.
func (s *Set) check(objective tree.Objective, classes int) error {
	switch {
	case len(s.Columns) == 0 || len(s.Columns) > tree.MaxFeatures:
		return fmt.Errorf("%w: %d columns, want 1 to %d", ErrSet, len(s.Columns), tree.MaxFeatures)
	case len(s.Label) == 0 || len(s.Label) > MaxRows:
		return fmt.Errorf("%w: %d rows, want 1 to %d", ErrSet, len(s.Label), MaxRows)
	case s.Weight != nil && len(s.Weight) != len(s.Label):
		return fmt.Errorf("%w: %d weights for %d rows", ErrSet, len(s.Weight), len(s.Label))
	case (objective == tree.Ranking) != (s.Group != nil) || s.Group != nil && len(s.Group) != len(s.Label):
		return fmt.Errorf("%w: ranking, and nothing else, needs a group for each row", ErrSet)
	}
	for i, c := range s.Columns {
		if len(c) != len(s.Label) {
			return fmt.Errorf("%w: %s has %d values for %d rows", ErrSet, s.name(i), len(c), len(s.Label))
		}
		for row, v := range c {
			if math.IsInf(float64(float32(v)), 0) {
				return fmt.Errorf("%w: %s, row %d: infinite, or too large for a 32-bit float", ErrSet, s.name(i), row)
			}
		}
	}
	for row, w := range s.Weight {
		if !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("%w: row %d: a weight is finite and not below 0", ErrSet, row)
		}
	}
	return s.checkLabels(objective, classes)
}

func (s *Set) checkLabels(objective tree.Objective, classes int) error {
	for row, y := range s.Label {
		whole := y == math.Trunc(y)
		switch {
		case y-y != 0:
			return fmt.Errorf("%w: row %d: the label is not finite", ErrSet, row)
		case objective == tree.Binary && y != 0 && y != 1:
			return fmt.Errorf("%w: row %d: the label is %v, want 0 or 1", ErrSet, row, y)
		case objective == tree.Multiclass && (!whole || y < 0 || y >= float64(classes)):
			return fmt.Errorf("%w: row %d: the label is %v, want a class from 0 to %d", ErrSet, row, y, classes-1)
		}
	}
	return nil
}

// Split says which rows are learnt from, and on which it is seen when to stop.
type Split struct {
	Train []int32
	// Valid is empty when nothing stops early. It should be what came last.
	Valid []int32
}

// All learns from all rows.
func All(rows int) Split {
	return Split{Train: sequence(0, rows)}
}

func sequence(from, to int) []int32 {
	out := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, int32(i))
	}
	return out
}

// check finds rows that there are not, and classes that would not be seen.
func (s Split) check(set *Set, objective tree.Objective, classes int) error {
	if len(s.Train) == 0 {
		return fmt.Errorf("%w: no rows to learn from", ErrSet)
	}
	for _, rows := range [...][]int32{s.Train, s.Valid} {
		for _, r := range rows {
			if r < 0 || int(r) >= set.Rows() {
				return fmt.Errorf("%w: row %d of %d", ErrSet, r, set.Rows())
			}
		}
	}
	weight := make([]float64, max(classes, 2))
	total := 0.0
	for _, r := range s.Train {
		if w := set.weight(r); objective == tree.Binary || objective == tree.Multiclass {
			weight[int(set.Label[r])] += w
		} else {
			total += w
		}
	}
	if objective != tree.Binary && objective != tree.Multiclass {
		if total <= 0 {
			return fmt.Errorf("%w: all rows weigh nothing", ErrSet)
		}
		return nil
	}
	for class, w := range weight {
		if w <= 0 {
			return fmt.Errorf("%w: no row to learn from has the label %d", ErrSet, class)
		}
	}
	return nil
}

// Pick is a set of some of the rows.
func (s *Set) Pick(rows []int32) *Set {
	out := &Set{Names: s.Names, Columns: make([][]float64, len(s.Columns))}
	for _, r := range rows {
		for k, c := range s.Columns {
			out.Columns[k] = append(out.Columns[k], c[r])
		}
		out.Label = append(out.Label, s.Label[r])
		if s.Weight != nil {
			out.Weight = append(out.Weight, s.Weight[r])
		}
	}
	return out
}
