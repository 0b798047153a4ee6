package modelmaker

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

const dayMS = int64(24 * 3_600_000)

// foretold is rows at dates whose label depends on the first feature; the second is noise, the third often missing.
func foretold(t *testing.T, name string, dates, people int) *Rows {
	t.Helper()
	l, known := label.ShippedAs(name)
	if !known {
		t.Fatal(name)
	}
	r := &Rows{View: "core@1", Features: []string{"signal", "noise", "gap"}, Label: l, Cut: "BEHAVIOUR/1"}
	random := rand.New(rand.NewPCG(1, 2))
	for d := range dates {
		for p := range people {
			x, gap := random.NormFloat64(), random.NormFloat64()
			if p%3 == 0 {
				gap = math.NaN()
			}
			y := 0.0
			if random.Float64() < 1/(1+math.Exp(-2*x)) {
				y = 1
			}
			if !l.Binary() {
				y = 10 + 5*x + random.NormFloat64()
			}
			r.Add([]string{fmt.Sprintf("%032d", p)}, []int64{int64(d) * 30 * dayMS}, nil, []float64{y}, []float64{x, random.NormFloat64(), gap})
		}
	}
	return r
}

func TestAModelIsJudgedOnWhatCameLater(t *testing.T) {
	t.Parallel()
	made, err := Make(t.Context(), foretold(t, "repeat_purchase_30d", 10, 400), Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := made.Card
	if c.Rows.Test != 800 || c.Rows.All != 4000 || c.Rows.People != 400 || c.Window.Test != "1970-08-29" {
		t.Errorf("rows %+v, window %+v", c.Rows, c.Window)
	}
	// The horizon of 30 days ends when the test begins: nothing is purged.
	if c.Rows.Purged != 0 || c.Rows.Learn+c.Rows.Stop != 3200 {
		t.Errorf("rows %+v", c.Rows)
	}
	// Drawn with log-odds of twice a normal number, the best AUC is about .85.
	if *c.AUC < .8 || *c.Baseline.AUC < .8 || *c.ECE > .06 || len(c.Lift) != 10 || c.Importance[0].Feature != "signal" {
		t.Errorf("AUC %v and %v, ECE %v, importance %v", *c.AUC, *c.Baseline.AUC, *c.ECE, c.Importance)
	}
	if len(c.Features) != 3 || c.Features[2].Missing < .3 {
		t.Errorf("snapshot %+v", c.Features)
	}
	data, err := made.File.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Load(data); err != nil {
		t.Errorf("the file does not load: %v", err)
	}
	again, err := Make(t.Context(), foretold(t, "repeat_purchase_30d", 10, 400), Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if same, _ := again.File.Encode(); !bytes.Equal(data, same) {
		t.Error("the same rows and seed make another model")
	}
}

func TestRowsThatLookIntoTheTestAreNotLearntFrom(t *testing.T) {
	t.Parallel()
	made, err := Make(t.Context(), foretold(t, "churn_90d", 20, 100), Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The test begins at date 16; 90 days before it is date 13: 14 and 15 are purged.
	if c := made.Card; c.Rows.Purged != 200 || c.Rows.Test != 400 || c.Rows.Learn+c.Rows.Stop != 1400 {
		t.Errorf("rows %+v", c.Rows)
	}
}

func TestANumberIsForetoldBetterThanByItsMean(t *testing.T) {
	t.Parallel()
	made, err := Make(t.Context(), foretold(t, "spend_90d", 20, 200), Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := made.Card
	if c.AUC != nil || *c.RMSE > .5**c.Baseline.RMSE || *c.R2 < .75 || c.Training.Calibration != "" {
		t.Errorf("RMSE %v and %v, R2 %v", *c.RMSE, *c.Baseline.RMSE, *c.R2)
	}
}

func TestWhatCannotBeLearntFromIsRefusedWithCounts(t *testing.T) {
	t.Parallel()
	one := foretold(t, "churn_90d", 10, 50)
	for i := range one.labels {
		one.labels[i] = 1
	}
	one.Unfinished = 7
	few := foretold(t, "churn_90d", 5, 3)
	moment := foretold(t, "churn_90d", 1, 500)
	flat := foretold(t, "spend_90d", 10, 50)
	for i := range flat.labels {
		flat.labels[i] = 0
	}
	for name, c := range map[string]struct {
		rows *Rows
		says string
	}{
		"one class":  {one, "the label churn_90d has one class: 500 rows of 1 and 0 of 0; 0 moments are outside of the population, 7 have an unfinished horizon"},
		"no rows":    {&Rows{Label: one.Label}, "there are none with the label churn_90d"},
		"few":        {few, "to learn from"},
		"one moment": {moment, "all 500 rows are of one moment"},
		"flat":       {flat, "the label spend_90d is 0 in all 500 rows"},
	} {
		if _, err := Make(t.Context(), c.rows, Options{}); !errors.Is(err, ErrRows) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestALeakIsNamed(t *testing.T) {
	t.Parallel()
	r := foretold(t, "repeat_purchase_30d", 10, 200)
	for i := range r.labels {
		r.columns[1][i] = r.labels[i] + r.columns[1][i]/100
	}
	made, err := Make(t.Context(), r, Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(made.Card.Warnings, "\n"), "noise alone nearly orders the rows") {
		t.Errorf("warnings %q", made.Card.Warnings)
	}
}

func TestRowsMadeUpAreComparedWithNone(t *testing.T) {
	t.Parallel()
	rows := foretold(t, "repeat_purchase_30d", 10, 400)
	made, err := Make(t.Context(), rows, Options{Name: "x", Seed: 1, SMOTE: .5})
	if err != nil {
		t.Fatal(err)
	}
	c := made.Card
	without := c.Comparisons["without_smote"]
	if without.AUC == nil || math.Abs(*without.AUC-*c.AUC) > .05 || c.Training.SMOTE != .5 {
		t.Errorf("with %v, without %v, training %+v", *c.AUC, without.AUC, c.Training)
	}
	if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "made up by SMOTE") }) {
		t.Errorf("warnings %q", c.Warnings)
	}
	if watched, err := card.Decode(made.File.Card); err != nil || len(watched.Features) != 3 || watched.Score == nil {
		t.Errorf("what is watched of the card: %+v, %v", watched, err)
	}
	if _, err := Make(t.Context(), foretold(t, "spend_90d", 10, 400), Options{SMOTE: .5}); !errors.Is(err, ErrRows) {
		t.Errorf("made up for a number: %v", err)
	}
}

// What is learnt of a person says nothing of another: margins to calibrate on must not know whose they are.
func TestCalibrationIsOnPeopleThatTreesHaveNotSeen(t *testing.T) {
	t.Parallel()
	l, _ := label.ShippedAs("repeat_purchase_30d")
	r := &Rows{View: "core@1", Features: []string{"who"}, Label: l}
	random := rand.New(rand.NewPCG(3, 4))
	for p := range 200 {
		y := float64(random.IntN(2))
		for d := range 10 {
			r.Add([]string{fmt.Sprintf("%032d", p)}, []int64{int64(d) * 30 * dayMS}, nil, []float64{y}, []float64{float64(p)})
		}
	}
	r.sort()
	s, err := r.splitByTime()
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{rows: r, options: Options{Seed: 1}, split: s, set: &train.Set{Names: r.Features, Columns: r.columns, Label: r.labels}}
	if err := m.learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := s.before()
	seen := stat.Scored{}
	for _, i := range before {
		seen.P, seen.Y = append(seen.P, m.margin(i)), append(seen.Y, r.labels[i] == 1)
	}
	j, err := m.unseen(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	unseen := stat.Scored{P: j.Margins, Y: j.Positive}
	if len(j.Margins) != len(before) || seen.AUC() < .99 || unseen.AUC() > .65 {
		t.Errorf("%d margins of %d rows; AUC %.3f of people seen, %.3f of unseen", len(j.Margins), len(before), seen.AUC(), unseen.AUC())
	}
	// Nothing can be known, and the calibrated scores say so.
	for _, i := range s.test[:20] {
		if p := m.score(i); p < .3 || p > .7 {
			t.Errorf("a score of %.3f", p)
		}
	}
}

// Each way is what it says, and all of them know the base rate.
func TestCalibrationsByName(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	j := train.Judged{}
	positive := 0
	for range 4000 {
		margin := 3 * random.NormFloat64()
		yes := random.Float64() < stat.Sigmoid(margin/3-1) // margins are three times too sure
		if yes {
			positive++
		}
		j.Margins, j.Positive = append(j.Margins, margin), append(j.Positive, yes)
	}
	for _, how := range []string{CalibrateAuto, calibration.Platt, calibration.Isotonic, calibration.None} {
		c, err := calibrate(t.Context(), how, j)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, m := range j.Margins {
			sum += c.Apply(m)
		}
		if off := math.Abs(sum-float64(positive)) / float64(len(j.Margins)); how != calibration.None && off > .005 {
			t.Errorf("%s: off by %.4f on average", how, off)
		}
		if want := how; how != CalibrateAuto && c.Kind != want {
			t.Errorf("%s made %s", how, c.Kind)
		}
	}
}

// What is watched falls where it fell in training, to the last millionth: a score at which a bin begins is in that bin again.
func TestScoresFallIntoTheirBinsAsTheyAreRecorded(t *testing.T) {
	t.Parallel()
	made, err := Make(t.Context(), foretold(t, "spend_90d", 10, 50), Options{Name: "x", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range made.Card.Score.Cuts {
		if recorded := float64(int64(math.RoundToEven(cut*model.Micro))) / model.Micro; recorded != cut {
			t.Errorf("a bin begins at %v, and that score is recorded as %v", cut, recorded)
		}
	}
}
