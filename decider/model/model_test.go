package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain"
)

// anyTree draws a tree: every node but the leaves has two children behind it.
func anyTree(t *rapid.T, features, depth int) tree.Tree {
	var out tree.Tree
	var grow func(depth int) int32
	grow = func(depth int) int32 {
		at := int32(len(out.Nodes))
		out.Nodes = append(out.Nodes, tree.Node{Left: -1, Right: -1})
		if depth == 0 || rapid.IntRange(0, 9).Draw(t, "leaf") == 0 {
			out.Nodes[at].Value = rapid.Float64Range(-3, 3).Draw(t, "value")
			out.Nodes[at].Cover = rapid.Float64Range(0.1, 50).Draw(t, "cover")
			return at
		}
		n := tree.Node{
			Feature: int32(rapid.IntRange(0, features-1).Draw(t, "feature")), Threshold: rapid.Float64Range(-2, 2).Draw(t, "threshold"),
			MissingLeft: rapid.Bool().Draw(t, "missing left"), Gain: 1,
		}
		if rapid.Bool().Draw(t, "by category") {
			n.Threshold, n.MissingLeft = 0, false
			n.Categories = rapid.SliceOfN(rapid.Uint32Range(1, math.MaxUint32), 1, 3).Draw(t, "categories")
		}
		n.Left, n.Right = grow(depth-1), grow(depth-1)
		n.Cover = out.Nodes[n.Left].Cover + out.Nodes[n.Right].Cover
		out.Nodes[at] = n
		return at
	}
	grow(depth)
	return out
}

func anyEnsemble(t *rapid.T) *tree.Ensemble {
	e := &tree.Ensemble{
		Objective: tree.Binary, Outputs: 1, Features: rapid.IntRange(1, 5).Draw(t, "features"), Single: rapid.Bool().Draw(t, "single"),
	}
	if rapid.Bool().Draw(t, "multiclass") {
		e.Objective, e.Outputs = tree.Multiclass, rapid.IntRange(2, 4).Draw(t, "outputs")
	}
	for range e.Outputs {
		e.Bias = append(e.Bias, rapid.Float64Range(-1, 1).Draw(t, "bias"))
	}
	for range e.Outputs * rapid.IntRange(1, 5).Draw(t, "rounds") {
		e.Trees = append(e.Trees, anyTree(t, e.Features, 4))
	}
	return e
}

func anyRow(t *rapid.T, features int) []float64 {
	row := make([]float64, features)
	for i := range row {
		row[i] = rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Just(math.NaN()), rapid.SampledFrom([]float64{0, 1.5, -0.5, -1, 31, 32, 64.9, 96, 1e12})).Draw(t, "x")
	}
	return row
}

var names = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

// fileOf is a whole file around an ensemble, with one golden row.
func fileOf(e *tree.Ensemble) *model.File {
	f := &model.File{
		Origin: "test", Label: "churn", View: "core@1", Features: names[:e.Features], Ensemble: e, Card: json.RawMessage(`{"auc":0.7}`),
	}
	g := model.Golden{Row: make([]float64, e.Features), Margins: make([]float64, e.Outputs)}
	g.Row[0] = domain.CanonicalNaN
	e.Margins(g.Row, g.Margins)
	f.Golden = []model.Golden{g}
	return f
}

func TestLeavesAddsUpToTheSameBitsAsTheReferenceWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnsemble(t)
		m, err := model.New(fileOf(e))
		if err != nil {
			t.Fatal(err)
		}
		var b model.Buffer
		want := make([]float64, e.Outputs)
		for range 20 {
			row := anyRow(t, e.Features)
			got, err := m.Margins(row, &b)
			if err != nil {
				t.Fatal(err)
			}
			e.Margins(row, want)
			for k := range want {
				if got[k] != want[k] {
					t.Fatalf("output %d of %v: %v, want %v", k, row, got[k], want[k])
				}
			}
		}
	})
}

func TestAFileSurvivesItsBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := fileOf(anyEnsemble(t))
		data, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.Encode()
		if err != nil || !bytes.Equal(data, twice) {
			t.Fatalf("%v: other bytes:\n%s\n%s", err, data, twice)
		}
		m, err := model.Load(data)
		if err != nil || m.Digest() != model.Digest(data) {
			t.Fatalf("%v: digest %s", err, m.Digest())
		}
	})
}

// stump is one split: 1 below 0.5, 2 from there on, -1 where it is missing.
func stump() *tree.Ensemble {
	return &tree.Ensemble{
		Objective: tree.Binary, Outputs: 1, Features: 2, Bias: []float64{0.25}, Trees: []tree.Tree{{Nodes: []tree.Node{
			{Left: 1, Right: 2, Feature: 1, Threshold: 0.5}, {Left: -1, Right: -1, Value: 1}, {Left: -1, Right: -1, Value: 2},
		}}},
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	row := []float64{7, 0.2} // the margin is 1.25
	for name, c := range map[string]struct {
		change func(*model.File)
		micros int64
	}{
		"sigmoid": {func(*model.File) {}, 777300},
		"platt":   {func(f *model.File) { f.Calibration = calibration.Calibration{Kind: calibration.Platt, A: 2, B: -2.5} }, 500000},
		"isotonic": {func(f *model.File) {
			f.Calibration = calibration.Calibration{Kind: calibration.Isotonic, Points: []calibration.Point{{Margin: 0, Probability: 0.1}}}
		}, 100000},
		"value":    {func(f *model.File) { f.Ensemble.Objective = tree.Regression }, 1250000},
		"log link": {func(f *model.File) { f.Ensemble.Objective = tree.LogLink }, 3490343},
		"ranking":  {func(f *model.File) { f.Ensemble.Objective = tree.Ranking }, 1250000},
	} {
		f := fileOf(stump())
		c.change(f)
		m, err := model.New(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		margin, micros, err := m.Score(row, new(model.Buffer))
		if margin != 1.25 || micros != c.micros || err != nil {
			t.Errorf("%s: margin %v, %d millionths, %v, want 1.25 and %d", name, margin, micros, err, c.micros)
		}
	}
}

func TestSoftmaxIsOfTheClassThatTheFileNames(t *testing.T) {
	t.Parallel()
	leaf := func(v float64) tree.Tree { return tree.Tree{Nodes: []tree.Node{{Left: -1, Right: -1, Value: v}}} }
	f := fileOf(&tree.Ensemble{
		Objective: tree.Multiclass, Outputs: 2, Features: 1, Bias: []float64{0, 0}, Trees: []tree.Tree{leaf(0), leaf(math.Log(3))},
	})
	f.Class = 1
	m, err := model.New(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, micros, err := m.Score([]float64{0}, new(model.Buffer)); micros != 750000 || err != nil {
		t.Errorf("%d millionths, %v, want 750000", micros, err)
	}
}

func TestRowsThatCannotBeScoredAreRefused(t *testing.T) {
	t.Parallel()
	m, err := model.New(fileOf(stump()))
	if err != nil {
		t.Fatal(err)
	}
	single := stump()
	single.Single = true
	rounded, err := model.New(fileOf(single))
	if err != nil {
		t.Fatal(err)
	}
	huge := stump()
	huge.Objective, huge.Bias[0] = tree.Regression, 1e40
	beyond, err := model.New(fileOf(huge))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		m    *model.Model
		row  []float64
		want error
	}{
		"short":               {m, []float64{1}, model.ErrLength},
		"long":                {m, []float64{1, 2, 3}, model.ErrLength},
		"empty":               {m, nil, model.ErrLength},
		"infinite":            {m, []float64{math.Inf(1), 0}, model.ErrInfinite},
		"infinite as float32": {rounded, []float64{0, 1e300}, model.ErrInfinite},
		"beyond millionths":   {beyond, []float64{0, 0}, model.ErrNotFinite},
	} {
		if _, _, err := c.m.Score(c.row, new(model.Buffer)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAModelThatMissesItsGoldenRowsDoesNotLoad(t *testing.T) {
	t.Parallel()
	f := fileOf(stump())
	f.Golden[0].Margins[0] += 2e-4
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Load(data); !errors.Is(err, model.ErrGolden) || !strings.Contains(err.Error(), "golden[0]") {
		t.Errorf("loaded with %v", err)
	}
}

func TestFaultsAreNamedByTheirField(t *testing.T) {
	t.Parallel()
	whole, err := fileOf(stump()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, replacement string) []byte {
		out := bytes.Replace(whole, []byte(old), []byte(replacement), 1)
		if bytes.Equal(out, whole) {
			t.Fatalf("%s is not in the file", old)
		}
		return out
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":          {nil, "EOF"},
		"other program's":  {[]byte(`{"learner":{}}`), "learner"},
		"another format":   {change("proffer-model/1", "proffer-model/2"), "format"},
		"two documents":    {append(bytes.Clone(whole), whole...), "follows"},
		"fingerprint":      {change(`"view_fingerprint":"00`, `"view_fingerprint":"`), "view_fingerprint"},
		"no version":       {change("core@1", "core"), "view"},
		"one name":         {change(`["a","b"]`, `["a"]`), "ensemble"},
		"a name twice":     {change(`["a","b"]`, `["a","a"]`), "features[1]"},
		"three names":      {change(`["a","b"]`, `["a","b","c"]`), "golden[0]"},
		"class":            {change(`"class":0`, `"class":1`), "class"},
		"calibration":      {change(`"none"`, `"some"`), "calibration"},
		"objective":        {change(`"binary"`, `"unary"`), "objective"},
		"platt for values": {bytes.Replace(change(`"binary"`, `"regression"`), []byte(`"none"`), []byte(`"platt","a":1`), 1), "calibration"},
		"a cycle":          {change(`"left":[1,`, `"left":[0,`), "child"},
		"lists":            {change(`"left":[1,`, `"left":[1,1,`), "trees[0]"},
		"card":             {change(`{"auc":0.7}`, `[1]`), "card"},
		"golden margins":   {change(`"margins":[`, `"margins":[1,`), "golden[0]"},
	} {
		if _, err := model.Load(c.data); !errors.Is(err, model.ErrFile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", name, err, c.want)
		}
	}
}

func TestAScoreAllocatesNothing(t *testing.T) {
	m, err := model.New(fileOf(stump()))
	if err != nil {
		t.Fatal(err)
	}
	var b model.Buffer
	row := []float64{1, 2}
	if n := testing.AllocsPerRun(100, func() { _, _, _ = m.Score(row, &b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
