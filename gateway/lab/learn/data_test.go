package learn

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTelcoChurn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: takes long with the race detector")
	}
	root := os.Getenv("PROFFER_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, "telco_churn", "Telco-Customer-Churn.csv.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skip("skipped: no telco_churn/Telco-Customer-Churn.csv.gz under ../shared/data (set PROFFER_DATA)")
	}
	r := try(t, path, Options{Label: "Churn", Folds: 5}).Result
	if r.AUC < .847 || r.Baseline.AUC < .84 || r.LogLoss > .415 || r.ECE > .025 {
		t.Errorf("%+v, baseline %+v", r.Scores, r.Baseline)
	}
	if warned(r, "leak") || !warned(r, "customerID") {
		t.Errorf("%q", r.Warnings)
	}
	if r.Importance[0].Feature != "Contract" {
		t.Errorf("%+v", r.Importance[0])
	}
}
