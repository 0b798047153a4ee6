package segment

import (
	"fmt"
	"math"
)

// Rows are numbers, row after row; NaN is missing.
type Rows struct {
	Columns int
	Values  []float64
}

// Len is the number of rows.
func (r Rows) Len() int {
	if r.Columns == 0 {
		return 0
	}
	return len(r.Values) / r.Columns
}

// Row is the i-th row; it is not a copy.
func (r Rows) Row(i int) []float64 { return r.Values[i*r.Columns:][:r.Columns:r.Columns] }

// check fails with ErrRows or ErrOptions.
func (r Rows) check(k int) error {
	switch {
	case r.Columns < 1 || r.Columns > MaxColumns || len(r.Values)%r.Columns != 0:
		return fmt.Errorf("%w: %d values in %d columns", ErrRows, len(r.Values), r.Columns)
	case k < 1 || k > MaxGroups:
		return fmt.Errorf("%w: %d groups; 1 to %d are possible", ErrOptions, k, MaxGroups)
	case r.Len() < k:
		return fmt.Errorf("%w: %d rows for %d groups", ErrRows, r.Len(), k)
	}
	for _, v := range r.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: a value is missing or infinite: scale the rows first", ErrRows)
		}
	}
	return nil
}

// Scale brings columns to mean 0 and deviation 1, so that no column counts more because of its unit.
type Scale struct {
	Mean      []float64 `json:"mean"`
	Deviation []float64 `json:"deviation"`
}

// ScaleOf is the scale of rows, over the values that are not missing. A column that does not vary has deviation 1, and
// so counts for nothing. It fails with ErrRows where a value is infinite.
func ScaleOf(r Rows) (Scale, error) {
	s := Scale{Mean: make([]float64, r.Columns), Deviation: make([]float64, r.Columns)}
	n := make([]float64, r.Columns)
	m2 := make([]float64, r.Columns)
	for i := range r.Len() {
		for j, v := range r.Row(i) {
			if math.IsInf(v, 0) {
				return Scale{}, fmt.Errorf("%w: row %d, column %d is infinite", ErrRows, i+1, j+1)
			}
			if math.IsNaN(v) {
				continue
			}
			n[j]++
			d := v - s.Mean[j]
			s.Mean[j] += d / n[j]
			m2[j] += float64(d * (v - s.Mean[j]))
		}
	}
	for j := range s.Deviation {
		s.Deviation[j] = math.Sqrt(m2[j] / max(n[j], 1))
		if !(s.Deviation[j] > 1e-12*math.Abs(s.Mean[j])) {
			s.Deviation[j] = 1
		}
	}
	return s, nil
}

// Apply appends the scaled row to dst. A missing or infinite value becomes the mean: it speaks neither for nor against a group.
func (s Scale) Apply(row, dst []float64) []float64 {
	for j, v := range row {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, (v-s.Mean[j])/s.Deviation[j])
	}
	return dst
}

// Rows scales all rows.
func (s Scale) Rows(r Rows) Rows {
	out := Rows{Columns: r.Columns, Values: make([]float64, 0, len(r.Values))}
	for i := range r.Len() {
		out.Values = s.Apply(r.Row(i), out.Values)
	}
	return out
}

// Back is the row that Apply made scaled of.
func (s Scale) Back(scaled []float64) []float64 {
	out := make([]float64, len(scaled))
	for j, v := range scaled {
		out[j] = s.Mean[j] + float64(v*s.Deviation[j])
	}
	return out
}
