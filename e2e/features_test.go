package e2e

import (
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain/feature"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

func (s *server) features() profferv1connect.FeatureServiceClient {
	return profferv1connect.NewFeatureServiceClient(s.client(s.file.OperatorKey), s.file.URL)
}

// baskets counts orders above some amount; the policy reads it by its name without a version.
const (
	baskets = `
view: baskets@VERSION
description: Orders above an amount.
owner: shop
features:
  - {name: large_90d, description: Orders of AMOUNT and more, source: purchased, filter: event.amount >= AMOUNT, aggregation: count, window: 90d, unit: orders, default: 0}
`
	generous = `
policy: generous
view: baskets
placements:
  - {id: home, channel: web}
offers:
  - id: loyal
    value: 2
    eligibility:
      - {name: bought much, when: features.large_90d >= 1}
    treatments:
      - {id: banner, channel: web, content: {headline: Thanks}}
`
)

func basketsOf(version, amount string) string {
	return strings.NewReplacer("VERSION", version, "AMOUNT", amount).Replace(baskets)
}

// TestAFeatureViewIsPublishedComparedSwitchedAndTakenBack walks a view through its life while decisions go on, over
// kill -9, and wants every decision to replay with the version that it read.
func TestAFeatureViewIsPublishedComparedSwitchedAndTakenBack(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.buy("1", "user_id:anna") // 5.00
	s.awaitCounts("a purchase", map[string]uint64{"purchased": 1})
	s.publishView(basketsOf("1", "4"))
	s.publish(generous)
	s.wantOffer("loyal", "baskets@1")

	s.publishView(basketsOf("2", "20"))
	s.wantOffer("loyal", "baskets@1") // published is not switched
	compared, err := s.features().CompareViews(t.Context(), &profferv1.CompareViewsRequest{View: "baskets@2"})
	if err != nil || compared.GetPeople() != 1 || compared.GetFeatures()[0].GetDifferent() != 1 || compared.GetFeatures()[0].GetDefinition() != "CHANGED" {
		t.Errorf("the comparison: %v, %v", compared, err)
	}
	s.switchView("baskets@2")
	s.wantOffer("", "baskets@2")

	s.restart() // kill -9
	s.wantOffer("", "baskets@2")
	s.switchView("baskets@1") // rollback is a switch
	s.wantOffer("loyal", "baskets@1")
	s.buy("2", "user_id:bert")
	s.awaitCounts("another purchase", map[string]uint64{"purchased": 2})

	var replayed struct{ Replayed, Identical, Different int }
	s.jsonOf(&replayed, "replay", "--all")
	if replayed.Identical != 5 || replayed.Different != 0 {
		t.Errorf("replayed: %+v, want 5 identical", replayed)
	}
}

func (s *server) publishView(document string) {
	s.t.Helper()
	if _, err := s.features().PublishView(s.t.Context(), &profferv1.PublishViewRequest{Document: document}); err != nil {
		s.t.Fatalf("publish a view: %v", err)
	}
}

func (s *server) switchView(view string) {
	s.t.Helper()
	if _, err := s.features().SwitchView(s.t.Context(), &profferv1.SwitchViewRequest{View: view}); err != nil {
		s.t.Fatalf("switch to %s: %v", view, err)
	}
}

// wantOffer wants anna to get an offer, decided from a version of a view.
func (s *server) wantOffer(offer, view string) {
	s.t.Helper()
	decided, err := s.decisions().Decide(s.t.Context(), decideFor("anna"))
	if err != nil || decided.GetOffer() != offer {
		s.t.Fatalf("got the offer %q (%s), %v; want %q", decided.GetOffer(), decided.GetReason(), err, offer)
	}
	explained, err := s.audit().Explain(s.t.Context(), &profferv1.ExplainRequest{DecisionId: decided.GetDecisionId(), Position: decided.GetPosition()})
	if err != nil || explained.GetView() != view {
		s.t.Errorf("explained with the view %q, %v; want %s", explained.GetView(), err, view)
	}
}

func TestAFeatureViewThatIsWrongIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publishView(basketsOf("1", "4"))
	for name, c := range map[string]struct {
		document    string
		code        connect.Code
		reason, say string
	}{
		"unknown field":   {strings.Replace(basketsOf("2", "4"), "event.amount", "event.amuont", 1), connect.CodeInvalidArgument, "VIEW_INVALID", `line 6: there is no field event.amuont (did you mean "amount"?)`},
		"another of @1":   {basketsOf("1", "5"), connect.CodeAlreadyExists, "VIEW_VERSION_TAKEN", "the latest is baskets@1"},
		"no view":         {"policy: x", connect.CodeInvalidArgument, "VIEW_UNREADABLE", "line 1"},
		"built-in name":   {strings.Replace(basketsOf("1", "4"), "baskets@", "core@", 1), connect.CodeAlreadyExists, "VIEW_VERSION_TAKEN", "the latest is core@2"},
		"unknown unknown": {strings.Replace(basketsOf("2", "4"), "count", "median", 1), connect.CodeInvalidArgument, "VIEW_INVALID", "aggregation \"median\" is unknown"},
	} {
		_, err := s.features().PublishView(t.Context(), &profferv1.PublishViewRequest{Document: c.document})
		wantRefusal(t, name, err, c.code, c.reason)
		if err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.say)
		}
	}
	_, err := s.features().SwitchView(t.Context(), &profferv1.SwitchViewRequest{View: "baskets@7"})
	wantRefusal(t, "switch to nothing", err, connect.CodeNotFound, "UNKNOWN_VIEW")
}

// TestFeaturesAtATimeLeaveOutWhatHappenedLater asks for a time before more events than are kept one by one.
func TestFeaturesAtATimeLeaveOutWhatHappenedLater(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	then := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var items []*profferv1.Item
	for i := range 2 * feature.MaxEntries {
		at := then.Add(time.Duration(i+1) * time.Minute)
		if i < 3 {
			at = then.Add(-time.Duration(i) * time.Hour)
		}
		items = append(items, &profferv1.Item{
			Type: "purchase", Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: "anna"}}, Time: timestamppb.New(at), Amount: "5.00", Currency: "EUR",
		})
	}
	if _, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: items}); err != nil {
		t.Fatal(err)
	}
	s.awaitCounts("the purchases", map[string]uint64{"purchased": uint64(len(items))})
	now, err := s.features().GetFeatures(t.Context(), &profferv1.GetFeaturesRequest{Who: person("user_id:anna")})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*profferv1.GetFeaturesRequest{
		"known now":          {},
		"known as of a cut":  {AsOf: &profferv1.GetFeaturesRequest_Cut{Cut: now.GetCut()}},
		"known as of a time": {AsOf: &profferv1.GetFeaturesRequest_Time{Time: timestamppb.Now()}},
	} {
		r.Who, r.At, r.Features = person("user_id:anna"), timestamppb.New(then), []string{"purchases_1d", "spend_lifetime", "days_since_purchase"}
		got, err := s.features().GetFeatures(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, want := range []float64{3, 15, 0} {
			if f := got.GetFeatures()[i]; f.GetValue() != want || f.GetMissing() || !f.GetExact() {
				t.Errorf("%s: %v, want %v exactly", name, f, want)
			}
		}
	}
}

// TestADigestIsTheSameWhateverWasAskedFor reads a view that no policy reads in between.
func TestADigestIsTheSameWhateverWasAskedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.buy("1", "user_id:anna")
	before := s.digests()
	s.proffer("feature", "get", "user_id:anna", "--view", "retail@1")
	if diff := cmp.Diff(before, s.digests()); diff != "" {
		t.Errorf("reading a view changed a digest (-before +after)\n%s", diff)
	}
	s.proffer("feature", "get", "user_id:anna", "--view", "retail@1")
}
