package decider_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
)

func withdrawn(kind event.DefinitionWithdrawn_Kind, name string, version uint64) *event.Event {
	return decidertest.Withdrawn(kind, name, version, noon)
}

func TestAWithdrawnPolicyDecidesNothingUntilItIsBack(t *testing.T) {
	t.Parallel()
	w, _ := decided(t)
	w.happens(withdrawn(event.DefinitionWithdrawn_KIND_POLICY, oneTea().GetId(), 1))
	if _, err := w.decider.Decide(w.ctx, w.ask("ann", "home")); !errors.Is(err, decider.ErrUnknownPlacement) {
		t.Errorf("withdrawn: %v", err)
	}
	if gone := w.policies.Withdrawn(); len(w.policies.List()) != 0 || len(gone) != 1 || gone[0].Version != 1 || gone[0].WithdrawnMS != noon.UnixMilli() {
		t.Errorf("%d in effect, %+v withdrawn", len(w.policies.List()), gone)
	}
	other := oneTea()
	other.Id = "other" // the placement is free
	if _, err := w.policies.Check(other); err != nil {
		t.Errorf("another policy of the placement: %v", err)
	}
	w.happens(decidertest.Published(oneTea(), 2, noon))
	w.clock.Add(8 * 24 * 3600 * 1000)
	if a := w.decides("ann"); a.Record.GetPolicyVersion() != 2 || len(w.policies.Withdrawn()) != 0 {
		t.Errorf("back: version %d", a.Record.GetPolicyVersion())
	}
	w.start()
	if tally := w.allReplay(); tally.Identical != 2 {
		t.Errorf("tally %+v, want 2 identical", tally)
	}
}

func TestWhatReadsWithdrawnSegmentsReplays(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"), published(forRich()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	first := w.decides("ann").Record
	w.happens(withdrawn(event.DefinitionWithdrawn_KIND_SEGMENTS, "tags", 1))
	if _, err := w.policies.Check(forRich()); err == nil || !strings.Contains(err.Error(), "tags") {
		t.Errorf("a policy that reads what is withdrawn: %v", err)
	}
	second := w.decides("ann").Record // it was not refused: two servers may do both at once
	for i, c := range []struct {
		record           *event.Decision
		failure, offered string
	}{{first, "", "tea"}, {second, decider.FailureUndefined, ""}} {
		if _, _, failure := inTags(c.record); failure != c.failure || c.record.GetOffer() != c.offered {
			t.Errorf("decision %d: %q, offered %q", i, failure, c.record.GetOffer())
		}
	}
	w.start()
	if tally := w.allReplay(); tally.Identical != 2 {
		t.Errorf("%+v", tally)
	}
}

func TestWhatReadAWithdrawnViewReplaysAndNothingFoldsForIt(t *testing.T) {
	t.Parallel()
	second := strings.NewReplacer(`"version":1`, `"version":2`, "100.0", "500.0").Replace(richView)
	w := given(t, decidertest.Purchased("ann", noon.Add(-24*time.Hour), 200))
	w.happens(viewPublished(t, richView), viewPublished(t, second), decidertest.Published(richPolicy(), 1, noon))
	w.views = decidertest.NewViews(w.log, view(t, richView), view(t, second))
	w.catchUp()
	w.start()
	ask := w.ask("ann", "home")
	ask.Context = []*event.ContextValue{{Name: "page", Value: &event.ContextValue_Text{Text: "start"}}}
	first, err := w.decider.Decide(w.ctx, ask)
	if err != nil || first.Record.GetView() != "rich@1" {
		t.Fatalf("%v, %v", first.Record, err)
	}
	w.happens(&event.Event{Body: &event.Event_FeatureViewSwitched{FeatureViewSwitched: &event.FeatureViewSwitched{
		Name: "rich", View: "rich@2", Before: "rich@1",
	}}}, withdrawn(event.DefinitionWithdrawn_KIND_FEATURE_VIEW, "rich@1", 0))
	if w.policies.Wanted(view(t, richView)).Serves(view(t, richView)) || !w.policies.Wanted().Serves(view(t, second)) {
		t.Error("the layout wanted is of what is withdrawn")
	}
	named := richPolicy()
	named.View = "rich@1"
	if _, err := w.policies.Check(named); err == nil || !strings.Contains(err.Error(), `no feature view "rich@1"`) {
		t.Errorf("a policy of a withdrawn view: %v", err)
	}
	if after, err := w.decider.Decide(w.ctx, ask); err != nil || after.Record.GetView() != "rich@2" {
		t.Errorf("%v, %v", after.Record, err)
	}
	w.views = decidertest.NewViews(w.log, view(t, second))
	w.catchUp()
	w.start()
	if tally := w.allReplay(); tally.Identical != 2 {
		t.Errorf("%+v", tally)
	}
}
