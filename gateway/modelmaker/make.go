package modelmaker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

// Options of a model.
type Options struct {
	// Name is the model's, for its card.
	Name string
	Seed uint64
	// SMOTE is the share of positive rows to make up beside those learnt from; 0 makes up none.
	SMOTE float64
	// Calibration is CalibrateAuto or a kind of package calibration; "" is CalibrateAuto.
	Calibration string
}

// Made is a model with its card.
type Made struct {
	File *model.File
	Card Card
}

// leastRows of either outcome, or of a number, that anything can be learnt from.
const leastRows = 20

// Make learns a model. It fails with ErrRows, with those of package train, and with the context's.
func Make(ctx context.Context, r *Rows, o Options) (*Made, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	r.sort()
	s, err := r.splitByTime()
	if err != nil {
		return nil, err
	}
	m := &maker{rows: r, options: o, split: s, set: &train.Set{Names: r.Features, Columns: r.columns, Label: r.labels}}
	for _, part := range []struct {
		name string
		rows []int32
	}{{"learn from", s.learn}, {"stop on", s.stop}, {"judge on", s.test}} {
		if err := m.enough(part.name, part.rows); err != nil {
			return nil, err
		}
	}
	if err := m.learn(ctx); err != nil {
		return nil, err
	}
	return m.made(ctx)
}

// check refuses rows of one class by name, with how many there are.
func (r *Rows) check() error {
	left := fmt.Sprintf("%d moments are outside of the population, %d have an unfinished horizon", r.Outside, r.Unfinished)
	if r.Len() == 0 {
		return fmt.Errorf("%w: there are none with the label %s; %s", ErrRows, r.Label.Name(), left)
	}
	if !r.Label.Binary() {
		if slices.Min(r.labels) == slices.Max(r.labels) {
			return fmt.Errorf("%w: the label %s is %v in all %d rows; %s", ErrRows, r.Label.Name(), r.labels[0], r.Len(), left)
		}
		return nil
	}
	ones := 0
	for _, y := range r.labels {
		ones += int(y)
	}
	if ones == 0 || ones == r.Len() {
		return fmt.Errorf("%w: the label %s has one class: %d rows of 1 and %d of 0; %s", ErrRows, r.Label.Name(), ones, r.Len()-ones, left)
	}
	return nil
}

// maker is one model in the making.
type maker struct {
	rows    *Rows
	options Options
	split   split
	set     *train.Set

	ensemble    *tree.Ensemble
	chosen      train.Options
	calibration calibration.Calibration
	// plain is what is learnt without rows made up; nil when none are.
	plain *maker
	// scores of the test rows, the model's and the baseline's: probabilities, or values.
	scores, baseline []float64
}

func (m *maker) enough(name string, part []int32) error {
	ones := 0
	for _, i := range part {
		if m.rows.labels[i] == 1 {
			ones++
		}
	}
	if m.rows.Label.Binary() && (ones < leastRows/4 || len(part)-ones < leastRows/4) || len(part) < leastRows {
		return fmt.Errorf("%w: the label %s has %d rows of 1 and %d others to %s: want %d rows, and %d of either outcome", ErrRows,
			m.rows.Label.Name(), ones, len(part)-ones, name, leastRows, leastRows/4)
	}
	return nil
}

// candidates are a shallow and a deep model.
func (m *maker) candidates() []train.Options {
	objective := tree.Regression
	if m.rows.Label.Binary() {
		objective = tree.Binary
	}
	o := train.Defaults(objective)
	o.Rounds, o.Rate, o.Patience, o.RowShare, o.ColumnShare, o.MinHessian, o.Seed = 600, .05, 30, .8, .7, 3, m.options.Seed
	if objective == tree.Regression {
		o.MinHessian = 20
	}
	shallow, deep := o, o
	shallow.Depth, deep.Depth = 3, 6
	return []train.Options{shallow, deep}
}

// learn takes the better of the candidates, by the rows put aside. Those are the latest, too late to be left out: the
// model is learnt anew from them as well, with as many trees, and calibrated on people whom trees had not seen.
func (m *maker) learn(ctx context.Context) error {
	if m.options.SMOTE > 0 {
		plain := *m
		plain.options.SMOTE = 0
		if err := plain.learn(ctx); err != nil {
			return err
		}
		m.plain = &plain
	}
	best := math.Inf(1)
	for _, o := range m.candidates() {
		b, err := m.boost(ctx, m.split.learn, m.split.stop, o)
		if err != nil {
			return err
		}
		if loss := b.Losses[b.Best-1]; loss < best {
			best, m.chosen = loss, o
			m.chosen.Rounds, m.chosen.Patience = b.Best, 0
		}
	}
	before := m.split.before()
	b, err := m.boost(ctx, before, nil, m.chosen)
	if err != nil {
		return err
	}
	m.ensemble = b.Ensemble
	if !m.rows.Label.Binary() {
		return nil
	}
	j, err := m.unseen(ctx, before)
	if err != nil || !slices.Contains(j.Positive, true) || !slices.Contains(j.Positive, false) {
		return err // too few people to calibrate on: margins are log-odds as they are
	}
	m.calibration, err = calibrate(ctx, m.options.Calibration, j)
	return err
}

// calibrationFolds is in how many parts people are parted to be left out in turn.
const calibrationFolds = 5

// unseen are the margins of people, each by trees that had seen none of that person's rows: a row's neighbours in time are
// the same person's, and their horizons overlap.
func (m *maker) unseen(ctx context.Context, rows []int32) (train.Judged, error) {
	var j train.Judged
	for fold := range calibrationFolds {
		var seen, out []int32
		for _, i := range rows {
			if personFold(m.rows.profiles[i], calibrationFolds) == fold {
				out = append(out, i)
			} else {
				seen = append(seen, i)
			}
		}
		if !m.bothOutcomes(seen) { // a handful of people have all of one outcome
			continue
		}
		b, err := m.boost(ctx, seen, nil, m.chosen)
		if err != nil {
			return j, err
		}
		for _, i := range out {
			j.Margins, j.Positive = append(j.Margins, m.marginOf(b.Ensemble, i)), append(j.Positive, m.rows.labels[i] == 1)
		}
	}
	return j, nil
}

func (m *maker) bothOutcomes(rows []int32) bool {
	ones := 0
	for _, i := range rows {
		ones += int(m.rows.labels[i])
	}
	return ones > 0 && ones < len(rows)
}

// boost learns from rows, and stops by others if there are any. With SMOTE it learns from made up ones, too, and stops on
// untouched ones.
func (m *maker) boost(ctx context.Context, learn, stop []int32, o train.Options) (*train.Boosted, error) {
	if m.options.SMOTE == 0 {
		return train.Boost(ctx, m.set, train.Split{Train: learn, Valid: stop}, o)
	}
	set, parts, err := m.madeUp(learn, stop)
	if err != nil {
		return nil, err
	}
	return train.Boost(ctx, set, parts, o)
}

// madeUp is the rows to learn from with those that SMOTE adds, and untouched rows to stop on.
func (m *maker) madeUp(learn, stop []int32) (*train.Set, train.Split, error) {
	if !m.rows.Label.Binary() {
		return nil, train.Split{}, fmt.Errorf("%w: SMOTE makes up positive rows: the label %s is a number", ErrRows, m.rows.Label.Name())
	}
	out, err := train.SMOTE(m.set.Pick(learn), m.options.SMOTE, smoteNeighbours, m.options.Seed)
	if err != nil {
		return nil, train.Split{}, err
	}
	parts := train.Split{}
	for i := range out.Rows() {
		parts.Train = append(parts.Train, int32(i))
	}
	for _, i := range stop {
		parts.Valid = append(parts.Valid, int32(out.Rows()))
		for c := range out.Columns {
			out.Columns[c] = append(out.Columns[c], m.rows.columns[c][i])
		}
		out.Label = append(out.Label, m.rows.labels[i])
	}
	return out, parts, nil
}

// smoteNeighbours is between how many of the nearest positive rows another is made up.
const smoteNeighbours = 5

func (m *maker) row(i int32) []float64 {
	row := make([]float64, len(m.rows.columns))
	for c := range row {
		row[c] = m.rows.columns[c][i]
	}
	return row
}

func (m *maker) margin(i int32) float64 { return m.marginOf(m.ensemble, i) }

func (m *maker) marginOf(e *tree.Ensemble, i int32) float64 {
	out := make([]float64, 1)
	e.Margins(m.row(i), out)
	return out[0]
}

func (m *maker) score(i int32) float64 {
	if m.rows.Label.Binary() {
		return m.calibration.Apply(m.margin(i))
	}
	return m.margin(i)
}

// goldenRows is how many rows a file is checked with when it is loaded.
const goldenRows = 20

func (m *maker) made(ctx context.Context) (*Made, error) {
	if err := m.judge(ctx); err != nil {
		return nil, err
	}
	out := &Made{Card: m.card()}
	card, err := json.Marshal(out.Card)
	if err != nil {
		return nil, fmt.Errorf("write the card: %w", err)
	}
	r := m.rows
	out.File = &model.File{
		Origin: "proffer", Label: r.Label.Name(), View: r.View, ViewFingerprint: r.ViewFingerprint, Features: r.Features,
		Calibration: m.calibration, Ensemble: m.ensemble, Card: card,
	}
	for n := range goldenRows {
		i := m.split.test[n*len(m.split.test)/goldenRows]
		out.File.Golden = append(out.File.Golden, model.Golden{Row: m.row(i), Margins: []float64{m.margin(i)}})
	}
	if _, err := model.New(out.File); err != nil {
		return nil, fmt.Errorf("check what was made: %w", err)
	}
	return out, nil
}

// judge scores the test rows, with the model and with the baseline: logistic regression on all rows before the test, or
// their mean.
func (m *maker) judge(ctx context.Context) error {
	before := m.split.before()
	baseline := func(int32) float64 { return m.mean(before) }
	if m.rows.Label.Binary() {
		fitted, err := train.Regress(ctx, m.set, train.Split{Train: before}, 1)
		if err != nil {
			return err
		}
		baseline = func(i int32) float64 { return stat.Sigmoid(fitted.Margin(m.row(i))) }
	}
	m.scores = m.testScores()
	for _, i := range m.split.test {
		m.baseline = append(m.baseline, baseline(i))
	}
	return nil
}

func (m *maker) testScores() []float64 {
	out := make([]float64, len(m.split.test))
	for n, i := range m.split.test {
		out[n] = m.score(i)
	}
	return out
}

func (m *maker) mean(part []int32) float64 {
	sum := 0.0
	for _, i := range part {
		sum += m.rows.labels[i]
	}
	return sum / float64(len(part))
}

func (m *maker) card() Card {
	r, s := m.rows, m.split
	people := map[string]bool{}
	for _, p := range r.profiles {
		people[p] = true
	}
	c := Card{
		Model: m.options.Name, Objective: string(m.ensemble.Objective), View: r.View, Label: r.Label.Name(),
		LabelSays: r.Label.Document().Description, LabelSHA: r.Label.Fingerprint().String(), Cut: r.Cut,
		Rows: Counts{
			All: r.Len(), Learn: len(s.learn), Stop: len(s.stop), Test: len(s.test), Purged: s.purged, People: len(people),
			Outside: r.Outside, Unfinished: r.Unfinished, Skewed: r.Skewed,
		},
		Window:   Window{From: day(r.atMS[0]), Test: day(r.atMS[s.test[0]]), To: day(r.atMS[r.Len()-1])},
		BaseRate: Rates{Learn: m.mean(s.before()), Test: m.mean(s.test)},
		Training: Training{
			Trees: len(m.ensemble.Trees), Depth: m.chosen.Depth, Rate: m.chosen.Rate, Seed: m.options.Seed, Calibration: m.calibration.Kind,
		},
		Importance: m.importance(), Limits: m.limits(),
	}
	c.Card = m.watched()
	if r.Label.Binary() {
		model, baseline := m.scored(m.scores), m.scored(m.baseline)
		c.Figures, c.Baseline, c.Lift = scoresOf(model), scoresOf(baseline), model.Lift(10)
	} else {
		c.Figures, c.Baseline = m.errors(m.scores), m.errors(m.baseline)
	}
	if m.plain != nil {
		without := scoresOf(m.scored(m.plain.testScores()))
		c.Training.SMOTE, c.Comparisons = m.options.SMOTE, map[string]card.Figures{"without_smote": without}
		s.warnings = append(s.warnings, fmt.Sprintf(
			"positive rows were made up by SMOTE: AUC %.4f, without them %.4f; log loss %.4f, without them %.4f: probabilities are right only through the calibration",
			*c.AUC, *without.AUC, *c.LogLoss, *without.LogLoss))
	}
	c.Warnings = append(append([]string{}, s.warnings...), m.warnings(c)...)
	return c
}

func (m *maker) scored(scores []float64) stat.Scored {
	out := stat.Scored{P: scores}
	for _, i := range m.split.test {
		out.Y = append(out.Y, m.rows.labels[i] == 1)
	}
	return out
}

func (m *maker) errors(scores []float64) card.Figures {
	mean := m.mean(m.split.test)
	var squares, all, absolute float64
	for n, i := range m.split.test {
		y := m.rows.labels[i]
		squares += (y - scores[n]) * (y - scores[n])
		all += (y - mean) * (y - mean)
		absolute += math.Abs(y - scores[n])
	}
	n := float64(len(m.split.test))
	out := card.Figures{RMSE: new(math.Sqrt(squares / n)), MAE: new(absolute / n)}
	if all > 0 {
		out.R2 = new(1 - squares/all)
	}
	return out
}

// mostImportance is how many features a card lists.
const mostImportance = 30

func (m *maker) importance() []Importance {
	list := make([]Importance, len(m.rows.Features))
	total := 0.0
	for i, name := range m.rows.Features {
		list[i].Feature = name
	}
	for _, t := range m.ensemble.Trees {
		for _, n := range t.Nodes {
			if !n.Leaf() {
				list[n.Feature].Gain += n.Gain
				list[n.Feature].Splits++
				total += n.Gain
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Importance) int { return cmp.Compare(b.Gain, a.Gain) })
	list = slices.DeleteFunc(list[:min(mostImportance, len(list))], func(i Importance) bool { return i.Splits == 0 })
	for i := range list {
		list[i].Gain /= max(total, math.SmallestNonzeroFloat64)
	}
	return list
}

// watched is where the features of the rows learnt from lay, and the scores of those judged.
func (m *maker) watched() card.Card {
	score := stat.NewBins(asRecorded(m.scores), card.DriftBins)
	out := card.Card{Score: &score, LabelDefinition: m.rows.Label.Canonical()}
	before := m.split.before()
	for c, name := range m.rows.Features {
		values := make([]float64, len(before))
		for n, i := range before {
			values[n] = m.rows.columns[c][i]
		}
		bins := stat.NewBins(values, card.DriftBins)
		out.Features = append(out.Features, card.Feature{Name: name, Missing: bins.Missing(), Bins: &bins})
	}
	return out
}

// asRecorded are scores as decisions record them, in whole millionths: a score at which a bin begins must not fall below it.
func asRecorded(scores []float64) []float64 {
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = math.RoundToEven(s*model.Micro) / model.Micro
	}
	return out
}
