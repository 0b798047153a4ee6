package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain/segment"
)

// SegmentOptions say what is grouped, and how.
type SegmentOptions struct {
	TransactionOptions
	// RFM groups the customers of transactions by recency, frequency and money; else the rows are grouped by likeness.
	RFM bool
	// ID is the column of the row's id; Columns are those that count, all numeric ones when empty, without Drop.
	ID            string
	Columns, Drop []string
	// Log takes the logarithm of 1 + the value where a column has no negative one: for amounts and counts.
	Log bool
	// K is how many groups; 0 tries Least to Most and keeps the best.
	K, Least, Most int
	Seed           uint64
	// Previous is a file that an earlier run printed: its groups keep their names.
	Previous string
}

// SegmentResult is the contract of `lab segments --json`.
type SegmentResult struct {
	K int `json:"k"`
	// Silhouette and Inertia are null for RFM.
	Silhouette *float64 `json:"silhouette"`
	Inertia    *float64 `json:"inertia"`
	Sizes      []int    `json:"sizes"`
	// Segments has the name of each group, in the order of Sizes and Centres.
	Segments []string `json:"segments"`
	// Columns are what Centres have a number of, in the units of the file: means, for RFM medians.
	Columns     []string     `json:"columns"`
	Centres     [][]float64  `json:"centres"`
	Assignments []Assignment `json:"assignments"`
	// Tried are the numbers of groups that were tried.
	Tried []segment.Tried `json:"tried,omitempty"`
	Rows  int             `json:"rows"`
	// Missing counts the values that were, and count as the mean of their column.
	Missing  int      `json:"missing"`
	LeftOut  *LeftOut `json:"left_out,omitempty"`
	Warnings []string `json:"warnings"`
	// Definition is what a server needs to put people into these groups, where the columns are features of a view.
	Definition segment.Definition `json:"definition"`
}

// Assignment is the group of one row, or customer.
type Assignment struct {
	ID      string `json:"id"`
	Group   int    `json:"group"`
	Segment string `json:"segment"`
	// Scores and the measures behind are of RFM only.
	Scores    *segment.Scores `json:"scores,omitempty"`
	Days      *int            `json:"recency_days,omitempty"`
	Purchases *int            `json:"frequency,omitempty"`
	Money     *float64        `json:"monetary,omitempty"`
}

// Segments reads and groups. It fails with ErrFile, ErrOptions, segment.ErrRows, segment.ErrOptions or the error of a
// cancelled context.
func Segments(ctx context.Context, o SegmentOptions) (*SegmentResult, error) {
	if o.RFM {
		return rfm(o)
	}
	n, err := readNumbers(o)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	scale, err := segment.ScaleOf(n.rows)
	if err != nil {
		return nil, err
	}
	r := &SegmentResult{Columns: n.columns, Rows: n.rows.Len(), Missing: n.missing, Warnings: n.warnings}
	scaled := scale.Rows(n.rows)
	c, err := r.cluster(scaled, o)
	if err != nil {
		return nil, err
	}
	s := segment.Silhouette(scaled, c, o.Seed)
	r.K, r.Silhouette, r.Inertia, r.Sizes = len(c.Centres), &s, &c.Inertia, c.Sizes
	if s < 0.25 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the silhouette is %.2f: the rows hardly fall into groups, whatever their number", s))
	}
	if err := r.name(c, scale, n, o.Previous); err != nil {
		return nil, err
	}
	for i, at := range c.Assignment {
		r.Assignments = append(r.Assignments, Assignment{ID: n.ids[i], Group: at, Segment: r.Segments[at]})
	}
	return r, nil
}

// cluster groups by the number of groups that was asked for, or by the best of several.
func (r *SegmentResult) cluster(rows segment.Rows, o SegmentOptions) (segment.Clustering, error) {
	if o.K > 0 {
		return segment.KMeans(rows, o.K, segment.Options{Seed: o.Seed})
	}
	c, tried, err := segment.Choose(rows, max(2, o.Least), max(2, o.Most), segment.Options{Seed: o.Seed})
	r.Tried = tried
	return c, err
}

// name names the groups: as the groups before that they continue, or by numbers that were not given yet.
func (r *SegmentResult) name(c segment.Clustering, scale segment.Scale, n *numbers, previous string) error {
	old, err := readPrevious(previous)
	if err != nil {
		return err
	}
	r.Definition = segment.Definition{ID: "likeness", View: "", Centres: &segment.Centres{Features: n.columns, Scale: scale, Points: c.Centres}}
	for _, centre := range c.Centres {
		r.Centres = append(r.Centres, n.back(scale.Back(centre)))
	}
	var taken []string
	continues := make([]int, len(c.Centres))
	for i := range continues {
		continues[i] = -1
	}
	if old != nil {
		if !slices.Equal(old.Features, n.columns) || len(old.Log) > 0 && !slices.Equal(old.Log, n.logs) || len(old.Log) == 0 && slices.Contains(n.logs, true) {
			return fmt.Errorf("%w: --previous is about other columns, or other logarithms: %s", ErrOptions, strings.Join(old.Features, ", "))
		}
		taken = old.Names
		continues = segment.Match(inScale(old, scale), c.Centres)
	}
	next := 1
	for _, at := range continues {
		if at >= 0 {
			r.Segments = append(r.Segments, old.Names[at])
			continue
		}
		for slices.Contains(taken, "group "+strconv.Itoa(next)) {
			next++
		}
		r.Segments = append(r.Segments, "group "+strconv.Itoa(next))
		next++
	}
	r.Definition.Centres.Names = r.Segments
	if slices.Contains(n.logs, true) {
		r.Definition.Centres.Log = n.logs
	}
	return nil
}

// inScale brings the centres of an earlier fit to the scale of this one.
func inScale(old *segment.Centres, scale segment.Scale) [][]float64 {
	var out [][]float64
	for _, p := range old.Points {
		out = append(out, scale.Apply(old.Scale.Back(p), nil))
	}
	return out
}

// readPrevious reads the definition in the JSON of an earlier run; nil for none.
func readPrevious(path string) (*segment.Centres, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the previous groups: %w", err)
	}
	d, err := DefinitionOf(data)
	if err != nil || d.Centres == nil || len(d.Centres.Points) == 0 {
		return nil, fmt.Errorf("%w: --previous is not what lab segments --json printed", ErrOptions)
	}
	if _, err := segment.Compile(d, d.Centres.Features); err != nil {
		return nil, fmt.Errorf("%w: --previous: %w", ErrOptions, err)
	}
	return d.Centres, nil
}

// numbers are the numeric columns of a file.
type numbers struct {
	ids      []string
	columns  []string
	rows     segment.Rows
	missing  int
	logs     []bool
	warnings []string
}

// back takes the logarithms back.
func (n *numbers) back(row []float64) []float64 {
	for i, logged := range n.logs {
		if logged {
			row[i] = math.Expm1(row[i])
		}
	}
	return row
}

// readNumbers reads the columns that count. It fails with ErrFile or ErrOptions.
func readNumbers(o SegmentOptions) (*numbers, error) {
	t, err := ReadFile(o.In)
	if err != nil {
		return nil, err
	}
	if len(t.Rows) == 0 {
		return nil, fmt.Errorf("%w: it has no rows", ErrFile)
	}
	n := &numbers{warnings: []string{}}
	id := t.first(o.ID, "id", "customer", "customer_id", "customerid", "user_id")
	if o.ID != "" && t.find(o.ID) < 0 {
		return nil, noColumn(t, o.ID)
	}
	for i := range t.Rows {
		name := strconv.Itoa(i + 1)
		if id >= 0 {
			name = t.Rows[i][id]
		}
		n.ids = append(n.ids, name)
	}
	for _, c := range slices.Concat(o.Columns, o.Drop) {
		if t.find(c) < 0 {
			return nil, noColumn(t, c)
		}
	}
	var values [][]float64
	for i, c := range t.Columns {
		if i == id || has(o.Drop, c) || len(o.Columns) > 0 && !has(o.Columns, c) {
			continue
		}
		column, err := numeric(t.values(i))
		switch {
		case err == nil:
			values, n.columns = append(values, column), append(n.columns, c)
		case len(o.Columns) > 0:
			return nil, fmt.Errorf("%w: the column %q is not numeric", ErrOptions, c)
		default:
			n.warnings = append(n.warnings, fmt.Sprintf("the column %q is not numeric and does not count", c))
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%w: no column is numeric; there are %s", ErrOptions, strings.Join(t.Columns, ", "))
	}
	n.fill(values, o.Log)
	return n, nil
}

func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// fill puts the columns side by side.
func (n *numbers) fill(values [][]float64, log bool) {
	n.logs = make([]bool, len(values))
	for j, column := range values {
		n.logs[j] = log && !slices.ContainsFunc(column, func(v float64) bool { return v < 0 })
	}
	n.rows = segment.Rows{Columns: len(values), Values: make([]float64, 0, len(values)*len(n.ids))}
	for i := range n.ids {
		for j := range values {
			v := values[j][i]
			if math.IsNaN(v) {
				n.missing++
			}
			if n.logs[j] {
				v = math.Log1p(v)
			}
			n.rows.Values = append(n.rows.Values, v)
		}
	}
}

// errText: a column has text in it.
var errText = errors.New("lab: not a number")

// numeric reads a column of numbers, NaN where it is blank or says so. It fails with errText.
func numeric(cells []string) ([]float64, error) {
	out := make([]float64, len(cells))
	known := 0
	comma := decimalComma(cells)
	for i, c := range cells {
		switch strings.ToLower(c) {
		case "", "na", "nan", "null", "none", "n/a", "?":
			out[i] = math.NaN()
			continue
		}
		if v, err := strconv.ParseFloat(c, 64); err == nil && !math.IsInf(v, 0) {
			out[i] = v
		} else if m, err := readAmount(c, comma); err == nil {
			out[i] = float64(m) / 1e6
		} else {
			return nil, errText
		}
		known++
	}
	if known == 0 {
		return nil, errText
	}
	return out, nil
}
