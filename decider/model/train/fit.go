package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

// Fitted is a binary model ready to be registered: its trees, its calibration, and a card filled in as far as rows tell.
type Fitted struct {
	Ensemble    *tree.Ensemble
	Calibration calibration.Calibration
	Baseline    *Logistic
	Card        card.Card
	// Golden are places of rows in the set, out of those judged, for golden rows: missing values among them when there
	// are any.
	Golden []int32
}

// Shares of rows in the order of time: what is learnt from, what stops, what calibrates; the rest judges.
const (
	trainShare     = .60
	stopShare      = .15
	calibrateShare = .10
)

// Extra is how rare positives may be helped, for those who ask: see SMOTE and Options.PositiveWeight.
type Extra struct {
	// SMOTE is the share of positive rows to make up; 0 makes up none.
	SMOTE float64
}

// Fit trains a binary model on rows in the order of time: the first to learn from, then some to stop, some to calibrate,
// and the last to judge model and baseline by. It fails with ErrSet (also when a part has one class only), ErrOptions or
// the error of a cancelled context.
func Fit(ctx context.Context, s *Set, o Options, extra Extra) (*Fitted, error) {
	if o.Objective != tree.Binary {
		return nil, fmt.Errorf("%w: objective: fit is for binary models", ErrOptions)
	}
	n := float64(s.Rows())
	cuts := [...]int{int(n * trainShare), int(n * (trainShare + stopShare)), int(n * (trainShare + stopShare + calibrateShare)), s.Rows()}
	f := fitting{
		s: s, o: o, split: Split{Train: sequence(0, cuts[0]), Valid: sequence(cuts[0], cuts[1])},
		calibrate: sequence(cuts[1], cuts[2]), judge: sequence(cuts[2], cuts[3]),
	}
	out, err := f.fit(ctx, extra)
	if err != nil {
		return nil, err
	}
	f.describe(out)
	if extra.SMOTE > 0 {
		err = f.compare(ctx, out)
	}
	return out, err
}

type fitting struct {
	s                *Set
	o                Options
	split            Split
	calibrate, judge []int32
}

func (f *fitting) fit(ctx context.Context, extra Extra) (*Fitted, error) {
	s, split := f.s, f.split
	if extra.SMOTE > 0 {
		var err error
		if s, split, err = f.madeUp(extra.SMOTE); err != nil {
			return nil, err
		}
	}
	b, err := Boost(ctx, s, split, f.o)
	if err != nil {
		return nil, err
	}
	out := &Fitted{Ensemble: b.Ensemble}
	out.Card.Best = b.Best
	given := f.score(f.calibrate, out.margin())
	if out.Calibration, err = Bend(ctx, Judged{Margins: given.P, Positive: given.Y, Weights: given.W}); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	if out.Baseline, err = Regress(ctx, f.s, Split{Train: append(slices.Clone(f.split.Train), f.split.Valid...)}, 1); err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return out, nil
}

// madeUp is the rows to learn from with those that SMOTE adds, and untouched rows to stop on.
func (f *fitting) madeUp(share float64) (*Set, Split, error) {
	only := f.s.pick(f.split.Train)
	more, err := SMOTE(only, share, 5, f.o.Seed)
	if err != nil {
		return nil, Split{}, err
	}
	learn := more.Rows()
	for _, r := range f.split.Valid {
		for k, c := range f.s.Columns {
			more.Columns[k] = append(more.Columns[k], c[r])
		}
		more.Label = append(more.Label, f.s.Label[r])
		if more.Weight != nil {
			more.Weight = append(more.Weight, f.s.Weight[r])
		}
	}
	return more, Split{Train: sequence(0, learn), Valid: sequence(learn, more.Rows())}, nil
}

// pick is a set of some of the rows.
func (s *Set) pick(rows []int32) *Set {
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

func (f *Fitted) margin() func(row []float64) float64 {
	out := make([]float64, 1)
	return func(row []float64) float64 {
		f.Ensemble.Margins(row, out)
		return out[0]
	}
}

func (f *Fitted) probability() func(row []float64) float64 {
	margin := f.margin()
	return func(row []float64) float64 { return f.Calibration.Apply(margin(row)) }
}

// score gives rows of the set to something that scores.
func (f *fitting) score(rows []int32, by func(row []float64) float64) stat.Scored {
	var out stat.Scored
	row := make([]float64, len(f.s.Columns))
	for _, r := range rows {
		for k, c := range f.s.Columns {
			row[k] = c[r]
		}
		out.P, out.Y = append(out.P, by(row)), append(out.Y, f.s.Label[r] > 0)
		if f.s.Weight != nil {
			out.W = append(out.W, f.s.Weight[r])
		}
	}
	return out
}

// Bounds below which a card warns.
const (
	fewPositives = 100
	betterBy     = .002
)

// describe fills the card in.
func (f *fitting) describe(out *Fitted) {
	c := &out.Card
	scored := f.score(f.judge, out.probability())
	baseline := f.score(f.judge, func(row []float64) float64 { return calibration.Sigmoid(out.Baseline.Margin(row)) })
	c.Trainer, c.Objective = "proffer", string(f.o.Objective)
	c.Rows = card.Rows{Train: len(f.split.Train), Stop: len(f.split.Valid), Calibrate: len(f.calibrate), Judge: len(f.judge)}
	all := f.score(All(f.s.Rows()).Train, func([]float64) float64 { return 0 })
	c.BaseRate = all.BaseRate()
	c.Scores, c.Baseline, c.Lift = card.ScoresOf(scored), card.ScoresOf(baseline), scored.Lift(10)
	bins := stat.NewBins(scored.P, card.DriftBins)
	c.Score = &bins
	c.Features = f.features(out.Ensemble)
	c.Options = map[string]any{
		"rounds": f.o.Rounds, "rate": f.o.Rate, "depth": f.o.Depth, "min_hessian": f.o.MinHessian, "l2": f.o.L2, "gamma": f.o.Gamma,
		"row_share": f.o.RowShare, "column_share": f.o.ColumnShare, "patience": f.o.Patience, "positive_weight": f.o.PositiveWeight, "seed": f.o.Seed,
	}
	c.Calibration = map[string]any{"kind": out.Calibration.Kind, "a": out.Calibration.A, "b": out.Calibration.B, "points": len(out.Calibration.Points)}
	c.Limits = []string{
		"Judged on the rows that came last: other times, places or offers may differ.",
		"Importance says what the trees used, not what causes the label.",
	}
	c.Warnings = []string{}
	positives, _ := scored.Totals()
	warn := func(format string, args ...any) { c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...)) }
	if positives < fewPositives {
		warn("%.0f of the rows judged are positive: the figures are rough", positives)
	}
	switch model, line := c.Scores.AUC, c.Baseline.AUC; {
	case model < line-betterBy:
		warn("the baseline is better: logistic regression has an AUC of %.4f, the trees %.4f", line, model)
	case model < line+betterBy:
		warn("the trees are no better than the baseline: AUC %.4f and %.4f", model, line)
	}
	if f.o.PositiveWeight != 0 && f.o.PositiveWeight != 1 {
		warn("positive rows weigh %v: probabilities are right only through the calibration", f.o.PositiveWeight)
	}
	out.Golden = f.golden()
}

// features are names, importances, and where the values of the rows learnt from lay.
func (f *fitting) features(e *tree.Ensemble) []card.Feature {
	out := make([]card.Feature, len(f.s.Columns))
	total := 0.0
	for _, t := range e.Trees {
		for _, n := range t.Nodes {
			if !n.Leaf() {
				out[n.Feature].Gain += n.Gain
				out[n.Feature].Splits++
				total += n.Gain
			}
		}
	}
	for i, column := range f.s.Columns {
		values := make([]float64, 0, len(f.split.Train))
		for _, r := range f.split.Train {
			values = append(values, column[r])
		}
		bins := stat.NewBins(values, card.DriftBins)
		out[i].Name, out[i].Bins, out[i].Missing = f.s.name(i), &bins, bins.Missing()
		if total > 0 {
			out[i].Gain /= total
		}
	}
	return out
}

// goldenRows of a model, at most.
const goldenRows = 100

// golden are rows spread over those judged.
func (f *fitting) golden() []int32 {
	n := min(goldenRows, len(f.judge))
	out := make([]int32, 0, n)
	for i := range n {
		out = append(out, f.judge[i*len(f.judge)/n])
	}
	return out
}

// compare shows what the same rows give without those made up.
func (f *fitting) compare(ctx context.Context, out *Fitted) error {
	plain, err := f.fit(ctx, Extra{})
	if err != nil {
		return err
	}
	without := card.ScoresOf(f.score(f.judge, plain.probability()))
	raw := card.ScoresOf(f.score(f.judge, func(row []float64) float64 { return calibration.Sigmoid(out.margin()(row)) }))
	out.Card.Comparisons = map[string]card.Scores{"without_smote": without, "with_smote_uncalibrated": raw}
	out.Card.Warnings = append(out.Card.Warnings, fmt.Sprintf(
		"rows were made up by SMOTE: AUC %.4f, without them %.4f; probabilities are right only through the calibration (ECE %.4f, before it %.4f)",
		out.Card.Scores.AUC, without.AUC, out.Card.Scores.ECE, raw.ECE))
	return nil
}
