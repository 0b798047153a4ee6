package xgboost_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/decider/model/xgboost"
)

// rows are those of testdata/rows.json with the margins that XGBoost 1.7.4 gave; see testdata/make.py.
type rows struct {
	Rows    [][]*float64
	Margins map[string][][]float64
	// Contributions of the first rows, the expected margin last.
	Contributions map[string][][]float64
	// Categories are other rows, of the model that splits by category.
	Categories struct {
		Rows    [][]*float64
		Margins [][]float64
	}
}

func readRows(t *testing.T) rows {
	t.Helper()
	data, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var r rows
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r rows) row(i int) []float64 {
	out := make([]float64, len(r.Rows[i]))
	for j, v := range r.Rows[i] {
		if out[j] = math.NaN(); v != nil {
			out[j] = *v
		}
	}
	return out
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// farthest is the largest difference of a margin, relative to margins above 1.
func farthest(e *tree.Ensemble, r rows, want [][]float64) float64 {
	worst := 0.0
	out := make([]float64, e.Outputs)
	for i := range r.Rows {
		e.Margins(r.row(i), out)
		for k := range out {
			worst = max(worst, math.Abs(out[k]-want[i][k])/max(1, math.Abs(want[i][k])))
		}
	}
	return worst
}

// XGBoost adds up float32, we add up float64: that is all that may lie between the two.
func TestMarginsAreThoseOfXGBoost(t *testing.T) {
	t.Parallel()
	r := readRows(t)
	const bound = 5e-6
	for name, want := range r.Margins {
		m, err := xgboost.Read(read(t, name+".json"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if far := farthest(m.Ensemble, r, want); far > bound {
			t.Errorf("%s: %.3g off, want at most %g", name, far, bound)
		} else {
			t.Logf("%-15s %.2g off at most", name, far)
		}
	}
}

// Of its splits by category every third sends missing values the way of the set.
func TestSplitsByCategoryAreThoseOfXGBoost(t *testing.T) {
	t.Parallel()
	r := readRows(t)
	of := rows{Rows: r.Categories.Rows}
	for _, file := range []string{"categories.json", "categories.ubj"} {
		m, err := xgboost.Read(read(t, file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if far := farthest(m.Ensemble, of, r.Categories.Margins); far > 5e-6 {
			t.Errorf("%s: %.3g off", file, far)
		}
	}
}

// What XGBoost 3.3 writes and predicts for one split by category, of a set whose rows go right.
func TestASplitByCategoryOfALaterVersion(t *testing.T) {
	t.Parallel()
	model := func(defaultLeft, cats string) string {
		return `{"learner":{"attributes":{},"feature_names":["k","x"],"feature_types":["c","float"],"gradient_booster":{"model":{` +
			`"cats":` + cats + `,"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},` +
			`"iteration_indptr":[0,1],"tree_info":[0],"trees":[{"base_weights":[-1.549797E-2,5.0032234E0,-4.994254E0,-5.1510167E0,-4.8282037E0],` +
			`"categories":[0,2,5],"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[3],"default_left":[` + defaultLeft + `,0,0,0,0],` +
			`"id":0,"left_children":[1,-1,3,-1,-1],"loss_changes":[5.002395E4,0E0,1.2910156E0,0E0,0E0],"parents":[2147483647,0,0,2,2],` +
			`"right_children":[2,-1,4,-1,-1],"split_conditions":[1E-45,5.0032234E0,5.1638976E-2,-5.1510167E0,-4.8282037E0],` +
			`"split_indices":[0,0,1,0,0],"split_type":[1,0,0,0,0],"sum_hessian":[2E3,9.96E2,1.004E3,5.01E2,5.03E2],` +
			`"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"5","size_leaf_vector":"1"}}]},"name":"gbtree"},` +
			`"learner_model_param":{"base_score":"[0E0]","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},` +
			`"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[3,3,0]}`
	}
	const in, out = -5.1510167, 5.0032234
	// Of a matrix, and of a data frame whose categories are called as they are numbered.
	const none, numbered = `{"enc":[],"feature_segments":[],"sorted_idx":[]}`, `{"enc":[{"type":15,"values":[0,1,2,3,4,5]},{"offsets":[],"values":[]}],` +
		`"feature_segments":[0,6,6],"sorted_idx":[0,1,2,3,4,5],"is_ref":true,"sorted":true}`
	for cats, wrong := range map[string]string{
		`{"enc":[{"type":15,"values":[0,1,2,3,5,4]},{"offsets":[],"values":[]}],"feature_segments":[0,6,6],"sorted_idx":[]}`:   "category 4 of column 0 is called 5",
		`{"enc":[{"offsets":[0,1,2],"values":[97,98]},{"offsets":[],"values":[]}],"feature_segments":[0,2,2],"sorted_idx":[]}`: "column 0 are texts",
		`{"enc":[{"type":15,"values":[0,1]}],"feature_segments":[0,2],"sorted_idx":[]}`:                                        "1 columns, want 2",
		`{"enc":[{"type":15,"values":[0,1]},{"offsets":[],"values":[]}],"feature_segments":[0,3,3],"sorted_idx":[]}`:           "column 0 has 2 categories, not 3",
		`{"enc":[{"type":15,"values":[0,1]},{"offsets":[],"values":[]}],"sorted_idx":[]}`:                                      "feature_segments",
		`{"enc":[{"type":15},{"offsets":[],"values":[]}],"feature_segments":[0,3,3],"sorted_idx":[]}`:                          "values",
	} {
		if _, err := xgboost.Read([]byte(model("0", cats))); !errors.Is(err, xgboost.ErrInvalid) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want %q", cats, err, wrong)
		}
	}
	for of, missing := range map[[2]string]float64{{"1", none}: out, {"0", none}: in, {"0", numbered}: in} {
		defaultLeft := of[0]
		m, err := xgboost.Read([]byte(model(defaultLeft, of[1])))
		if err != nil {
			t.Fatal(err)
		}
		margin := make([]float64, 1)
		for k, want := range map[float64]float64{0: in, 1: out, 2: in, 3: out, 4: out, 5: in, 6: out, 700: out, -1: out, math.NaN(): missing} {
			if m.Ensemble.Margins([]float64{k, 0}, margin); math.Abs(margin[0]-want) > 1e-6 {
				t.Errorf("default left %s: category %v gives %v, want %v", defaultLeft, k, margin[0], want)
			}
		}
		known, _, err := m.Ensemble.Contributions([]float64{1, 0}, 0)
		if mean := (996*out + 501*in - 503*4.8282037) / 2000; err != nil || math.Abs(known-mean) > 1e-6 {
			t.Errorf("default left %s: %v is expected of nobody in particular, want %v (%v)", defaultLeft, known, mean, err)
		}
	}
}

func TestContributionsAreThoseOfXGBoost(t *testing.T) {
	t.Parallel()
	r := readRows(t)
	for name, rows := range r.Contributions {
		m, err := xgboost.Read(read(t, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, want := range rows {
			expected, got, err := m.Ensemble.Contributions(r.row(i), 0)
			if err != nil {
				t.Fatal(err)
			}
			for j, c := range append(got, expected) {
				worst = max(worst, math.Abs(c-want[j]))
			}
		}
		if worst > 5e-6 {
			t.Errorf("%s: %.3g off", name, worst)
		} else {
			t.Logf("%-8s %.2g off at most", name, worst)
		}
	}
}

func TestUBJSONIsReadAsTheSameModel(t *testing.T) {
	t.Parallel()
	r := readRows(t)
	for _, name := range []string{"hist", "early", "softprob", "dart", "forest_classes", "poisson"} {
		text, err := xgboost.Read(read(t, name+".json"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		binary, err := xgboost.Read(read(t, name+".ubj"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text.Version != "1.7.4" || binary.Version != text.Version || binary.Objective != text.Objective {
			t.Errorf("%s: %s %s and %s %s", name, text.Version, text.Objective, binary.Version, binary.Objective)
		}
		if len(binary.FeatureNames) != len(text.FeatureNames) || binary.Rounds != text.Rounds {
			t.Errorf("%s: %v %d and %v %d", name, binary.FeatureNames, binary.Rounds, text.FeatureNames, text.Rounds)
		}
		if far := farthest(binary.Ensemble, r, r.Margins[name]); far > 5e-6 {
			t.Errorf("%s: %.3g off", name, far)
		}
	}
}

func TestEarlyStoppingIsHonoured(t *testing.T) {
	t.Parallel()
	m, err := xgboost.Read(read(t, "early.json"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Rounds >= m.RoundsInFile || m.Rounds != len(m.Ensemble.Trees) {
		t.Errorf("%d rounds of %d kept, %d trees", m.Rounds, m.RoundsInFile, len(m.Ensemble.Trees))
	}
}

func TestFeatureNames(t *testing.T) {
	t.Parallel()
	m, err := xgboost.Read(read(t, "hist.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.FeatureNames, " "); got != "visits mood basket member gap drift trend share" {
		t.Error(got)
	}
}

// From 3.1 on base_score stands in brackets, and for classes there is one each.
func TestBaseScoreOfLaterVersions(t *testing.T) {
	t.Parallel()
	r := readRows(t)
	for name, c := range map[string]struct {
		file, base string
		shift      []float64
	}{
		"scalar in brackets": {"base_score", `[1.24E-1]`, []float64{0}},
		"one for all":        {"softprob", `[5E-1]`, []float64{0, 0, 0, 0}},
		"one a class":        {"softprob", `[1.5E0,5E-1,-5E-1,0]`, []float64{1, 0, -1, -0.5}},
	} {
		data := read(t, c.file+".json")
		const key = `"base_score":"`
		from := bytes.Index(data, []byte(key))
		to := from + len(key) + bytes.IndexByte(data[from+len(key):], '"')
		changed := string(data[:from]) + key + c.base + string(data[to:])
		m, err := xgboost.Read([]byte(changed))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := make([][]float64, len(r.Rows))
		for i := range want {
			want[i] = make([]float64, len(c.shift))
			for k := range want[i] {
				want[i][k] = r.Margins[c.file][i][k] + c.shift[k]
			}
		}
		if far := farthest(m.Ensemble, r, want); far > 5e-6 {
			t.Errorf("%s: %.3g off", name, far)
		}
	}
}

// small is a whole model that tests change: one split.
const small = `{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],"gradient_booster":{"model":{` +
	`"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{` +
	`"base_weights":[0,0,0],"default_left":[true,false,false],"id":0,"left_children":[1,-1,-1],` +
	`"loss_changes":[1E0,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[5E-1,1E0,2E0],` +
	`"split_indices":[1,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0"}}]},"name":"gbtree"},` +
	`"learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"},` +
	`"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}`

// byCategory is what a tree says of its one split by category.
func byCategory(category, node, segment, size string) string {
	return `"split_type":[1,0,0],"categories":[` + category + `],"categories_nodes":[` + node + `],"categories_segments":[` + segment +
		`],"categories_sizes":[` + size + `]`
}

func TestFaultsAreNamedByTheirField(t *testing.T) {
	t.Parallel()
	if _, err := xgboost.Read([]byte(small)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, replacement, want string }{
		"linear booster":      {`"name":"gbtree"`, `"name":"gblinear"`, "learner.gradient_booster.name"},
		"unknown objective":   {`binary:logistic`, `survival:cox`, "learner.objective.name"},
		"hinge":               {`binary:logistic`, `binary:hinge`, "learner.objective.name"},
		"no objective":        {`"objective"`, `"objektive"`, "learner.objective: is missing"},
		"base score":          {`"5E-1"`, `"1.5"`, "base_score"},
		"base scores":         {`"5E-1"`, `"[5E-1,5E-1]"`, "base_score"},
		"base score text":     {`"5E-1"`, `"half"`, "base_score"},
		"no features":         {`"num_feature":"2"`, `"num_feature":"0"`, "num_feature"},
		"many features":       {`"num_feature":"2"`, `"num_feature":"100001"`, "num_feature"},
		"one name too few":    {`"feature_names":["a","b"]`, `"feature_names":["a"]`, "feature_names"},
		"classes":             {`"num_class":"0"`, `"num_class":"3"`, "num_class"},
		"targets":             {`"num_target":"1"`, `"num_target":"2"`, "num_target"},
		"leaf vectors":        {`"size_leaf_vector":"0"`, `"size_leaf_vector":"3"`, "size_leaf_vector"},
		"tree count":          {`"num_trees":"1"`, `"num_trees":"2"`, "tree_info"},
		"tree count, huge":    {`"num_trees":"1"`, `"num_trees":"90000000000000"`, "num_trees"},
		"tree's class":        {`"tree_info":[0]`, `"tree_info":[1]`, "tree_info"},
		"no category":         {`"split_type":[0,0,0]`, `"split_type":[1,0,0]`, "trees[0].categories_nodes"},
		"unknown split":       {`"split_type":[0,0,0]`, `"split_type":[2,0,0]`, "trees[0].split_type"},
		"another's category":  {`"split_type":[0,0,0]`, byCategory("3", "1", "0", "1"), "trees[0].categories_nodes"},
		"categories' place":   {`"split_type":[0,0,0]`, byCategory("3", "0", "2", "1"), "trees[0].categories_segments"},
		"categories' number":  {`"split_type":[0,0,0]`, byCategory("3", "0", "0", "2"), "trees[0].categories_sizes"},
		"categories' none":    {`"split_type":[0,0,0]`, byCategory("3", "0", "0", "0"), "trees[0].categories_sizes"},
		"huge category":       {`"split_type":[0,0,0]`, byCategory("65536", "0", "0", "1"), "trees[0].categories"},
		"leaf vectors, tree":  {`"num_deleted":"0"`, `"num_deleted":"0","size_leaf_vector":"2"`, "one_output_per_tree"},
		"list lengths":        {`"split_indices":[1,0,0]`, `"split_indices":[1,0]`, "trees[0].split_indices"},
		"cycle":               {`"left_children":[1,-1,-1]`, `"left_children":[0,-1,-1]`, "trees[0].left_children"},
		"cycle below":         {`"left_children":[1,-1,-1],"loss_changes":[1E0,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1]`, `"left_children":[1,1,-1],"loss_changes":[1E0,0,0],"parents":[2147483647,0,0],"right_children":[2,2,-1]`, "two parents"},
		"child out of range":  {`"left_children":[1,-1,-1]`, `"left_children":[3,-1,-1]`, "trees[0].left_children"},
		"half a leaf":         {`"left_children":[1,-1,-1]`, `"left_children":[-1,-1,-1]`, "trees[0].left_children"},
		"one child twice":     {`"left_children":[1,-1,-1]`, `"left_children":[2,-1,-1]`, "two parents"},
		"feature":             {`"split_indices":[1,0,0]`, `"split_indices":[2,0,0]`, "trees[0].split_indices"},
		"infinite leaf":       {`[5E-1,1E0,2E0]`, `[5E-1,1E39,2E0]`, "trees[0].split_conditions"},
		"infinite condition":  {`[5E-1,1E0,2E0]`, `[1E39,1E0,2E0]`, "trees[0].split_conditions"},
		"beyond float64":      {`[5E-1,1E0,2E0]`, `[5E-1,1E999,2E0]`, "JSON, byte"},
		"not a number":        {`[5E-1,1E0,2E0]`, `[5E-1,NaN,2E0]`, "trees[0].split_conditions"},
		"no condition":        {`[5E-1,1E0,2E0]`, `[NaN,1E0,2E0]`, "trees[0].split_conditions"},
		"neither a number":    {`[5E-1,1E0,2E0]`, `[5E-1,Nah,2E0]`, "JSON, byte"},
		"name twice":          {`"id":0`, `"id":0,"id":0`, "there twice"},
		"cut off":             {`,"version":[1,7,4]}`, ``, "JSON, byte"},
		"trailing":            {`"version":[1,7,4]}`, `"version":[1,7,4]}{}`, "follows"},
		"best iteration":      {`"attributes":{}`, `"attributes":{"best_iteration":"-2"}`, "best_iteration"},
		"deep":                {`"id":0`, `"id":` + strings.Repeat("[", 100) + strings.Repeat("]", 100), "deeper"},
		"numbers and texts":   {`"tree_info":[0]`, `"tree_info":[0,"a"]`, "JSON, byte"},
		"a control character": {`"feature_names":["a"`, "\"feature_names\":[\"\x01\"", "control character"},
	} {
		if !strings.Contains(small, c.old) {
			t.Fatalf("%s: %s is not in the model", name, c.old)
		}
		_, err := xgboost.Read([]byte(strings.Replace(small, c.old, c.replacement, 1)))
		if !errors.Is(err, xgboost.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", name, err, c.want)
		}
	}
}

func TestWhatIsNoModelIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":         {nil, "save it again"},
		"the old binary":  {[]byte("binf\x00\x00\x00\x3f"), "save it again"},
		"another UBJSON":  {[]byte("{L\x00\x00\x00\x00\x00\x00\x00\x01ai\x05}"), "learner: is missing"},
		"UBJSON, a lie":   {[]byte("{L\x7f\xff\xff\xff\xff\xff\xff\xff"), "UBJSON, byte"},
		"UBJSON, a list":  {[]byte("{i\x01a[$d#L\x00\x00\x00\x00\x00\x00\x00\x20"), "UBJSON, byte"},
		"UBJSON, deep":    {append([]byte("{i\x01a"), bytes.Repeat([]byte("["), 1000)...), "deeper"},
		"linear":          {read(t, "gblinear.json"), "gbtree or dart"},
		"another's JSON":  {[]byte(`{"a":1}`), "learner: is missing"},
		"a list":          {[]byte(` []`), "object"},
		"millions nested": {[]byte(`{"a":[` + strings.Repeat("[],", 1_100_000) + `[]]}`), "values"},
	} {
		if _, err := xgboost.Read(c.data); !errors.Is(err, xgboost.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(strings.Replace(small, `"split_type":[0,0,0]`, byCategory("3", "0", "0", "1"), 1)))
	f.Fuzz(readAndScore)
}

func FuzzReadUBJSON(f *testing.F) {
	data, err := os.ReadFile("testdata/small.ubj")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(readAndScore)
}

// readAndScore checks that what is read is refused with ErrInvalid or scores any row without a panic, and ends.
func readAndScore(t *testing.T, data []byte) {
	m, err := xgboost.Read(data)
	if err != nil {
		if !errors.Is(err, xgboost.ErrInvalid) {
			t.Fatalf("an error of another kind: %v", err)
		}
		return
	}
	if m.Ensemble.Features*m.Ensemble.Outputs > 1<<20 {
		return
	}
	row, out := make([]float64, m.Ensemble.Features), make([]float64, m.Ensemble.Outputs)
	for _, v := range []float64{0, math.NaN(), math.Inf(1), -1e30} {
		for i := range row {
			row[i] = v
		}
		m.Ensemble.Margins(row, out)
	}
}
