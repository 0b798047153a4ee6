package rpc

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

var auditNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// teaForTwoOrders is decided about ann and bob, one person with an order each, who are then split.
func teaForTwoOrders(t *testing.T) (audit *Audit, position string) {
	t.Helper()
	policy := &event.Policy{
		Id: "shop", View: "core@1", Salt: "s", Placements: []*event.Placement{{Id: "home", Channel: "web"}},
		Offers: []*event.Offer{{
			Id: "tea", Value: "5", Propensity: "0.5", Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}},
			Eligibility: []*event.Rule{{Name: "two_orders", When: "features.purchases_90d >= 2"}},
		}},
	}
	log := decidertest.NewLog(1)
	happens := func(events ...*event.Event) {
		t.Helper()
		for _, e := range events {
			if _, err := log.Append(t.Context(), decidertest.LaneOf(e, 1), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	happens(decidertest.Published(policy, 1, auditNoon.Add(-time.Hour)), decidertest.Purchased("ann", auditNoon.Add(-time.Hour), 3),
		decidertest.Purchased("bob", auditNoon.Add(-time.Hour), 4), decidertest.Linked("ann", "bob", auditNoon.Add(-time.Hour)))
	views := decidertest.NewViews(log)
	if err := views.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	policies := decider.NewPolicies(feature.Core())
	identities := decider.NewIdentities(views)
	d := decider.New(decider.Config{
		Views: views, Lanes: log, Source: log, Identities: identities, Policies: policies, Vectors: decider.NewVectors(views, identities),
		Clock: func() time.Time { return auditNoon }, Random: func() [10]byte { return [10]byte{1} },
	})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer, err := d.Decide(t.Context(), decider.Request{Alias: decidertest.Named("bob"), Placement: "home"})
	if err != nil || answer.Record.GetOffer() != "tea" {
		t.Fatalf("decide: %q, %v", answer.Record.GetOffer(), err)
	}
	happens(decidertest.Unlinked("ann", "bob", auditNoon))
	return &Audit{Replayer: decider.NewReplayer(log, policies)}, answer.At.String()
}

func TestAnExplanationUnderTheIdentityKnownNow(t *testing.T) {
	t.Parallel()
	audit, position := teaForTwoOrders(t)
	ask := func(identity string) *profferv1.ExplainResponse {
		t.Helper()
		e, err := audit.Explain(t.Context(), &profferv1.ExplainRequest{Position: position, Identity: identity})
		if err != nil {
			t.Fatalf("explain under %q: %v", identity, err)
		}
		return e
	}
	if e := ask(""); e.GetIdentity() != nil || e.GetOffer() != "tea" {
		t.Errorf("not asked for, yet %v", e.GetIdentity())
	}
	if c := ask("IDENTITY/1").GetIdentity(); c.GetDifferent() || c.GetOffer() != "tea" || len(c.GetDifferences()) > 0 {
		t.Errorf("under its own identity: %v", c)
	}
	ann, bob := decidertest.Named("ann").String(), decidertest.Named("bob").String()
	c := ask("now").GetIdentity()
	if !c.GetDifferent() || c.GetOffer() != "" || c.GetReason() != "NO_ELIGIBLE_OFFER" || c.GetSummary() == "" {
		t.Errorf("now: %v", c)
	}
	got := [][]string{{c.GetThen().GetPosition(), c.GetThen().GetProfile()}, c.GetThen().GetAliases(), {c.GetNow().GetPosition(), c.GetNow().GetProfile()}, c.GetNow().GetAliases()}
	if diff := cmp.Diff([][]string{{"IDENTITY/1", ann}, {ann, bob}, {"IDENTITY/2", bob}, {bob}}, got); diff != "" {
		t.Errorf("who (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(c.GetFeatures(), func(f *profferv1.ChangedFeature) bool {
		return f.GetName() == "purchases_90d" && f.GetThen() == 2 && f.GetNow() == 1 && !f.GetThenMissing() && !f.GetNowMissing()
	}) {
		t.Errorf("features: %v", c.GetFeatures())
	}
	again, err := audit.Replay(t.Context(), &profferv1.ReplayRequest{Position: position})
	if err != nil || !again.GetIdentical() {
		t.Errorf("the old decision under the identity known then: %v, %v", again, err)
	}
}

func TestAnIdentityThatIsNoCutIsRefused(t *testing.T) {
	t.Parallel()
	audit, position := teaForTwoOrders(t)
	for _, text := range []string{"then", "BEHAVIOUR/1", "IDENTITY", "IDENTITY/0", "identity/1"} {
		_, err := audit.Explain(t.Context(), &profferv1.ExplainRequest{Position: position, Identity: text})
		if !errors.Is(err, errWhichIdentity) {
			t.Errorf("%q: %v, want %v", text, err, errWhichIdentity)
		}
	}
}
