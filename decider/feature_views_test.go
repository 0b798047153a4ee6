package decider_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

const richView = `{"name":"rich","version":1,"description":"d","channels":[],"context":[{"name":"page","type":"text"}],"features":[
	{"name":"large_30d","description":"d","source":["purchased"],"filter":"event.amount >= 100.0","aggregation":"count","window":"30d","unit":"events","default":"0","owner":"o"},
	{"name":"at_start","description":"d","source":[],"aggregation":"on_demand","window":"","expression":"context.page == 'start'","unit":"flag","default":"0","owner":"o"}]}`

func view(t testing.TB, document string) feature.View {
	t.Helper()
	v, err := feature.ParseView([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func viewPublished(t testing.TB, document string) *event.Event {
	v := view(t, document)
	fingerprint := v.Fingerprint()
	return &event.Event{Body: &event.Event_FeatureViewPublished{FeatureViewPublished: &event.FeatureViewPublished{
		Name: v.Name(), Fingerprint: fingerprint[:], SpecsJson: v.Canonical(),
	}}}
}

// richPolicy reads a view by its name without a version.
func richPolicy() *event.Policy {
	return &event.Policy{
		Id: "p", View: "rich", Salt: "s",
		Placements: []*event.Placement{{Id: "home", Channel: "web", Context: []*event.ContextField{{Name: "page", Type: "text"}}}},
		Offers: []*event.Offer{{
			Id: "gold", Eligibility: []*event.Rule{{Name: "large", When: "features.large_30d >= 1 && features.at_start == 1"}},
			Treatments: []*event.Treatment{{Id: "t", Channel: "web"}},
		}},
	}
}

func TestDecisionsReadPublishedViewsAndReplayWithTheirVersion(t *testing.T) {
	t.Parallel()
	second := strings.NewReplacer(`"version":1`, `"version":2`, "100.0", "500.0").Replace(richView)
	w := given(t,
		decidertest.Purchased("ann", noon.Add(-24*time.Hour), 200),
		decidertest.Purchased("bob", noon.Add(-24*time.Hour), 20))
	w.happens(viewPublished(t, richView), decidertest.Published(richPolicy(), 1, noon))

	if _, err := w.decider.Decide(w.ctx, w.ask("ann", "home")); !errors.Is(err, decider.ErrViewNotReady) {
		t.Fatalf("before the views keep the series: %v, want ErrViewNotReady", err)
	}
	w.views = decidertest.NewViews(w.log, view(t, richView), view(t, second))
	w.catchUp()
	w.start()

	ask := w.ask("ann", "home")
	ask.Context = []*event.ContextValue{{Name: "page", Value: &event.ContextValue_Text{Text: "start"}}}
	first, err := w.decider.Decide(w.ctx, ask)
	if err != nil || first.Record.GetOffer() != "gold" || first.Record.GetView() != "rich@1" {
		t.Fatalf("first: %v, %v", first.Record, err)
	}
	if none := w.decides("bob"); none.Record.GetOffer() != "" {
		t.Errorf("bob bought little and got %s", none.Record.GetOffer())
	}
	w.happens(viewPublished(t, second))
	if same, err := w.decider.Decide(w.ctx, ask); err != nil || same.Record.GetView() != "rich@1" {
		t.Errorf("published, not switched: %s, %v", same.Record.GetView(), err)
	}
	w.happens(&event.Event{Body: &event.Event_FeatureViewSwitched{FeatureViewSwitched: &event.FeatureViewSwitched{
		Name: "rich", View: "rich@2", Before: "rich@1",
	}}})
	after, err := w.decider.Decide(w.ctx, ask)
	if err != nil || after.Record.GetView() != "rich@2" || after.Record.GetOffer() != "" {
		t.Errorf("switched: %s gave %q, %v", after.Record.GetView(), after.Record.GetOffer(), err)
	}
	w.catchUp()
	if tally := w.allReplay(); tally.Identical != 4 {
		t.Errorf("%d decisions replay identically, want 4", tally.Identical)
	}
}
