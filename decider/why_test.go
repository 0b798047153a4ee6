package decider_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
)

func TestWhyAMarginIsWhatItIs(t *testing.T) {
	t.Parallel()
	f := decidertest.Stump(core(), "purchases_30d", 0.5, -1, 2)
	nodes := f.Ensemble.Trees[0].Nodes
	nodes[0].Cover, nodes[1].Cover, nodes[2].Cover = 4, 3, 1 // expected: (3 (-1) + 1 (2)) / 4
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	kept := &decidertest.ModelBytes{}
	if _, err := kept.Put(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(-time.Hour)
	w := givenModels(t, kept, published(scored()), decidertest.Purchased("ann", at, 12),
		decidertest.Registered("old", 1, data, at), decidertest.Assigned("conversion_7d", champion, "old", 1, data, 0, at))
	d := w.decides("ann").Record
	replayer := decider.NewReplayer(w.log, w.policies)
	expected, reasons, err := replayer.Why(w.ctx, d, d.GetScores()[0])
	if err != nil || expected != -0.25 || len(reasons) != 1 {
		t.Fatalf("%v, %+v, %v", expected, reasons, err)
	}
	if r := reasons[0]; r.Feature != "purchases_30d" || r.Value != 1 || math.Abs(expected+r.Contribution-d.GetScores()[0].GetMargin()) > 1e-12 {
		t.Errorf("%+v", r)
	}
	kept.Lose(model.Digest(data))
	w.start()
	if _, _, err := decider.NewReplayer(w.log, w.policies).Why(w.ctx, d, d.GetScores()[0]); !errors.Is(err, decider.ErrNoModelBytes) {
		t.Errorf("without bytes: %v", err)
	}
	kept.SetDown(true)
	if _, _, err := decider.NewReplayer(w.log, w.policies).Why(w.ctx, d, d.GetScores()[0]); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("without a store: %v", err)
	}
}

func TestAModelWithoutCoversGivesNoReasons(t *testing.T) {
	t.Parallel()
	w, _, _ := modelled(t)
	d := w.decides("ann").Record
	if _, reasons, err := decider.NewReplayer(w.log, w.policies).Why(w.ctx, d, d.GetScores()[0]); err != nil || len(reasons) != 0 {
		t.Errorf("%+v, %v", reasons, err)
	}
}
