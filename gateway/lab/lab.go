package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/profferhq/proffer/domain/identity/match"
)

// ErrOptions is wrapped by errors that other options would cure.
var ErrOptions = errors.New("lab: the options do not fit the files")

// Options say what to try.
type Options struct {
	In, With string
	// Config is a model as YAML or JSON; empty proposes one.
	Config []byte
	// ID is the id column; empty is the first column that looks like one, or else the first.
	ID string
	// Truth is a column or a regular expression over the id column; empty when the truth is not known.
	Truth string
	// Reader brings values to normal form.
	Reader match.Reader
	// Workers is how many goroutines compare.
	Workers int
	// Seed decides the random pairs.
	Seed uint64
	// Low and High bound the review band: High links.
	Low, High float64
	// Progress is told how many pairs are compared of how many; it may be nil.
	Progress func(done, total uint64)
}

// Scored is a pair of rows that may be one person.
type Scored struct {
	A, B      int
	Posterior float64
}

// Trial is what came out: the counts, and what is needed to look closer.
type Trial struct {
	Result  Result
	Pairs   []Scored
	IDs     []string
	matcher *match.Matcher
	records []match.Prepared
	counts  *match.Frequencies
	truth   *truth
	split   int
}

// keptFrom is the posterior from which a pair is kept for counting.
const keptFrom = 0.01

// Run reads, fits, compares and counts. It fails with ErrFile, ErrOptions, match.ErrModel, match.ErrTooFew, or the
// error of a cancelled context.
func Run(ctx context.Context, o Options) (*Trial, error) {
	started := time.Now()
	tables, err := readTables(o)
	if err != nil {
		return nil, err
	}
	t := &Trial{}
	at, personal := idColumns(o.ID, tables)
	if at == nil {
		return nil, fmt.Errorf("%w: no column %q", ErrOptions, o.ID)
	}
	id := tables[0].Columns[at[0]]
	var skip []string
	if !personal {
		skip = append(skip, id)
	}
	if o.Truth != "" {
		known, err := readTruth(o.Truth, id, tables)
		if err != nil {
			return nil, err
		}
		t.truth = &known
		skip = append(skip, known.column)
	}
	proposal, err := propose(o.Config, tables, skip)
	if err != nil {
		return nil, err
	}
	for i, table := range tables {
		t.IDs = append(t.IDs, table.values(at[i])...)
	}
	split := 0
	if len(tables) > 1 {
		split = len(tables[0].Rows)
	}
	if err := t.compare(ctx, o, proposal, tables, split); err != nil {
		return nil, err
	}
	t.split = split
	t.count(o, split)
	t.Result.Seconds = time.Since(started).Seconds()
	return t, nil
}

func readTables(o Options) ([]Table, error) {
	var tables []Table
	for _, path := range []string{o.In, o.With} {
		if path == "" {
			continue
		}
		t, err := ReadFile(path)
		if err != nil {
			return nil, err
		}
		if len(t.Rows) == 0 {
			return nil, fmt.Errorf("%s: %w: it has no rows", path, ErrFile)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// idColumns is the place of the id in each table: the column named, nil when one has none of the name; or else the first
// that all have and that identifies, or the first if all have it, or in each table its own.
// personal says that the column may be compared all the same.
func idColumns(name string, tables []Table) (at []int, personal bool) {
	if name != "" {
		return placed(name, tables), false
	}
	for i, c := range tables[0].Columns {
		if everywhere(c, tables) && identifies(tables[0], i) {
			return placed(c, tables), false
		}
	}
	if at := placed(tables[0].Columns[0], tables); at != nil {
		return at, true
	}
	for _, t := range tables {
		own := 0
		for i := range slices.Backward(t.Columns) {
			if identifies(t, i) {
				own = i
			}
		}
		at = append(at, own)
	}
	return at, true
}

// placed is where the tables have the column; nil when one has none of the name.
func placed(column string, tables []Table) []int {
	if !everywhere(column, tables) {
		return nil
	}
	var at []int
	for _, t := range tables {
		at = append(at, t.Column(column))
	}
	return at
}

// identifies says whether a column's values never repeat and tell nothing about a person.
func identifies(t Table, column int) bool {
	values := t.values(column)
	seen := map[string]struct{}{}
	for _, v := range values {
		seen[v] = struct{}{}
	}
	_, person := match.Recognise(match.Column{Name: t.Columns[column], Values: values})
	return len(seen) == len(values) && !person
}

// compare fits the model where that is needed, and weighs the candidates.
func (t *Trial) compare(ctx context.Context, o Options, proposal match.Model, tables []Table, split int) error {
	m, err := match.NewMatcher(proposal)
	if err != nil {
		return err
	}
	if t.records, err = prepare(ctx, m, tables, o.Reader); err != nil {
		return err
	}
	if !proposal.Fitted() {
		fitted, report, err := fit(ctx, proposal, t.records, split, o.Seed)
		if err != nil {
			return err
		}
		t.Result.Fit = &report
		if m, err = match.NewMatcher(fitted); err != nil {
			return err
		}
	}
	t.matcher, t.Result.Model = m, m.Model()
	t.counts = m.NewFrequencies()
	for _, r := range t.records {
		t.counts.Add(r)
	}
	blocking := match.NewBlocking(m, t.records, split)
	t.Result.Blocks = blocking.Report()
	return t.weigh(ctx, o, blocking)
}

// fit is match.Fit for one who may lose patience: a cancelled context does not wait for it, and it ends by itself.
func fit(ctx context.Context, proposal match.Model, records []match.Prepared, split int, seed uint64) (match.Model, match.FitReport, error) {
	type fitted struct {
		model  match.Model
		report match.FitReport
		err    error
	}
	done := make(chan fitted, 1)
	go func() {
		m, r, err := match.Fit(proposal, records, split, seed)
		done <- fitted{m, r, err}
	}()
	select {
	case f := <-done:
		return f.model, f.report, f.err
	case <-ctx.Done():
		return match.Model{}, match.FitReport{}, ctx.Err()
	}
}

// prepare reads every row in the model's fields.
func prepare(ctx context.Context, m *match.Matcher, tables []Table, reader match.Reader) ([]match.Prepared, error) {
	var records []match.Prepared
	fields := m.Model().Fields
	for _, table := range tables {
		at := make([]int, len(fields))
		for i, f := range fields {
			if at[i] = columnOf(table, f.Name); at[i] < 0 {
				return nil, fmt.Errorf("%w: no column for the field %q", ErrOptions, f.Name)
			}
		}
		for n, row := range table.Rows {
			if n%1000 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			r := match.Record{Values: make([][]string, len(fields))}
			for i, f := range fields {
				r.Values[i] = values(f.Kind, row[at[i]])
			}
			records = append(records, m.Prepare(r, reader))
		}
	}
	return records, nil
}

// weigh compares the candidates, each worker its share, and keeps what may be one person.
func (t *Trial) weigh(ctx context.Context, o Options, blocking *match.Blocking) error {
	total := uint64(0)
	for _, r := range t.Result.Blocks {
		total += r.Pairs
	}
	workers := max(1, o.Workers)
	type part struct {
		pairs []Scored
		n     uint64
	}
	results := make(chan part, workers)
	steps := make(chan uint64, workers)
	for w := range workers {
		go func() {
			var p part
			for pair := range blocking.Share(w, workers) {
				p.n++
				if p.n%step == 0 {
					if ctx.Err() != nil {
						break
					}
					steps <- step
				}
				weight := t.matcher.Weight(&t.records[pair.A], &t.records[pair.B], t.counts)
				if posterior := match.Posterior(weight); posterior >= keptFrom {
					p.pairs = append(p.pairs, Scored{pair.A, pair.B, posterior})
				}
			}
			results <- p
		}()
	}
	done := uint64(0)
	for left := workers; left > 0; {
		select {
		case n := <-steps:
			if done += n; o.Progress != nil {
				o.Progress(done, total)
			}
		case p := <-results:
			t.Pairs = append(t.Pairs, p.pairs...)
			t.Result.CandidatePairs += p.n
			left--
		}
	}
	slices.SortFunc(t.Pairs, func(a, b Scored) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	return ctx.Err()
}

// step is after how many pairs a worker looks up.
const step = 20_000
