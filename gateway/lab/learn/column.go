package learn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/profferhq/proffer/gateway/lab"
)

// column is a column of the file that may say something: as numbers, as levels, or as moments.
type column struct {
	name    string
	numbers []float64 // NaN is missing; nil when it is something else
	levels  []int32   // which of its words each row has
	words   []string
	moments []time.Time // zero is missing
}

// bounds of what a column of words may be.
const (
	oneHotLevels = 12  // more words than this become the rate of the label among their rows
	mostRepeat   = .5  // more different words than that share of the rows: they name the rows
	fewWords     = 50  // as long as there are more than these
	sequential   = 1.5 // whole numbers that never repeat and are that dense count the rows
)

// readColumns finds out what the columns are. Those that say nothing are left out, with a warning each.
func readColumns(t lab.Table, l label, drop []string, rows []int) ([]column, []string, error) {
	for _, d := range drop {
		if t.Column(d) < 0 {
			return nil, nil, fmt.Errorf("%w: --drop: no column %q; there are %s", lab.ErrOptions, d, listed(t.Columns))
		}
	}
	var out []column
	var warnings []string
	for i, name := range t.Columns {
		if i == l.column || slices.Contains(drop, name) {
			continue
		}
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		cells := make([]string, len(rows))
		for k, r := range rows {
			cells[k] = t.Rows[r][i]
		}
		c, warning := readColumn(name, cells)
		if warning != "" {
			warnings = append(warnings, warning)
		}
		if c != nil {
			out = append(out, *c)
		}
	}
	if len(out) == 0 {
		return nil, nil, fmt.Errorf("%w: no column but the label says anything", lab.ErrOptions)
	}
	return out, warnings, nil
}

// readColumn is nil, with the reason, for a column that is not learnt from.
func readColumn(name string, cells []string) (*column, string) {
	distinct := distinctOf(cells)
	if len(distinct) == 0 || len(distinct) == 1 && !slices.ContainsFunc(cells, absent) {
		return nil, fmt.Sprintf("%q is left out: it never changes", name)
	}
	if values, odd, ok := numbersOf(cells); ok {
		switch {
		case counts(values, name):
			return nil, fmt.Sprintf("%q is left out: it numbers the rows", name)
		case odd > 0:
			return &column{name: name, numbers: values}, fmt.Sprintf("%q has %d values that are no numbers: they count as missing", name, odd)
		}
		return &column{name: name, numbers: values}, ""
	}
	if moments, ok := datesOf(cells); ok {
		return &column{name: name, moments: moments}, ""
	}
	if len(distinct) > fewWords && float64(len(distinct)) > mostRepeat*float64(len(cells)) {
		return nil, fmt.Sprintf("%q is left out: %d different values in %d rows name the rows", name, len(distinct), len(cells))
	}
	slices.Sort(distinct)
	c := &column{name: name, words: distinct, levels: make([]int32, len(cells))}
	for i, cell := range cells {
		at, found := slices.BinarySearch(distinct, word(cell))
		if !found { // missing is a level of its own, after the others
			at = len(distinct)
		}
		c.levels[i] = int32(at)
	}
	return c, ""
}

func word(cell string) string { return strings.ToLower(cell) }

// distinctOf are the different words of a column.
func distinctOf(cells []string) []string {
	seen := map[string]struct{}{}
	var out []string
	for _, c := range cells {
		if w := word(c); !absent(w) {
			if _, known := seen[w]; !known {
				seen[w] = struct{}{}
				out = append(out, w)
			}
		}
	}
	return out
}

// counts says whether whole numbers that never repeat do no more than name the rows.
func counts(values []float64, name string) bool {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if math.IsNaN(v) || v != math.Trunc(v) {
			return false
		}
		sorted = append(sorted, v)
	}
	slices.Sort(sorted)
	if len(sorted) < fewWords || len(slices.Compact(slices.Clone(sorted))) < len(sorted) {
		return false
	}
	low := strings.ToLower(name)
	named := low == "" || strings.HasSuffix(low, "id") || strings.HasSuffix(low, "_no") || strings.HasSuffix(low, "number") || strings.HasSuffix(low, "index") || strings.HasSuffix(low, "key") || strings.HasSuffix(low, "phone")
	return named || sorted[len(sorted)-1]-sorted[0] < sequential*float64(len(sorted))
}
