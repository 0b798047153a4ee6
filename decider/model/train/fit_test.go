package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain/model/card"
)

// rare is ten with few positives, some of which say nothing.
func rareTen(rows int) *train.Set {
	s := ten(rows, 9)
	for i := range s.Label {
		if i%5 != 0 {
			s.Label[i] = 0
		}
		if i%11 == 0 {
			s.Columns[3][i] = math.NaN()
		}
	}
	s.Names = strings.Split("a b c d e f g h i j", " ")
	return s
}

func TestFitFillsTheCardIn(t *testing.T) {
	t.Parallel()
	s := rareTen(10_000)
	f, err := train.Fit(context.Background(), s, train.Defaults(tree.Binary), train.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	c := f.Card
	if c.Rows != (card.Rows{Train: 6000, Stop: 1500, Calibrate: 1000, Judge: 1500}) {
		t.Errorf("%+v", c.Rows)
	}
	if c.Scores.AUC < c.Baseline.AUC+.1 || c.Scores.ECE > .03 || math.Abs(c.BaseRate-.1) > .02 || len(c.Lift) != 10 || c.Best != len(f.Ensemble.Trees) {
		t.Errorf("%+v, baseline %+v, base rate %v", c.Scores, c.Baseline, c.BaseRate)
	}
	gain := 0.0
	for _, feature := range c.Features {
		gain += feature.Gain
		if feature.Bins.Total() != 6000 {
			t.Errorf("%s: %v rows in its bins", feature.Name, feature.Bins.Total())
		}
	}
	if d := c.Features[3]; d.Name != "d" || math.Abs(d.Missing-1./11) > .001 || math.Abs(gain-1) > 1e-9 {
		t.Errorf("%+v; gains sum to %v", d, gain)
	}
	data, err := c.Encode()
	if err != nil || len(data) > 64<<10 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if len(f.Golden) != 100 {
		t.Errorf("%d golden rows", len(f.Golden))
	}
}

func TestSMOTEIsComparedAndWarnedOf(t *testing.T) {
	t.Parallel()
	f, err := train.Fit(context.Background(), rareTen(6000), train.Defaults(tree.Binary), train.Extra{SMOTE: .5})
	if err != nil {
		t.Fatal(err)
	}
	raw, without := f.Card.Comparisons["with_smote_uncalibrated"], f.Card.Comparisons["without_smote"]
	if raw.ECE < 2*f.Card.Scores.ECE || without.AUC == 0 {
		t.Errorf("ECE %.4f, before calibration %.4f", f.Card.Scores.ECE, raw.ECE)
	}
	if w := strings.Join(f.Card.Warnings, "\n"); !strings.Contains(w, "SMOTE") {
		t.Error(w)
	}
}

func TestFitRefuses(t *testing.T) {
	t.Parallel()
	s := rareTen(1000)
	clear(s.Label[600:]) // nobody to stop on, nor to calibrate with
	if _, err := train.Fit(context.Background(), s, train.Defaults(tree.Binary), train.Extra{}); !errors.Is(err, train.ErrSet) {
		t.Errorf("%v", err)
	}
	if _, err := train.Fit(context.Background(), s, train.Defaults(tree.Regression), train.Extra{}); !errors.Is(err, train.ErrOptions) {
		t.Errorf("%v", err)
	}
}
