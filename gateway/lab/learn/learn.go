package learn

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/stat"
	"github.com/profferhq/proffer/gateway/lab"
)

// Options say what to train on.
type Options struct {
	In    string
	Label string
	// Drop are columns that are not looked at.
	Drop []string
	// Folds is in how many parts the rows are left out, each once; 2 to 50.
	Folds int
	// Seed draws the folds.
	Seed uint64
	// Workers is how many folds are trained at a time.
	Workers int
	// Progress is told how many folds are done of how many; it may be nil.
	Progress func(done, total uint64)
}

// Scores are how good probabilities are on rows that the model has not seen: neither its trees, nor its calibration, nor
// anything else of it.
type Scores struct {
	AUC      float64 `json:"auc"`
	Accuracy float64 `json:"accuracy"`
	LogLoss  float64 `json:"logloss"`
	Brier    float64 `json:"brier"`
	// ECE over ten bins of equal width.
	ECE float64 `json:"ece"`
}

// Importance is how much the splits on a column won, as a share of all, and how many there are.
type Importance struct {
	Feature string  `json:"feature"`
	Gain    float64 `json:"gain"`
	Splits  int     `json:"splits"`
}

// Result is the contract of `lab train --json`.
type Result struct {
	Scores
	// Baseline is logistic regression on the same folds.
	Baseline   Scores       `json:"baseline"`
	Importance []Importance `json:"importance"`
	Warnings   []string     `json:"warnings"`
}

// Trial is the result, and what people are told beside it.
type Trial struct {
	Result  Result
	Rows    int
	Columns int
	// Positive and Negative are how the file writes the two labels.
	Positive, Negative string
	BaseRate           float64
	Lift               []stat.Lift
}

// Bounds of folds, and of the rows of either label.
const (
	maxFolds  = 50
	leastRows = 10
)

// Run reads, trains in folds and judges. It fails with lab.ErrFile, lab.ErrOptions, or the error of a cancelled context.
func Run(ctx context.Context, o Options) (*Trial, error) {
	if o.Folds < 2 || o.Folds > maxFolds {
		return nil, fmt.Errorf("%w: %d folds, want 2 to %d", lab.ErrOptions, o.Folds, maxFolds)
	}
	table, err := lab.ReadFile(o.In)
	if err != nil {
		return nil, err
	}
	s, err := newSubject(table, o)
	if err != nil {
		return nil, err
	}
	folds, err := s.folds(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.judge(folds), nil
}

// subject is what is learnt from: the rows that have a label.
type subject struct {
	label    label
	labels   []float64
	columns  []column
	warnings []string
}

func newSubject(t lab.Table, o Options) (*subject, error) {
	l, err := readLabel(t, o.Label)
	if err != nil {
		return nil, err
	}
	s := &subject{label: l}
	var rows []int
	var classes [2]int
	for i, y := range l.of {
		if !math.IsNaN(y) {
			rows, s.labels = append(rows, i), append(s.labels, y)
			classes[int(y)]++
		}
	}
	if fewest := min(classes[0], classes[1]); fewest < max(leastRows, 2*o.Folds) {
		return nil, fmt.Errorf("%w: the label %q has %d rows of %q and %d of %q: %d folds need %d of each", lab.ErrOptions,
			l.name, classes[1], l.positive, classes[0], l.negative, o.Folds, max(leastRows, 2*o.Folds))
	}
	if l.missing > 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("%d rows have no label %q: they are left out", l.missing, l.name))
	}
	if l.guessed {
		s.warnings = append(s.warnings, fmt.Sprintf("the label %q: %q is taken for positive, %q for negative", l.name, l.positive, l.negative))
	}
	var warnings []string
	if s.columns, warnings, err = readColumns(t, l, o.Drop, rows); err != nil {
		return nil, err
	}
	s.warnings = append(s.warnings, warnings...)
	s.warnings = append(s.warnings, leaks(s.columns, s.labels, o.Seed)...)
	return s, nil
}

// fold is what one part of the rows, left out, was given.
type fold struct {
	rows     []int32
	model    []float64 // probabilities
	baseline []float64
	gain     []float64 // by column of the file
	splits   []int
	err      error
	at       int
}

func (s *subject) folds(ctx context.Context, o Options) ([]fold, error) {
	splits := train.Folds(s.labels, train.All(len(s.labels)).Train, o.Folds, o.Seed)
	work, done := make(chan int, len(splits)), make(chan fold, len(splits))
	for i := range splits {
		work <- i
	}
	close(work)
	for range max(1, o.Workers) {
		go func() {
			for i := range work {
				f := s.fold(ctx, splits[i], o.Seed+uint64(i))
				f.at = i
				done <- f
			}
		}()
	}
	out := make([]fold, len(splits))
	for n := range splits {
		f := <-done
		if out[f.at] = f; o.Progress != nil {
			o.Progress(uint64(n+1), uint64(len(splits)))
		}
	}
	for i := range out {
		if out[i].err != nil {
			return nil, out[i].err
		}
	}
	return out, nil
}

// fold learns from all rows but those left out, and scores these.
func (s *subject) fold(ctx context.Context, split train.Split, seed uint64) fold {
	f := fold{rows: split.Valid, gain: make([]float64, len(s.columns)), splits: make([]int, len(s.columns))}
	e := encode(s.columns, s.labels, split.Train, seed)
	model, err := train.CrossFit(ctx, e.set, split.Train, s.parts(split.Train), candidates(len(split.Train), seed))
	if err != nil {
		f.err = err
		return f
	}
	baseline, err := train.Regress(ctx, e.set, train.Split{Train: split.Train}, 1)
	if err != nil {
		f.err = err
		return f
	}
	row, margin := make([]float64, len(e.set.Columns)), make([]float64, 1)
	for _, r := range split.Valid {
		for k, c := range e.set.Columns {
			row[k] = c[r]
		}
		model.Ensemble.Margins(row, margin)
		f.model = append(f.model, model.Calibration.Apply(margin[0]))
		f.baseline = append(f.baseline, stat.Sigmoid(baseline.Margin(row)))
	}
	for _, t := range model.Ensemble.Trees {
		for _, n := range t.Nodes {
			if !n.Leaf() {
				f.gain[e.from[n.Feature]] += n.Gain
				f.splits[e.from[n.Feature]]++
			}
		}
	}
	return f
}

// parts is in how many the rows to learn from are cut to stop and to calibrate: the fewer rows, the more, as long as
// each has a row of either label.
func (s *subject) parts(learn []int32) int {
	yes := 0
	for _, r := range learn {
		yes += int(s.labels[r])
	}
	switch rows := len(learn); {
	case rows <= 10_000:
		return max(4, min(10, yes, rows-yes))
	case rows <= 100_000:
		return 6
	}
	return 1
}

// candidates are a shallow and a deep model: which is better depends on how much holds only together.
func candidates(rows int, seed uint64) []train.Options {
	o := train.Defaults(tree.Binary)
	o.Rounds, o.Rate, o.Patience, o.RowShare, o.ColumnShare, o.MinHessian, o.Seed = 1000, .05, 40, .8, .7, 3, seed
	shallow, deep := o, o
	shallow.Depth, deep.Depth = 2, 5
	if rows > 10_000 {
		shallow.Depth, deep.Depth = 3, 6
		for _, c := range []*train.Options{&shallow, &deep} {
			c.Rate, c.Patience = .1, 25
		}
	}
	return []train.Options{shallow, deep}
}

// judge puts the folds together.
func (s *subject) judge(folds []fold) *Trial {
	var model, baseline stat.Scored
	importance := make([]Importance, len(s.columns))
	for i, c := range s.columns {
		importance[i].Feature = c.name
	}
	total := 0.0
	for _, f := range folds {
		for i, r := range f.rows {
			yes := s.labels[r] > 0
			model.P, model.Y = append(model.P, f.model[i]), append(model.Y, yes)
			baseline.P, baseline.Y = append(baseline.P, f.baseline[i]), append(baseline.Y, yes)
		}
		for i := range importance {
			importance[i].Gain += f.gain[i]
			importance[i].Splits += f.splits[i]
			total += f.gain[i]
		}
	}
	for i := range importance {
		if total > 0 {
			importance[i].Gain /= total
		}
	}
	slices.SortStableFunc(importance, func(a, b Importance) int { return cmp.Compare(b.Gain, a.Gain) })
	r := Result{Scores: scoresOf(model), Baseline: scoresOf(baseline), Importance: importance, Warnings: s.warnings}
	r.Warnings = append(r.Warnings, verdicts(r)...)
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	return &Trial{
		Result: r, Rows: len(s.labels), Columns: len(s.columns), Positive: s.label.positive, Negative: s.label.negative,
		BaseRate: model.BaseRate(), Lift: model.Lift(10),
	}
}

func scoresOf(s stat.Scored) Scores {
	return Scores{AUC: s.AUC(), Accuracy: s.Accuracy(.5), LogLoss: s.LogLoss(), Brier: s.Brier(), ECE: s.ECE(stat.ECEBins)}
}

// noBetter is a difference of AUC that is chance.
const noBetter = .002

// verdicts are what the figures as a whole say.
func verdicts(r Result) []string {
	var out []string
	switch {
	case r.AUC < r.Baseline.AUC-noBetter:
		out = append(out, fmt.Sprintf("the baseline is better: logistic regression has an AUC of %.4f, the trees %.4f: use it", r.Baseline.AUC, r.AUC))
	case r.AUC < r.Baseline.AUC+noBetter:
		out = append(out, fmt.Sprintf("the trees are no better than the baseline (AUC %.4f and %.4f): there is little that holds only together", r.AUC, r.Baseline.AUC))
	}
	if r.AUC < .55 {
		out = append(out, fmt.Sprintf("the columns say next to nothing about the label (AUC %.4f)", r.AUC))
	}
	return out
}
