package modelfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/xgboost"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/gateway/modelfile"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// buys is a model of XGBoost 1.7.4 with its golden rows; see testdata/make.py.
func buys(t *testing.T) modelfile.Foreign {
	return modelfile.Foreign{
		Model: read(t, "buys.ubj"), View: feature.Core(), Golden: read(t, "buys_golden.csv"), Label: "conversion_7d",
	}
}

func TestAModelOfXGBoostBecomesAFile(t *testing.T) {
	t.Parallel()
	f := buys(t)
	f.Calibration = calibration.Calibration{Kind: calibration.Platt, A: 1.1, B: -0.2}
	file, err := f.Import()
	if err != nil {
		t.Fatal(err)
	}
	if file.Origin != "xgboost 1.7.4" || file.View != "core@1" || len(file.Golden) != 120 ||
		strings.Join(file.Features, " ") != "views_7d carts_7d purchases_30d spend_30d days_since_purchase" {
		t.Errorf("%s, %s, %d golden rows, %v", file.Origin, file.View, len(file.Golden), file.Features)
	}
	if want := `{"origin":"xgboost 1.7.4","objective":"binary:logistic","rounds":15,"rounds_in_file":15}`; string(file.Card) != want {
		t.Errorf("the card is %s", file.Card)
	}
	data, err := file.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Load(data); err != nil {
		t.Error(err)
	}
	f.Features = file.Features // said, and the same
	again, err := f.Import()
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, data) {
		t.Errorf("the same import gives other bytes, %v", err)
	}
}

func TestALightGBMModelBecomesAFile(t *testing.T) {
	t.Parallel()
	text := `tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=Column_0 Column_1
feature_infos=none none
tree_sizes=1

Tree=0
num_leaves=2
num_cat=0
split_feature=1
threshold=0.5
decision_type=10
left_child=-1
right_child=-2
leaf_value=-1 1

end of trees
`
	golden := "purchases_30d,margin,views_7d\n"
	for i := range 100 {
		golden += fmt.Sprintf("%d,%d,%d\n", i%2, 2*(i%2)-1, i)
	}
	golden += ",-1,NaN\n"
	f := modelfile.Foreign{
		Model: []byte(text), View: feature.Core(), Features: []string{"views_7d", "purchases_30d"}, Golden: []byte(golden),
	}
	file, err := f.Import()
	if err != nil {
		t.Fatal(err)
	}
	if file.Origin != "lightgbm text v4" || len(file.Golden) != 101 {
		t.Errorf("%s, %d golden rows", file.Origin, len(file.Golden))
	}
	f.Features = []string{"purchases_30d", "views_7d"} // the wrong order: the golden rows tell
	if _, err := f.Import(); !errors.Is(err, model.ErrGolden) {
		t.Errorf("in the wrong order: %v", err)
	}
	f.Features = nil
	if _, err := f.Import(); err == nil || !strings.Contains(err.Error(), "Column_0") {
		t.Errorf("without names: %v", err)
	}
}

func TestWhatDoesNotFitIsRefusedWithWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*modelfile.Foreign)
		kind   error
		want   string
	}{
		"no golden rows":   {func(f *modelfile.Foreign) { f.Golden = nil }, modelfile.ErrInvalid, "golden rows are required"},
		"few golden rows":  {func(f *modelfile.Foreign) { f.Golden = bytes.Join(bytes.SplitAfter(f.Golden, []byte("\n"))[:50], nil) }, modelfile.ErrInvalid, "want 100 or more"},
		"other margins":    {func(f *modelfile.Foreign) { f.Golden = bytes.Replace(f.Golden, []byte(",-"), []byte(",-1"), 1) }, model.ErrGolden, "golden["},
		"no margin":        {func(f *modelfile.Foreign) { f.Golden = bytes.Replace(f.Golden, []byte("margin"), []byte("margins"), 1) }, modelfile.ErrInvalid, `did you mean "margins"?`},
		"a column missing": {func(f *modelfile.Foreign) { f.Golden = bytes.Replace(f.Golden, []byte("views_7d"), []byte("views"), 1) }, modelfile.ErrInvalid, `no column "views_7d"`},
		"no number":        {func(f *modelfile.Foreign) { f.Golden = bytes.Replace(f.Golden, []byte("\r\n"), []byte("x\r\n"), 2) }, modelfile.ErrInvalid, "marginx"},
		"features too few": {func(f *modelfile.Foreign) { f.Features = []string{"views_7d"} }, modelfile.ErrInvalid, "1 features are named, and the model has 5"},
		"features in order": {func(f *modelfile.Foreign) {
			f.Features = []string{"carts_7d", "views_7d", "purchases_30d", "spend_30d", "days_since_purchase"}
		}, modelfile.ErrInvalid, `feature 1 is named "carts_7d", and the model calls it "views_7d"`},
		"unknown feature": {func(f *modelfile.Foreign) {
			f.Model = bytes.Replace(f.Model, []byte("views_7d"), []byte("viewz_7d"), 1)
		}, modelfile.ErrInvalid, `has no feature "viewz_7d" (did you mean "views_7d"?)`},
		"class":      {func(f *modelfile.Foreign) { f.Class = 1 }, model.ErrFile, "class"},
		"card":       {func(f *modelfile.Foreign) { f.Card = []byte("[]") }, model.ErrFile, "card"},
		"old binary": {func(f *modelfile.Foreign) { f.Model = []byte("binf....") }, xgboost.ErrInvalid, "save_model"},
		"our own":    {func(f *modelfile.Foreign) { f.Model = []byte(`{"format":"proffer-model/1"`) }, modelfile.ErrInvalid, "register it as it is"},
		"nothing":    {func(f *modelfile.Foreign) { f.Model = nil }, xgboost.ErrInvalid, "save_model"},
	} {
		f := buys(t)
		c.change(&f)
		if _, err := f.Import(); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"lines": "a\r\n b \n\n", "JSON": ` ["a","b"]`} {
		if got, err := modelfile.Names([]byte(text)); err != nil || strings.Join(got, "|") != "a|b" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := modelfile.Names([]byte(`["a",1]`)); !errors.Is(err, modelfile.ErrInvalid) {
		t.Errorf("numbers: %v", err)
	}
}

func TestGoldenRowsTryMissingValues(t *testing.T) {
	t.Parallel()
	f := buys(t)
	var whole []string
	for row := range strings.SplitSeq(strings.TrimSpace(string(f.Golden)), "\n") {
		if cells := strings.Split(row, ","); !slices.Contains(cells, "") && !slices.Contains(cells, "nan") {
			whole = append(whole, row)
		}
	}
	header, rows := whole[0], whole[1:]
	for len(rows) < modelfile.MinGolden {
		rows = append(rows, rows...)
	}
	f.Golden = []byte(header + "\n" + strings.Join(rows, "\n") + "\n")
	if _, err := f.Import(); !errors.Is(err, modelfile.ErrInvalid) || !strings.Contains(err.Error(), "days_since_purchase may be missing") {
		t.Errorf("no row has a missing value: %v", err)
	}
}
