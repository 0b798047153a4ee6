package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/profferhq/proffer/gateway/normal"
)

// dataFile skips the test where the public data sets are not at hand.
func dataFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("PROFFER_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: no %s under ../shared/data (set PROFFER_DATA)", name)
	}
	return path
}

func trial(t testing.TB, o Options) *Trial {
	t.Helper()
	reader, err := normal.NewFields(normal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Reader, o.Workers, o.Low, o.High, o.Seed = reader, 2, 0.2, 0.8, 1
	tr, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tr.Result.Thresholds {
		t.Logf("%.2f: links %d expected %.4f tp %d fp %d fn %d precision %.4f recall %.4f f1 %.4f", x.Posterior, x.Links, x.ExpectedPrecision, *x.TP, *x.FP, *x.FN, *x.Precision, *x.Recall, *x.F1)
	}
	t.Logf("%d candidates, review %d of which %d, %d clusters, %.2f s, prior %g, matches %.0f, %d rounds", tr.Result.CandidatePairs,
		tr.Result.Review.Pairs, *tr.Result.Review.True, tr.Result.Clusters, tr.Result.Seconds, tr.Result.Model.Prior, tr.Result.Fit.Matches, tr.Result.Fit.Rounds)
	return tr
}

func TestSplinkFake1000(t *testing.T) {
	t.Parallel()
	tr := trial(t, Options{In: dataFile(t, "splink/fake_1000.csv"), Truth: "cluster"})
	half, link := tr.Result.Thresholds[0], tr.Result.Thresholds[1]
	if *half.F1 < .95 || *link.Precision < .99 || *link.Recall < .90 {
		t.Errorf("F1 %.4f at 0.5, precision %.4f and recall %.4f at 0.8", *half.F1, *link.Precision, *link.Recall)
	}
}

func TestFebrlDataset1(t *testing.T) {
	t.Parallel()
	tr := trial(t, Options{In: dataFile(t, "febrl/dataset1.csv"), ID: "rec_id", Truth: `^rec-(\d+)-`})
	if link := tr.Result.Thresholds[1]; *link.Precision < .995 || *link.Recall < .99 {
		t.Errorf("precision %.4f and recall %.4f at 0.8", *link.Precision, *link.Recall)
	}
}
