package model_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/lightgbm"
)

// Models that LightGBM itself has trained and saved, with splits by category and without, and what it predicted. They
// come with the module of leaves.
func TestModelsOfLightGBMScoreAsThere(t *testing.T) {
	t.Parallel()
	dir := moduleDir(t, "github.com/dmitryikh/leaves")
	raw := func(margin float64) float64 { return margin }
	sigmoid := func(margin float64) float64 { return 1 / (1 + math.Exp(-margin)) }
	for name, c := range map[string]struct {
		rows, predictions string
		label             bool // the rows begin with it
		link              func(float64) float64
	}{
		"lg_kddcup99":                      {rows: "kddcup99_test.tsv", predictions: "lg_kddcup99_true_predictions.txt", link: raw},
		"lgmulticlass":                     {rows: "multiclass_test.tsv", label: true, predictions: "lgmulticlass_true_raw_predictions.txt", link: raw},
		"lg_dart_breast_cancer":            {rows: "breast_cancer_test.tsv", predictions: "lg_dart_breast_cancer_true_predictions.txt", link: sigmoid},
		"genlin_fmtp_gamma_AvgClaimAmount": {link: math.Exp},
		"genlin_fmtp_poisson_Frequency":    {link: math.Exp},
		"genlin_fmtp_tweedie_PurePremium":  {link: math.Exp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.rows == "" {
				c.rows, c.predictions = name+"_features.tsv", name+"_true_predictions.txt"
			}
			data, err := os.ReadFile(filepath.Join(dir, "testdata", name+".model"))
			if err != nil {
				t.Fatal(err)
			}
			read, err := lightgbm.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			rows := numbers(t, filepath.Join(dir, "testdata", c.rows))
			want := numbers(t, filepath.Join(dir, "testdata", c.predictions))
			f := &model.File{
				Origin: "lightgbm " + read.Version, View: "core@1", Features: read.FeatureNames, Ensemble: read.Ensemble, Card: json.RawMessage("{}"),
			}
			for i, row := range rows[:min(len(rows), 200)] {
				if c.label {
					row = row[1:]
				}
				margins := make([]float64, read.Ensemble.Outputs)
				read.Ensemble.Margins(row, margins)
				for k, margin := range margins {
					if got := c.link(margin); math.Abs(got-want[i][k]) > 1e-6*max(1, math.Abs(want[i][k])) {
						t.Fatalf("row %d, output %d: %v, LightGBM says %v", i, k, got, want[i][k])
					}
				}
				f.Golden = append(f.Golden, model.Golden{Row: row, Margins: margins})
			}
			written, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			// Loading makes every golden row again, by leaves.
			if _, err := model.Load(written); err != nil {
				t.Error(err)
			}
		})
	}
}

func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// numbers are the rows of a file of numbers.
func numbers(t *testing.T, path string) [][]float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]float64
	for line := range strings.Lines(string(text)) {
		var row []float64
		for word := range strings.FieldsSeq(line) {
			v, err := strconv.ParseFloat(word, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return rows
}
