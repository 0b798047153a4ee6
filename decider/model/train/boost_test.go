package train_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/stat"
)

// ten is the sum-of-squares set: ten normal features, positive when the sum of their squares is above its median.
// Nothing can be seen in one feature's order, so a linear model knows nothing.
func ten(rows int, seed uint64) *train.Set {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &train.Set{Columns: make([][]float64, 10), Label: make([]float64, rows)}
	for f := range s.Columns {
		s.Columns[f] = make([]float64, rows)
	}
	for i := range rows {
		sum := 0.0
		for f := range s.Columns {
			v := r.NormFloat64()
			s.Columns[f][i] = v
			sum += v * v
		}
		if sum > 9.34 {
			s.Label[i] = 1
		}
	}
	return s
}

func row(s *train.Set, i int) []float64 {
	out := make([]float64, len(s.Columns))
	for f := range out {
		out[f] = s.Columns[f][i]
	}
	return out
}

// judge scores rows with an ensemble of one output.
func judge(e *tree.Ensemble, s *train.Set, rows []int32) stat.Scored {
	var out stat.Scored
	margin := make([]float64, 1)
	for _, r := range rows {
		e.Margins(row(s, int(r)), margin)
		out.P = append(out.P, 1/(1+math.Exp(-margin[0])))
		out.Y = append(out.Y, s.Label[r] > 0)
	}
	return out
}

func boost(t testing.TB, s *train.Set, split train.Split, o train.Options) *train.Boosted {
	t.Helper()
	b, err := train.Boost(context.Background(), s, split, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBoostingLearnsWhatNoLineSeparates(t *testing.T) {
	t.Parallel()
	s := ten(12000, 1)
	split := byTime(12000, .25)
	b := boost(t, s, split, train.Defaults(tree.Binary))
	if auc := judge(b.Ensemble, s, split.Valid).AUC(); auc < .97 {
		t.Errorf("AUC %.4f after %d rounds", auc, b.Best)
	} else {
		t.Logf("AUC %.4f after %d rounds", auc, b.Best)
	}
}

func BenchmarkBoost(b *testing.B) {
	s := ten(60000, 1)
	o := train.Defaults(tree.Binary)
	o.Rounds, o.Depth, o.Patience = 100, 6, 0
	for b.Loop() {
		boost(b, s, train.All(60000), o)
	}
}

// tiny is a set of small whole values, where the best split can be found by trying all.
func tiny(t *rapid.T) *train.Set {
	rows, features := rapid.IntRange(4, 40).Draw(t, "rows"), rapid.IntRange(1, 3).Draw(t, "features")
	s := &train.Set{Columns: make([][]float64, features), Label: make([]float64, rows)}
	for f := range s.Columns {
		s.Columns[f] = make([]float64, rows)
		for i := range rows {
			if s.Columns[f][i] = float64(rapid.IntRange(0, 5).Draw(t, "x")); s.Columns[f][i] == 5 {
				s.Columns[f][i] = math.NaN()
			}
		}
	}
	for i := range rows {
		s.Label[i] = float64(rapid.IntRange(-8, 8).Draw(t, "y"))
	}
	return s
}

// bestOfAll tries every cut of every feature with missing values on either side: the squared error's gain.
func bestOfAll(s *train.Set, l2, least float64) float64 {
	mean := 0.0
	for _, y := range s.Label {
		mean += y / float64(s.Rows())
	}
	score := func(in func(i int) bool) (float64, float64) {
		g, h := 0.0, 0.0
		for i, y := range s.Label {
			if in(i) {
				g += mean - y
				h++
			}
		}
		return g * g / (h + l2), h
	}
	parent, _ := score(func(int) bool { return true })
	most := 0.0
	for _, c := range s.Columns {
		for cut := -0.5; cut < 6; cut++ {
			for _, missingLeft := range []bool{true, false} {
				left := func(i int) bool {
					if math.IsNaN(c[i]) {
						return missingLeft
					}
					return c[i] < cut
				}
				l, hl := score(left)
				r, hr := score(func(i int) bool { return !left(i) })
				if hl >= least && hr >= least {
					most = max(most, l+r-parent)
				}
			}
		}
	}
	return most
}

func TestTheFirstSplitIsTheBestOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := tiny(t)
		o := train.Options{Objective: tree.Regression, Rounds: 1, Rate: 1, Depth: 1, MinHessian: float64(rapid.IntRange(1, 3).Draw(t, "least")), L2: 1}
		b, err := train.Boost(context.Background(), s, train.All(s.Rows()), o)
		if err != nil {
			t.Fatal(err)
		}
		want := bestOfAll(s, o.L2, o.MinHessian)
		got := b.Ensemble.Trees[0].Nodes[0].Gain
		if math.Abs(got-want) > 1e-4*max(1, want) {
			t.Fatalf("the split wins %v, the best of all %v", got, want)
		}
	})
}

func digest(t testing.TB, e *tree.Ensemble) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%+v", *e)))
}

func TestTheSameSeedGivesTheSameTrees(t *testing.T) {
	t.Parallel()
	s := ten(3000, 2)
	o := train.Defaults(tree.Binary)
	o.Rounds, o.RowShare, o.ColumnShare = 20, .7, .5
	run := func(seed uint64) string {
		o.Seed = seed
		return digest(t, boost(t, s, byTime(3000, .2), o).Ensemble)
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("%s and %s", a, b)
	}
	if run(1) == run(2) {
		t.Error("another seed draws the same rows")
	}
}

// The order of columns and scales of weights are not information.
func TestADoubledWeightIsARowTwice(t *testing.T) {
	t.Parallel()
	s := ten(1500, 3)
	twice := &train.Set{Columns: make([][]float64, len(s.Columns))}
	s.Weight = make([]float64, s.Rows())
	for i := range s.Label {
		s.Weight[i] = float64(1 + i%2)
		for range 1 + i%2 {
			twice.Label = append(twice.Label, s.Label[i])
			for f := range s.Columns {
				twice.Columns[f] = append(twice.Columns[f], float64(int(s.Columns[f][i]*8))/8)
			}
		}
		for f := range s.Columns {
			s.Columns[f][i] = float64(int(s.Columns[f][i]*8)) / 8 // few values: the cuts are the same
		}
	}
	o := train.Options{Objective: tree.Binary, Rounds: 10, Rate: .3, Depth: 3, MinHessian: 1, L2: 1}
	a, b := boost(t, s, train.All(s.Rows()), o).Ensemble, boost(t, twice, train.All(twice.Rows()), o).Ensemble
	x, y := make([]float64, 1), make([]float64, 1)
	for i := range s.Rows() {
		a.Margins(row(s, i), x)
		b.Margins(row(s, i), y)
		if math.Abs(x[0]-y[0]) > 1e-6 {
			t.Fatalf("row %d: %v weighted, %v as rows", i, x[0], y[0])
		}
	}
}

func TestLossesAreThoseOfTheEnsemble(t *testing.T) {
	t.Parallel()
	s := ten(4000, 4)
	for f := range s.Columns { // missing values must be routed alike too
		for i := range s.Rows() {
			if (i+f)%7 == 0 {
				s.Columns[f][i] = math.NaN()
			}
		}
	}
	split := byTime(4000, .25)
	o := train.Defaults(tree.Binary)
	o.RowShare = .6
	b := boost(t, s, split, o)
	if got := judge(b.Ensemble, s, split.Valid).LogLoss(); math.Abs(got-b.Losses[b.Best-1]) > 1e-9 {
		t.Errorf("the ensemble's loss is %v, boosting saw %v", got, b.Losses[b.Best-1])
	}
	if b.Best != len(b.Losses)-o.Patience && len(b.Losses) != o.Rounds {
		t.Errorf("best of %d rounds is %d", len(b.Losses), b.Best)
	}
	if n := len(b.Ensemble.Trees); n != b.Best {
		t.Errorf("%d trees", n)
	}
}

func TestMissingGoesWhereItBelongs(t *testing.T) {
	t.Parallel()
	s := &train.Set{Columns: [][]float64{nil}}
	for i := range 300 {
		x := float64(i % 3)
		y := x / 2
		if i%3 == 1 { // missing rows are like those of 2
			x, y = math.NaN(), 1
		}
		s.Columns[0], s.Label = append(s.Columns[0], x), append(s.Label, y)
	}
	o := train.Options{Objective: tree.Regression, Rounds: 1, Rate: 1, Depth: 1}
	e := boost(t, s, train.All(300), o).Ensemble
	for x, want := range map[float64]float64{0: 0, 2: 1} {
		out := make([]float64, 1)
		if e.Margins([]float64{x}, out); math.Abs(out[0]-want) > 1e-9 {
			t.Errorf("%v: %v", x, out[0])
		}
	}
	out := make([]float64, 1)
	if e.Margins([]float64{math.NaN()}, out); math.Abs(out[0]-1) > 1e-9 {
		t.Errorf("missing: %v", out[0])
	}
}

// All that is known may be that a value is there at all.
func TestBeingThereCanBeAllThereIsToKnow(t *testing.T) {
	t.Parallel()
	s := &train.Set{Columns: [][]float64{nil}}
	for i := range 200 {
		x, y := float64(i%7), 1.0
		if i%2 == 0 {
			x, y = math.NaN(), 0
		}
		s.Columns[0], s.Label = append(s.Columns[0], x), append(s.Label, y)
	}
	o := train.Options{Objective: tree.Regression, Rounds: 1, Rate: 1, Depth: 1}
	e := boost(t, s, train.All(200), o).Ensemble
	for x, want := range map[float64]float64{math.NaN(): 0, 3: 1, 1e30: 1} {
		out := make([]float64, 1)
		if e.Margins([]float64{x}, out); math.Abs(out[0]-want) > 1e-9 {
			t.Errorf("%v: %v", x, out[0])
		}
	}
}

func TestMonotoneFeaturesNeverTurnRound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	s := &train.Set{Columns: [][]float64{nil, nil, nil}}
	for range 4000 {
		a, b, c := r.Float64(), r.Float64(), r.Float64()
		// It bends where it must not, and depends on the third.
		s.Columns[0], s.Columns[1], s.Columns[2] = append(s.Columns[0], a), append(s.Columns[1], b), append(s.Columns[2], c)
		s.Label = append(s.Label, a+math.Sin(9*a)*.5-b*c+math.Sin(7*b)*.4+r.NormFloat64()*.2)
	}
	o := train.Options{Objective: tree.Regression, Rounds: 60, Rate: .2, Depth: 4, MinHessian: 1, L2: 1, Monotone: []int8{1, -1, 0}}
	e := boost(t, s, train.All(4000), o).Ensemble
	free := o
	free.Monotone = nil
	bent := boost(t, s, train.All(4000), free).Ensemble
	turns := func(e *tree.Ensemble) (n int) {
		for k := range 2 {
			for range 300 {
				x := []float64{r.Float64(), r.Float64(), r.Float64()}
				before, out := math.NaN(), make([]float64, 1)
				for step := range 50 {
					x[k] = float64(step) / 50
					e.Margins(x, out)
					if way := float64(o.Monotone[k]); (out[0]-before)*way < -1e-12 {
						n++
					}
					before = out[0]
				}
			}
		}
		return n
	}
	if n := turns(e); n != 0 {
		t.Errorf("%d turns", n)
	}
	if turns(bent) == 0 {
		t.Error("the set does not bend: the test proves nothing")
	}
}

func TestGammaTakesBackWhatWinsLittle(t *testing.T) {
	t.Parallel()
	s := ten(3000, 6)
	o := train.Options{Objective: tree.Binary, Rounds: 5, Rate: .3, Depth: 6, MinHessian: 1, L2: 1}
	count := func(gamma float64) (nodes int) {
		o.Gamma = gamma
		for _, tr := range boost(t, s, train.All(3000), o).Ensemble.Trees {
			nodes += len(tr.Nodes)
			for _, n := range tr.Nodes {
				if !n.Leaf() && n.Gain < gamma && tr.Nodes[n.Left].Leaf() && tr.Nodes[n.Right].Leaf() {
					t.Errorf("a last split wins %v of %v", n.Gain, gamma)
				}
			}
		}
		return nodes
	}
	if all, some := count(0), count(5); some >= all {
		t.Errorf("%d nodes of %d", some, all)
	}
}

func TestManyClasses(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	s := &train.Set{Columns: [][]float64{nil, nil}}
	for range 3000 {
		x, y := r.Float64(), r.Float64()
		s.Columns[0], s.Columns[1] = append(s.Columns[0], x), append(s.Columns[1], y)
		class := 0.0
		if (x-.5)*(y-.5) > 0 {
			class = 1
		}
		if math.Hypot(x-.5, y-.5) < .2 {
			class = 2
		}
		s.Label = append(s.Label, class)
	}
	o := train.Defaults(tree.Multiclass)
	o.Classes = 3
	split := byTime(3000, .3)
	e := boost(t, s, split, o).Ensemble
	right := 0
	out := make([]float64, 3)
	for _, i := range split.Valid {
		e.Margins(row(s, int(i)), out)
		if out[int(s.Label[i])] == max(out[0], out[1], out[2]) {
			right++
		}
	}
	if share := float64(right) / float64(len(split.Valid)); share < .95 {
		t.Errorf("%.3f of the classes are right", share)
	}
}

func TestRankingPutsTheBetterFirst(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	s := &train.Set{Columns: [][]float64{nil, nil, nil}}
	for q := range 300 {
		level := r.NormFloat64() * 5 // of the query: says nothing about its rows' order
		for range 10 {
			a, b := r.Float64(), r.Float64()
			s.Columns[0], s.Columns[1], s.Columns[2] = append(s.Columns[0], a), append(s.Columns[1], b), append(s.Columns[2], level)
			s.Label = append(s.Label, math.Floor(4*a*b))
			s.Group = append(s.Group, int32(q))
		}
	}
	b := boost(t, s, byTime(3000, .2), train.Defaults(tree.Ranking))
	if first, best := b.Losses[0], b.Losses[b.Best-1]; best > .02 || best >= first {
		t.Errorf("1 - NDCG is %v after one round and %v after %d", first, best, b.Best)
	}
}

func TestWhatCannotBeLearntFromIsRefused(t *testing.T) {
	t.Parallel()
	good := func() (*train.Set, train.Options) {
		return &train.Set{Columns: [][]float64{{1, 2, 3, 4}}, Label: []float64{0, 1, 0, 1}}, train.Defaults(tree.Binary)
	}
	for name, c := range map[string]struct {
		spoil func(*train.Set, *train.Options)
		want  error
	}{
		"one class":         {func(s *train.Set, _ *train.Options) { s.Label = []float64{1, 1, 1, 1} }, train.ErrSet},
		"label 2":           {func(s *train.Set, _ *train.Options) { s.Label[0] = 2 }, train.ErrSet},
		"label NaN":         {func(s *train.Set, _ *train.Options) { s.Label[0] = math.NaN() }, train.ErrSet},
		"infinite":          {func(s *train.Set, _ *train.Options) { s.Columns[0][1] = math.Inf(1) }, train.ErrSet},
		"too large":         {func(s *train.Set, _ *train.Options) { s.Columns[0][1] = 1e300 }, train.ErrSet},
		"a short column":    {func(s *train.Set, _ *train.Options) { s.Columns[0] = s.Columns[0][1:] }, train.ErrSet},
		"no columns":        {func(s *train.Set, _ *train.Options) { s.Columns = nil }, train.ErrSet},
		"a negative weight": {func(s *train.Set, _ *train.Options) { s.Weight = []float64{1, -1, 1, 1} }, train.ErrSet},
		"no weight":         {func(s *train.Set, _ *train.Options) { s.Weight = []float64{1, 0, 1, 0} }, train.ErrSet},
		"groups":            {func(s *train.Set, _ *train.Options) { s.Group = []int32{1, 1, 1, 1} }, train.ErrSet},
		"depth":             {func(_ *train.Set, o *train.Options) { o.Depth = 0 }, train.ErrOptions},
		"rate":              {func(_ *train.Set, o *train.Options) { o.Rate = math.NaN() }, train.ErrOptions},
		"classes":           {func(_ *train.Set, o *train.Options) { o.Objective = tree.Multiclass }, train.ErrOptions},
		"objective":         {func(_ *train.Set, o *train.Options) { o.Objective = tree.LogLink }, train.ErrOptions},
		"monotone":          {func(_ *train.Set, o *train.Options) { o.Monotone = []int8{1, 1} }, train.ErrOptions},
	} {
		s, o := good()
		c.spoil(s, &o)
		if _, err := train.Boost(context.Background(), s, train.All(4), o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, o := good()
	if _, err := train.Boost(context.Background(), s, train.Split{Train: []int32{0, 1, 9}}, o); !errors.Is(err, train.ErrSet) {
		t.Errorf("a row that there is not: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := train.Boost(ctx, s, train.All(4), o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestASetWithNothingToSplitIsItsBaseRate(t *testing.T) {
	t.Parallel()
	s := &train.Set{Columns: [][]float64{{math.NaN(), math.NaN(), math.NaN()}, {1, 1, 1}}, Label: []float64{0, 1, 0}}
	e := boost(t, s, train.All(3), train.Options{Objective: tree.Binary, Rounds: 3, Rate: .1, Depth: 3}).Ensemble
	out := make([]float64, 1)
	if e.Margins(row(s, 0), out); math.Abs(out[0]-math.Log(.5)) > 1e-9 {
		t.Errorf("%v", out[0])
	}
}

// byTime keeps the last share of rows in the order of time for stopping.
func byTime(rows int, share float64) train.Split {
	all := train.All(rows).Train
	at := rows - int(share*float64(rows))
	return train.Split{Train: all[:at], Valid: all[at:]}
}
