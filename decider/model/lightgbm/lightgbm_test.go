package lightgbm_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model/lightgbm"
)

// small is a model in the shape that LightGBM writes: two trees, one of them a single leaf. NaN goes left at the
// first split (type 10), counts as zero at the second (type 0).
const small = `tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=visits basket_value
feature_infos=[0:9] [0:1]
tree_sizes=400 90

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
split_gain=10 2.5
threshold=4.5 1.0000000180025095e-35
decision_type=10 0
left_child=1 -1
right_child=-2 -3
leaf_value=0.5 -0.25 1e-1
leaf_weight=5 5 5
leaf_count=20 30 25
internal_value=0 0
internal_weight=15 10
internal_count=75 45
is_linear=0
shrinkage=0.1


Tree=1
num_leaves=1
num_cat=0
leaf_value=0.125
shrinkage=1


end of trees

feature_importances:
visits=1

parameters:
[boosting: gbdt]
end of parameters

pandas_categorical:null
`

func changed(t *testing.T, pairs ...string) []byte {
	t.Helper()
	out := small
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(out, pairs[i]) {
			t.Fatalf("%q is not in the model", pairs[i])
		}
		out = strings.Replace(out, pairs[i], pairs[i+1], 1)
	}
	return []byte(out)
}

func margin(t *testing.T, data []byte, row ...float64) float64 {
	t.Helper()
	m, err := lightgbm.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, m.Ensemble.Outputs)
	m.Ensemble.Margins(row, out)
	return out[0]
}

func TestMargins(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, c := range map[string]struct {
		data []byte
		row  []float64
		want float64
	}{
		"left, then right":          {changed(t), []float64{4.5, 0.1}, 0.225},
		"left, left":                {changed(t), []float64{4, 0}, 0.625},
		"right":                     {changed(t), []float64{math.Nextafter(4.5, 5), 0}, -0.125},
		"missing goes left":         {changed(t), []float64{nan, 1}, 0.225},
		"missing goes right":        {changed(t, "decision_type=10", "decision_type=8"), []float64{nan, 1}, -0.125},
		"missing is zero":           {changed(t), []float64{0, nan}, 0.625},
		"missing is zero, right":    {changed(t, "1.0000000180025095e-35", "-1"), []float64{0, nan}, 0.225},
		"zero is missing, the same": {changed(t, "decision_type=10 0", "decision_type=10 6"), []float64{0, nan}, 0.625},
		"version 2":                 {changed(t, "version=v4", "version=v2", "is_linear=0\n", ""), []float64{4, 0}, 0.625},
		"version 3, Windows":        {[]byte(strings.ReplaceAll(string(changed(t, "version=v4", "version=v3")), "\n", "\r\n")), []float64{4, 0}, 0.625},
		"a forest's mean":           {changed(t, "objective=binary sigmoid:1", "objective=regression\naverage_output"), []float64{4, 0}, 0.3125},
	} {
		if got := margin(t, c.data, c.row...); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// The first split is by category: 1 and 33 go left.
func TestSplitsByCategory(t *testing.T) {
	t.Parallel()
	byCategory := []string{
		"threshold=4.5", "threshold=0", "decision_type=10 0", "decision_type=9 0",
		"num_cat=0\nsplit", "num_cat=1\ncat_boundaries=0 2\ncat_threshold=2 2\nsplit",
	}
	for _, c := range []struct {
		x    float64
		left bool
	}{{1, true}, {1.9, true}, {33, true}, {0, false}, {2, false}, {32, false}, {64, false}, {1e300, false}, {-1, false}, {math.NaN(), false}, {math.Inf(1), false}} {
		want := -0.25 + 0.125
		if c.left {
			want = 0.5 + 0.125
		}
		if got := margin(t, changed(t, byCategory...), c.x, 0); got != want {
			t.Errorf("category %v: %v, want %v", c.x, got, want)
		}
	}
	for name, fault := range map[string][3]string{
		"beyond the last":  {"threshold=0", "threshold=1", "by category 1 of 1"},
		"no whole number":  {"threshold=0", "threshold=0.5", "by category 0.5 of 1"},
		"below the first":  {"threshold=0", "threshold=-1", "by category -1 of 1"},
		"begins at one":    {"cat_boundaries=0 2", "cat_boundaries=1 2", "cat_boundaries"},
		"an empty one":     {"cat_boundaries=0 2", "cat_boundaries=0 0", "cat_boundaries"},
		"far too many":     {"cat_boundaries=0 2", "cat_boundaries=0 4000000000", "cat_boundaries"},
		"bits missing":     {"cat_threshold=2 2", "cat_threshold=2", "cat_threshold"},
		"bits below zero":  {"cat_threshold=2 2", "cat_threshold=2 -2", "cat_threshold"},
		"no bit is set":    {"cat_threshold=2 2", "cat_threshold=0 0", "no category"},
		"more than splits": {"num_cat=1", "num_cat=3", "num_cat"},
	} {
		_, err := lightgbm.Read(changed(t, append(slices.Clone(byCategory), fault[0], fault[1])...))
		if !errors.Is(err, lightgbm.ErrInvalid) || !strings.Contains(err.Error(), fault[2]) {
			t.Errorf("%s: %v, want it to say %q", name, err, fault[2])
		}
	}
}

func TestClassesTakeTurns(t *testing.T) {
	t.Parallel()
	m, err := lightgbm.Read(changed(t,
		"num_class=1", "num_class=2", "num_tree_per_iteration=1", "num_tree_per_iteration=2", "binary sigmoid:1", "multiclass num_class:2"))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 2)
	m.Ensemble.Margins([]float64{4, 0}, out)
	if out[0] != 0.5 || out[1] != 0.125 {
		t.Errorf("%v", out)
	}
	if got := strings.Join(m.FeatureNames, " "); got != "visits basket_value" || m.Version != "v4" {
		t.Errorf("%s, %s", got, m.Version)
	}
}

func TestFaultsAreNamedByTheirLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, replacement, want string }{
		"version":             {"version=v4", "version=v5", "line 2, version"},
		"no version":          {"version=v4\n", "", "no version"},
		"no objective":        {"objective=binary sigmoid:1\n", "", "no objective"},
		"own objective":       {"binary sigmoid:1", "custom", "line 7, objective"},
		"sigmoid":             {"sigmoid:1", "sigmoid:2", "train without it"},
		"square root":         {"binary sigmoid:1", "regression sqrt", "train without it"},
		"one against all":     {"binary sigmoid:1", "multiclassova num_class:1 sigmoid:1", "not supported"},
		"classes":             {"num_class=1", "num_class=3", "num_tree_per_iteration"},
		"many features":       {"max_feature_idx=1", "max_feature_idx=100000000", "max_feature_idx"},
		"names":               {"visits basket_value", "visits", "1 names for 2 features"},
		"linear":              {"is_linear=0", "is_linear=1", "linear_tree=false"},
		"no categories":       {"num_cat=0\nsplit", "num_cat=1\nsplit", "no cat_boundaries follows"},
		"a split of none":     {"decision_type=10 0", "decision_type=11 0", "by category 4.5 of 0"},
		"zero as missing":     {"decision_type=10 0", "decision_type=10 4", "zero_as_missing=false"},
		"unknown type":        {"decision_type=10 0", "decision_type=12 0", "unknown type"},
		"unknown bits":        {"decision_type=10 0", "decision_type=26 0", "unknown type"},
		"unknown key":         {"shrinkage=0.1", "leaf_const=1", "unknown key"},
		"a key twice":         {"shrinkage=0.1", "is_linear=0", "twice"},
		"leaves, huge":        {"num_leaves=3", "num_leaves=90000000000000", "num_leaves"},
		"leaves, more":        {"num_leaves=3", "num_leaves=500000", "leaf_value"},
		"a list too short":    {"threshold=4.5 1", "threshold=1", "threshold"},
		"infinite threshold":  {"threshold=4.5", "threshold=inf", "no finite number"},
		"leaf no number":      {"leaf_value=0.5", "leaf_value=nan", "no finite number"},
		"feature":             {"split_feature=0 1", "split_feature=0 2", "split_feature"},
		"negative feature":    {"split_feature=0 1", "split_feature=0 -1", "split_feature"},
		"cycle":               {"left_child=1 -1", "left_child=1 0", "left_child"},
		"own child":           {"left_child=1 -1", "left_child=1 1", "has a parent already"},
		"leaf out of range":   {"left_child=1 -1", "left_child=1 -4", "left_child"},
		"least leaf":          {"left_child=1 -1", "left_child=1 -2147483648", "left_child"},
		"a leaf twice":        {"right_child=-2 -3", "right_child=-2 -1", "has a parent already"},
		"a split not reached": {"left_child=1 -1", "left_child=-1 -1", "left_child"},
		"tree's number":       {"Tree=1", "Tree=7", "Tree"},
		"tree sizes":          {"tree_sizes=400 90", "tree_sizes=400", "sizes for 2 trees"},
		"no end":              {"end of trees", "", "line"},
		"not a model":         {"tree\n", "{}\n", "save_model"},
		"forest of classes":   {"objective=binary", "average_output\nobjective=binary", "boosting=gbdt"},
	} {
		_, err := lightgbm.Read(changed(t, c.old, c.replacement))
		if !errors.Is(err, lightgbm.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
	for _, data := range []string{"", "tree", "tree\n\n", "\n"} {
		if _, err := lightgbm.Read([]byte(data)); !errors.Is(err, lightgbm.ErrInvalid) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(strings.Replace(strings.Replace(small, "decision_type=10 0", "decision_type=10 9", 1),
		"num_cat=0", "num_cat=1\ncat_boundaries=0 2\ncat_threshold=2 2", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := lightgbm.Read(data)
		if err != nil {
			if !errors.Is(err, lightgbm.ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		row, out := make([]float64, m.Ensemble.Features), make([]float64, m.Ensemble.Outputs)
		for _, v := range []float64{0, math.NaN(), math.Inf(1), -1e30} {
			for i := range row {
				row[i] = v
			}
			m.Ensemble.Margins(row, out)
		}
	})
}
