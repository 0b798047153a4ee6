package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway"
)

func TestDocumentsAreTextOrRefused(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "view.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := documentIn(write("view: a@1"), "feature view"); err != nil || got != "view: a@1" {
		t.Errorf("%q, %v", got, err)
	}
	for path, want := range map[string]string{
		write(""):         "is empty",
		write("\xff\x00"): "no text in UTF-8",
		"/none/such":      "no such file",
		"/dev/zero":       "more than 4 MB",
	} {
		if _, err := documentIn(path, "feature view"); !errors.Is(err, gateway.ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %q", path, err, want)
		}
	}
}

// An item that is repaired to nothing is not the item as it was received.
func TestRepairIsRefusedAnEmptyFile(t *testing.T) {
	t.Parallel()
	c := quarantineRepair{ID: strings.Repeat("0", 32), File: os.DevNull}
	if err := c.Run(&run{}); !errors.Is(err, gateway.ErrUsage) || !strings.Contains(err.Error(), "read the repaired item: /dev/null is empty") {
		t.Errorf("got %v", err)
	}
}

func TestExportSaysUsageOnce(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]exportTraining{
		"--every wants a number":       {trainingRows: trainingRows{Share: 1, Label: "churn_90d", At: "dates", Every: "0d"}, Out: "x.csv"},
		"ends in .parquet or .csv":     {trainingRows: trainingRows{Share: 1, Label: "churn_90d", At: "dates", Every: "1d"}, Out: "x.xlsx"},
		"--share: 0 is no share":       {trainingRows: trainingRows{Label: "churn_90d"}, Out: "x.csv"},
		"wants a file, or one of chur": {trainingRows: trainingRows{Share: 1, Label: "/none/such"}, Out: "x.csv"},
	} {
		err := c.Run(&run{})
		if !errors.Is(err, gateway.ErrUsage) || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "usage") != 1 {
			t.Errorf("%v, want it to say %q and usage once", err, want)
		}
	}
	train := modelTrain{SMOTE: 3, trainingRows: trainingRows{Label: "churn_90d"}}
	if err := train.Run(&run{}); !errors.Is(err, gateway.ErrUsage) || !strings.Contains(err.Error(), "--smote: 3") {
		t.Errorf("smote: %v", err)
	}
}
