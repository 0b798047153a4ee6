package train_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/stat"
)

// lines is a set whose log-odds are -1 + 2 a - 0.01 b, and 1.5 more where the third is missing.
func lines(rows int, seed uint64) *train.Set {
	r := rand.New(rand.NewPCG(seed, 4))
	s := &train.Set{Columns: make([][]float64, 4)}
	for range rows {
		a, b, c := r.NormFloat64(), 1000+100*r.NormFloat64(), r.Float64()
		z := -1 + 2*a - .01*(b-1000)
		if r.IntN(4) == 0 {
			c, z = math.NaN(), z+1.5
		}
		for f, v := range []float64{a, b, c, 7} { // the last never changes
			s.Columns[f] = append(s.Columns[f], v)
		}
		y := 0.0
		if r.Float64() < stat.Sigmoid(z) {
			y = 1
		}
		s.Label = append(s.Label, y)
	}
	return s
}

func TestRegressionFindsTheLine(t *testing.T) {
	t.Parallel()
	s := lines(40_000, 1)
	l, err := train.Regress(context.Background(), s, train.All(s.Rows()), 1)
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range []float64{2, -.01, 0} {
		if got := l.Terms[f].Weight / l.Terms[f].Spread; math.Abs(got-want) > .05*max(.02, math.Abs(want))+.15*map[bool]float64{true: 1}[f == 2] {
			t.Errorf("feature %d: %.4f, want %.4f", f, got, want)
		}
	}
	if m := l.Terms[2].Missing; math.Abs(m-1.5) > .12 {
		t.Errorf("missing adds %.3f", m)
	}
	if l.Terms[3].Weight != 0 || l.Terms[3].Missing != 0 {
		t.Errorf("what never changes has the weight %v", l.Terms[3].Weight)
	}
}

// At the least value the slope is 0: the sum of what is left is 0 for the bias, and what L2 pulls for the weights.
func TestRegressionEndsAtTheBottom(t *testing.T) {
	t.Parallel()
	s := lines(2000, 2)
	const l2 = 3
	l, err := train.Regress(context.Background(), s, train.All(s.Rows()), l2)
	if err != nil {
		t.Fatal(err)
	}
	bias := 0.0
	slopes := make([]float64, len(l.Terms))
	for i := range s.Rows() {
		x := row(s, i)
		left := stat.Sigmoid(l.Margin(x)) - s.Label[i]
		bias += left
		for f, term := range l.Terms {
			if !math.IsNaN(x[f]) {
				slopes[f] += left * (x[f] - term.Mean) / term.Spread
			}
		}
	}
	if math.Abs(bias) > .05 {
		t.Errorf("the slope of the bias is %v", bias)
	}
	for f, slope := range slopes {
		if got := slope + l2*l.Terms[f].Weight; math.Abs(got) > .05 {
			t.Errorf("the slope of feature %d is %v", f, got)
		}
	}
}

func TestAPerfectLineDoesNotRunAway(t *testing.T) {
	t.Parallel()
	s := &train.Set{Columns: [][]float64{{-2, -1, 1, 2}}, Label: []float64{0, 0, 1, 1}}
	l, err := train.Regress(context.Background(), s, train.All(4), 1)
	if err != nil {
		t.Fatal(err)
	}
	if w := l.Terms[0].Weight; !(w > .1 && w < 10) {
		t.Errorf("weight %v", w)
	}
	if _, err := train.Regress(context.Background(), s, train.All(4), -1); !errors.Is(err, train.ErrOptions) {
		t.Errorf("a negative l2: %v", err)
	}
	s.Label = []float64{1, 1, 1, 1}
	if _, err := train.Regress(context.Background(), s, train.All(4), 1); !errors.Is(err, train.ErrSet) {
		t.Errorf("one class: %v", err)
	}
}

func TestSMOTEAddsBetween(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	s := &train.Set{Columns: make([][]float64, 2)}
	for i := range 1000 {
		x, y := 5+r.Float64(), 0.0
		if i%20 == 0 {
			x, y = r.Float64(), 1
		}
		missing := r.Float64()
		if i%3 == 0 {
			missing = math.NaN()
		}
		s.Columns[0], s.Columns[1], s.Label = append(s.Columns[0], x), append(s.Columns[1], missing), append(s.Label, y)
	}
	out, err := train.SMOTE(s, .5, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	positive := 0
	for i, y := range out.Label {
		if y > 0 {
			positive++
			if x := out.Columns[0][i]; !(x >= 0 && x <= 1) {
				t.Errorf("row %d lies at %v, outside of the rarer rows", i, x)
			}
		}
	}
	if positive != 950 || out.Rows() != 1900 {
		t.Errorf("%d of %d rows are positive", positive, out.Rows())
	}
	if len(s.Label) != 1000 || len(s.Columns[0]) != 1000 {
		t.Error("the set itself has grown")
	}
	again, err := train.SMOTE(s, .5, 5, 1)
	if err != nil || again.Columns[0][1500] != out.Columns[0][1500] {
		t.Errorf("the same seed draws other rows: %v", err)
	}
	if _, err := train.SMOTE(&train.Set{Columns: [][]float64{{1, 2}}, Label: []float64{0, 1}}, .5, 5, 1); !errors.Is(err, train.ErrSet) {
		t.Errorf("one rare row: %v", err)
	}
	if _, err := train.SMOTE(s, .9, 5, 1); !errors.Is(err, train.ErrOptions) {
		t.Errorf("a share of 0.9: %v", err)
	}
}

// The reference page's warning as a test: a weight on positives, or rows made up, spoil probabilities; Platt repairs them.
func TestReweightingNeedsCalibration(t *testing.T) {
	t.Parallel()
	s := lines(12_000, 3)
	for i := range s.Label { // make positives rare
		if s.Label[i] > 0 && i%4 != 0 {
			s.Label[i] = 0
		}
	}
	split := train.Split{Train: byTime(12_000, .5).Train, Valid: byTime(12_000, .5).Valid[:3000]}
	test := byTime(12_000, .25).Valid
	o := train.Defaults(tree.Binary)
	o.PositiveWeight = 8
	e := boost(t, s, split, o).Ensemble
	fit, out := judge(e, s, split.Valid), judge(e, s, test)
	platt, err := train.Platt(train.Judged{Margins: margins(fit.P), Positive: fit.Y})
	if err != nil {
		t.Fatal(err)
	}
	before := out.ECE(10)
	for i, m := range margins(out.P) {
		out.P[i] = platt.Apply(m)
	}
	if after := out.ECE(10); before < .1 || after > .02 {
		t.Errorf("ECE %.4f, after Platt %.4f", before, after)
	}
}

func margins(p []float64) []float64 {
	out := make([]float64, 0, len(p))
	for _, v := range p {
		out = append(out, math.Log(v/(1-v)))
	}
	return out
}
