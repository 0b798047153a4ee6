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
	at, personal := idColumn(o.ID, tables)
	if at < 0 {
		return nil, fmt.Errorf("%w: no column %q", ErrOptions, o.ID)
	}
	id := tables[0].Columns[at]
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
	for _, table := range tables {
		for _, row := range table.Rows {
			t.IDs = append(t.IDs, row[table.Column(id)])
		}
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
			return nil, fmt.Errorf("%w: it has no rows", ErrFile)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// idColumn is the column named, or the first whose values never repeat and tell nothing about a person, or the first.
// personal says that the column may be compared all the same.
func idColumn(name string, tables []Table) (at int, personal bool) {
	if name != "" {
		if !everywhere(name, tables) {
			return -1, false
		}
		return tables[0].Column(name), false
	}
	for i, c := range tables[0].Columns {
		if !everywhere(c, tables) {
			continue
		}
		values := tables[0].values(i)
		seen := map[string]struct{}{}
		for _, v := range values {
			seen[v] = struct{}{}
		}
		if _, person := match.Recognise(match.Column{Name: c, Values: values}); len(seen) == len(values) && !person {
			return i, false
		}
	}
	return 0, true
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
