package value

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// History is what is known of one person: all that the models need.
type History struct {
	// Repeats is the number of purchases after the first.
	Repeats int
	// Last is the time from the first purchase to the last, 0 where there is one only.
	Last float64
	// Observed is the time from the first purchase to the end of the observation.
	Observed float64
	// Mean is the mean value of the purchases after the first; NaN where it is not known.
	Mean float64
}

// Validate fails with ErrHistory.
func (h History) Validate() error {
	switch {
	case math.IsNaN(h.Last), math.IsNaN(h.Observed), math.IsInf(h.Observed, 0), h.Repeats < 0:
		return fmt.Errorf("%w: a number that is missing, infinite or negative", ErrHistory)
	case h.Last < 0 || h.Last > h.Observed:
		return fmt.Errorf("%w: the last purchase is not between the first and the end", ErrHistory)
	case (h.Repeats > 0) != (h.Last > 0):
		return fmt.Errorf("%w: a person buys again exactly if the last purchase is later than the first", ErrHistory)
	case math.IsInf(h.Mean, 0):
		return fmt.Errorf("%w: an infinite mean value", ErrHistory)
	}
	return nil
}

// group is how many people have one history of purchases.
type group struct {
	x          int
	last, seen float64
	n          float64
}

// groups counts equal histories, in a fixed order, with times divided by the longest observation, which is returned.
func groups(histories []History) ([]group, float64, error) {
	longest := 0.0
	for i, h := range histories {
		if err := h.Validate(); err != nil {
			return nil, 0, fmt.Errorf("person %d: %w", i+1, err)
		}
		longest = max(longest, h.Observed)
	}
	all := make([]group, len(histories))
	for i, h := range histories {
		all[i] = group{h.Repeats, h.Last, h.Observed, 1}
	}
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.last, b.last), cmp.Compare(a.seen, b.seen))
	})
	var out []group
	for _, g := range all {
		if k := len(out) - 1; k >= 0 && out[k].x == g.x && out[k].last == g.last && out[k].seen == g.seen {
			out[k].n++
			continue
		}
		out = append(out, g)
	}
	for i := range out {
		out[i].last /= longest
		out[i].seen /= longest
	}
	return out, longest, nil
}
