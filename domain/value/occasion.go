package value

import (
	"cmp"
	"math"
	"slices"
)

// Occasion is a day on which a person bought, and for how much: days are counted from any day, as long as it is one.
type Occasion struct {
	Day    int
	Micros int64
}

// Occasions brings purchases in order and makes one occasion of those of a day: several baskets in a day are one
// decision to buy. Values that do not fit are held at the largest that do.
func Occasions(purchases []Occasion) []Occasion {
	all := slices.Clone(purchases)
	slices.SortStableFunc(all, func(a, b Occasion) int { return cmp.Compare(a.Day, b.Day) })
	out := all[:0]
	for _, p := range all {
		if k := len(out) - 1; k >= 0 && out[k].Day == p.Day {
			out[k].Micros = add(out[k].Micros, p.Micros)
			continue
		}
		out = append(out, p)
	}
	return out
}

// HistoryOf is the history of a person by her occasions, in order and not later than end, which must be one or more;
// times are in units of so many days. The first purchase counts neither as a repeat nor for the mean value.
func HistoryOf(occasions []Occasion, end int, unitDays float64) History {
	first, last := occasions[0].Day, occasions[len(occasions)-1].Day
	h := History{Repeats: len(occasions) - 1, Last: float64(last-first) / unitDays, Observed: float64(end-first) / unitDays, Mean: math.NaN()}
	total := int64(0)
	for _, o := range occasions[1:] {
		total = add(total, o.Micros)
	}
	if h.Repeats > 0 {
		h.Mean = float64(total) / 1e6 / float64(h.Repeats)
	}
	return h
}

func add(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
