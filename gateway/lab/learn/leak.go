package learn

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/domain/stat"
)

// Bounds of what a column may know about the label before it is suspected of being known only afterwards.
const (
	nearlyAll   = .985 // the AUC of a column alone
	strong      = .88  // above this, when it stands out:
	standsOut   = .1   // by that much from the next column
	nearlyPure  = .02  // share of what chance would have put among rows of the other label
	expectedPer = 10.0 // rows of the other label that chance would have put there, at least
	captured    = .05  // of the rows of a label, at least
)

// leaks names columns that give the label away, with the reason.
func leaks(columns []column, labels []float64, seed uint64) []string {
	type alone struct {
		name string
		auc  float64
	}
	var by []alone
	var out []string
	suspected := map[string]bool{}
	rows := train.All(len(labels)).Train
	for _, c := range columns {
		by = append(by, alone{c.name, aloneAUC(c, labels, rows, seed)})
		if reason := pure(c, labels); reason != "" && by[len(by)-1].auc < nearlyAll {
			out = append(out, fmt.Sprintf("%q looks like a leak of the label: %s", c.name, reason))
			suspected[c.name] = true
		}
	}
	slices.SortStableFunc(by, func(a, b alone) int { return cmp.Compare(b.auc, a.auc) })
	above := 0 // so many stand out
	for i, a := range by {
		next := .5
		if i+1 < len(by) {
			next = by[i+1].auc
		}
		if a.auc >= strong && a.auc-next >= standsOut {
			above = i + 1
		}
	}
	for i, a := range by {
		switch {
		case suspected[a.name]:
		case a.auc >= 1-1e-9:
			out = append(out, fmt.Sprintf("%q looks like a leak of the label: it equals it, or orders all rows as it does", a.name))
		case a.auc >= nearlyAll:
			out = append(out, fmt.Sprintf("%q looks like a leak of the label: alone it has an AUC of %.3f", a.name, a.auc))
		case i < above:
			out = append(out, fmt.Sprintf("%q may be a leak of the label: alone it has an AUC of %.3f, far above the other columns", a.name, a.auc))
		}
	}
	return out
}

// aloneAUC is how well a column orders the rows by itself: as it is, or by the rate of the label in its parts.
func aloneAUC(c column, labels []float64, rows []int32, seed uint64) float64 {
	s := stat.Scored{Y: make([]bool, len(labels))}
	for i, y := range labels {
		s.Y[i] = y > 0
	}
	best := .5
	values := c.numbers
	if c.moments != nil {
		values = make([]float64, len(labels))
		for i, t := range c.moments {
			if values[i] = math.NaN(); !t.IsZero() {
				values[i] = days(t)
			}
		}
	}
	parts := c
	if values != nil {
		s.P = make([]float64, len(values))
		for i, v := range values {
			if s.P[i] = v; math.IsNaN(v) {
				s.P[i] = math.Inf(-1)
			}
		}
		auc := s.AUC()
		best = max(best, auc, 1-auc)
		parts = binnedColumn(values)
	}
	s.P = rates(parts, labels, rows, seed)
	return max(best, s.AUC())
}

// binnedColumn takes numbers for words: in which twentieth they are.
func binnedColumn(values []float64) column {
	bins := stat.NewBins(values, 20)
	c := column{words: make([]string, len(bins.Cuts)+2), levels: make([]int32, len(values))}
	for i, v := range values {
		c.levels[i] = int32(bins.Of(v))
	}
	return c
}

// pure says what of a column is found with one label only, although chance would have found it with both.
func pure(c column, labels []float64) string {
	positives := 0.0
	for _, y := range labels {
		positives += y
	}
	base := positives / float64(len(labels))
	for _, g := range groupsOf(c) {
		n, yes := 0.0, 0.0
		for i, y := range labels {
			if g.has(i) {
				n, yes = n+1, yes+y
			}
		}
		no := n - yes
		if otherwise := n * (1 - base); otherwise >= expectedPer && no <= nearlyPure*otherwise && yes >= captured*positives {
			return fmt.Sprintf("%s in %.0f rows, and %.0f of them are positive", g.what, n, yes)
		}
		if otherwise := n * base; otherwise >= 2*expectedPer && yes <= nearlyPure*otherwise && no >= 2*captured*(float64(len(labels))-positives) && g.recorded {
			return fmt.Sprintf("%s in %.0f rows, and %.0f of them are negative", g.what, n, no)
		}
	}
	return ""
}

// rowsWith are rows of which a column says the same.
type rowsWith struct {
	what     string
	recorded bool // it is about whether there is a value at all
	has      func(i int) bool
}

func groupsOf(c column) []rowsWith {
	missing := func(i int) bool {
		switch {
		case c.numbers != nil:
			return math.IsNaN(c.numbers[i])
		case c.moments != nil:
			return c.moments[i].IsZero()
		}
		return int(c.levels[i]) == len(c.words)
	}
	out := []rowsWith{
		{"it is recorded", true, func(i int) bool { return !missing(i) }},
		{"it is missing", true, missing},
	}
	if c.numbers != nil {
		usual := mode(c.numbers)
		return append(out, rowsWith{fmt.Sprintf("it is not %g", usual), true, func(i int) bool { return !missing(i) && c.numbers[i] != usual }})
	}
	for level, w := range c.words {
		if len(c.words) <= 50 {
			out = append(out, rowsWith{fmt.Sprintf("it is %q", w), false, func(i int) bool { return int(c.levels[i]) == level }})
		}
	}
	return out
}

// mode is the most frequent number; the least of equals.
func mode(values []float64) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted) // NaN first
	best, most := math.NaN(), 0
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		if j-i > most {
			best, most = sorted[i], j-i
		}
		i = max(j, i+1)
	}
	return best
}
