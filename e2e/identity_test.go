package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

func (s *server) identity() profferv1connect.IdentityServiceClient {
	return profferv1connect.NewIdentityServiceClient(s.client(s.file.OperatorKey), s.file.URL)
}

// buyers is a policy that offers something to those who bought twice: two who bought once each get it together only.
const buyers = `
policy: buyers
view: core@1
placements:
  - {id: home, channel: web}
offers:
  - id: loyal
    category: thanks
    propensity: 0.5
    value: 2
    eligibility:
      - {name: bought twice, when: features.purchases_90d >= 2.0}
    treatments:
      - {id: banner, channel: web, content: {headline: Thanks}}
`

// person names somebody, written TYPE:VALUE.
func person(text string) *profferv1.Who {
	kind, value, _ := strings.Cut(text, ":")
	return &profferv1.Who{Who: &profferv1.Who_Identifier{Identifier: &profferv1.Identifier{Type: kind, Value: value}}}
}

// send sends one item of somebody under these identifiers, written TYPE:VALUE.
func (s *server) send(item *profferv1.Item, identifiers ...string) {
	s.t.Helper()
	for _, text := range identifiers {
		item.Identifiers = append(item.Identifiers, person(text).GetIdentifier())
	}
	answer, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{item}})
	if err != nil {
		s.t.Error(err)
		return
	}
	if v := answer.GetVerdicts()[0]; v.GetStatus() != profferv1.Verdict_STATUS_ACCEPTED {
		s.t.Errorf("an item was not accepted: %v", v)
	}
}

// buy sends a purchase.
func (s *server) buy(message string, identifiers ...string) {
	s.t.Helper()
	s.send(&profferv1.Item{MessageId: message, Type: "purchase", Amount: "5.00", Currency: "EUR"}, identifiers...)
}

// profile is somebody's profile now.
func (s *server) profile(who string) *profferv1.GetResponse {
	s.t.Helper()
	got, err := s.identity().Get(s.t.Context(), &profferv1.GetRequest{Who: person(who)})
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// together says whether two are one person now.
func (s *server) together(first, second string) bool {
	s.t.Helper()
	return s.profile(first).GetProfile().GetProfile() == s.profile(second).GetProfile().GetProfile()
}

func featureOf(r *profferv1.GetResponse, name string) float64 {
	for _, f := range r.GetFeatures() {
		if f.GetName() == name {
			return f.GetValue()
		}
	}
	return -1
}

// TestTwoPeopleAreJoinedAndSplit is the operator's walk: alias two people together, see the merged profile and a
// decision on it, preview the split, split, see both profiles as they were, and the old decision still replays
// identically under the identity known then.
func TestTwoPeopleAreJoinedAndSplit(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(buyers)
	s.buy("1", "user_id:anna", "email:anna@example.com")
	s.buy("2", "user_id:anne")
	s.awaitCounts("two purchases", map[string]uint64{"purchased": 2})
	anna, anne := s.profile("user_id:anna"), s.profile("user_id:anne")
	if anna.GetProfile().GetProfile() == anne.GetProfile().GetProfile() || featureOf(anna, "purchases_90d") != 1 {
		t.Fatalf("before the link: got %v and %v", anna.GetProfile(), anne.GetProfile())
	}

	apart := time.Now()
	linked, err := s.identity().Link(t.Context(), &profferv1.LinkRequest{
		First: person("user_id:anna"), Second: person("user_id:anne"), Change: &profferv1.Change{Reason: "said so", RequestId: "r1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(linked.GetProfile().GetAliases()); n != 3 || !strings.HasPrefix(linked.GetPosition(), "IDENTITY/") {
		t.Fatalf("the link gave %d aliases at %q", n, linked.GetPosition())
	}
	merged := s.profile("email:anna@example.com")
	if featureOf(merged, "purchases_90d") != 2 || merged.GetProfile().GetProfile() != linked.GetProfile().GetProfile() {
		t.Errorf("the merged profile: got %v", merged.GetProfile())
	}
	decided, err := s.decisions().Decide(t.Context(), decideFor("anne"))
	if err != nil || decided.GetOffer() != "loyal" || decided.GetProfile() != merged.GetProfile().GetProfile() {
		t.Fatalf("the decision on both: got %v, %v", decided, err)
	}

	unlink := &profferv1.UnlinkRequest{
		First: person("user_id:anna"), Second: person("user_id:anne"), Bar: true, Change: &profferv1.Change{Reason: "two sisters"},
	}
	s.wantPreview(unlink)
	split, err := s.identity().Unlink(t.Context(), unlink)
	if err != nil || len(split.GetProfiles()) != 2 {
		t.Fatalf("the split: got %v, %v", split, err)
	}
	for who, before := range map[string]*profferv1.GetResponse{"user_id:anna": anna, "user_id:anne": anne} {
		now := s.profile(who)
		if diff := cmp.Diff(before.GetProfile().GetAliases(), now.GetProfile().GetAliases(), protocmp.Transform()); diff != "" {
			t.Errorf("%s after the split (-before +now)\n%s", who, diff)
		}
		if featureOf(now, "purchases_90d") != 1 || now.GetProfile().GetProfile() != before.GetProfile().GetProfile() {
			t.Errorf("%s after the split is another: %v", who, now.GetProfile())
		}
	}
	s.wantIdentical(decided)
	then, err := s.identity().Get(t.Context(), &profferv1.GetRequest{
		Who: person("user_id:anne"), AsOf: &profferv1.GetRequest_Cut{Cut: merged.GetCut()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(merged.GetProfile(), then.GetProfile(), protocmp.Transform()); diff != "" || featureOf(then, "purchases_90d") != 2 {
		t.Errorf("the profile as of the cut of the merged one (-then +as of)\n%s", diff)
	}
	s.wantApart()
	s.wantAsOf(apart, anne)
}

// wantAsOf wants a person to be as known at a time.
func (s *server) wantAsOf(at time.Time, want *profferv1.GetResponse) {
	s.t.Helper()
	got, err := s.identity().Get(s.t.Context(), &profferv1.GetRequest{
		Who: person("user_id:anne"), AsOf: &profferv1.GetRequest_Time{Time: timestamppb.New(at)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(want.GetProfile(), got.GetProfile(), protocmp.Transform()); diff != "" || featureOf(got, "purchases_90d") != 1 {
		s.t.Errorf("as of %s (-then +as of)\n%s", at, diff)
	}
	resolved, err := s.identity().Resolve(s.t.Context(), &profferv1.ResolveRequest{
		Who: person("user_id:anne"), AsOf: &profferv1.ResolveRequest_Time{Time: timestamppb.New(at)},
	})
	if err != nil || resolved.GetProfile() != want.GetProfile().GetProfile() {
		s.t.Errorf("as of %s resolved to %v, %v", at, resolved, err)
	}
}

// wantPreview wants a preview of the split to tell it, with the decision that would differ, and to do nothing.
func (s *server) wantPreview(unlink *profferv1.UnlinkRequest) {
	s.t.Helper()
	p, err := s.identity().Preview(s.t.Context(), &profferv1.PreviewRequest{Change: &profferv1.PreviewRequest_Unlink{Unlink: unlink}})
	if err != nil {
		s.t.Fatal(err)
	}
	if p.GetSplits() != 1 || p.GetProfilesAfter() != p.GetProfilesBefore()+1 || p.GetLinksTakenBack() != 1 || p.GetProfilesAffected() != 1 ||
		len(p.GetRegroupings()) != 1 || p.GetDecisionsExamined() != 1 || p.GetDecisionsDifferent() != 1 || p.GetDifferences()[0].GetOfferThen() != "" {
		s.t.Errorf("the preview of the split: got %v", p)
	}
	if !s.together("user_id:anna", "user_id:anne") {
		s.t.Error("a preview has split the profile")
	}
}

// wantIdentical wants a decision to replay, under the identity that was known when it was made.
func (s *server) wantIdentical(d *profferv1.DecideResponse) {
	s.t.Helper()
	replayed, err := s.audit().Replay(s.t.Context(), &profferv1.ReplayRequest{DecisionId: d.GetDecisionId(), Position: d.GetPosition()})
	if err != nil || !replayed.GetIdentical() {
		s.t.Errorf("the decision under the identity known then: got %v, %v", replayed, err)
	}
}

// wantApart wants the bar to hold, and to be told.
func (s *server) wantApart() {
	s.t.Helper()
	s.buy("3", "user_id:anna", "user_id:anne")
	if s.together("user_id:anna", "user_id:anne") {
		s.t.Error("an event has joined what was barred")
	}
	why, err := s.identity().Explain(s.t.Context(), &profferv1.IdentityServiceExplainRequest{
		First: person("user_id:anna"), Second: person("user_id:anne"),
	})
	if err != nil || why.GetOnePerson() || !strings.Contains(why.GetSummary(), "barred") || len(why.GetHistory()) < 4 {
		s.t.Errorf("the explanation: got %v, %v", why, err)
	}
	barred, err := s.identity().List(s.t.Context(), &profferv1.IdentityServiceListRequest{Kind: profferv1.IdentityServiceListRequest_KIND_BARRED})
	if err != nil || barred.GetTotal() != 1 || barred.GetLinks()[0].GetReason() != "two sisters" {
		s.t.Errorf("the list of what is barred: got %v, %v", barred, err)
	}
	withheld, err := s.identity().List(s.t.Context(), &profferv1.IdentityServiceListRequest{Kind: profferv1.IdentityServiceListRequest_KIND_WITHHELD})
	if err != nil || withheld.GetTotal() == 0 {
		s.t.Errorf("the list of what is withheld: got %v, %v", withheld, err)
	}
}

// TestAKioskIsManyPeopleAndOneDevice: 200 log-ins over one device, and limits that are raised and lowered afterwards.
func TestAKioskIsManyPeopleAndOneDevice(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	const people, workers = 200, 8
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := worker; i < people; i += workers {
				s.send(&profferv1.Item{MessageId: fmt.Sprint(i), Type: "identify"}, fmt.Sprintf("user_id:visitor-%d", i), "device_id:kiosk")
			}
		})
	}
	all.Wait()
	s.wantKiosk("after 200 log-ins", people)
	for _, document := range []string{
		"types: [{type: user_id, most: 1}, {type: device_id, shared_above: 500}]",
		"types: [{type: user_id, most: 1}, {type: device_id, shared_above: 3}]",
	} {
		if _, err := s.identity().SetGuards(t.Context(), &profferv1.SetGuardsRequest{Document: document}); err != nil {
			t.Fatal(err)
		}
	}
	s.wantKiosk("after the limit was raised and lowered", people)
	marked, err := s.identity().List(t.Context(), &profferv1.IdentityServiceListRequest{Kind: profferv1.IdentityServiceListRequest_KIND_MARKED})
	if err != nil || marked.GetTotal() != 1 || marked.GetMarked()[0].GetValue() != "kiosk" || marked.GetGuardsVersion() != 2 {
		t.Errorf("the list of what is marked: got %v, %v", marked, err)
	}
}

func (s *server) wantKiosk(why string, people int) {
	s.t.Helper()
	profiles := map[string]bool{}
	for i := range people {
		resolved, err := s.identity().Resolve(s.t.Context(), &profferv1.ResolveRequest{Who: person(fmt.Sprintf("user_id:visitor-%d", i))})
		if err != nil {
			s.t.Fatal(err)
		}
		profiles[resolved.GetProfile()] = true
	}
	device := s.profile("device_id:kiosk").GetProfile()
	if len(profiles) != people || device.GetAliases()[0].GetMark() != "shared" || profiles[device.GetProfile()] {
		s.t.Errorf("%s: got %d profiles, the device %v", why, len(profiles), device.GetAliases())
	}
	if h := device.GetHouseholds(); len(h) != 1 || len(h[0].GetProfiles()) != people {
		s.t.Errorf("%s: the device is not the household of all", why)
	}
}

// TestAChangeThatIsTriedChangesNothing: validate_only, and a request that comes twice.
func TestAChangeThatIsTriedChangesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.buy("1", "user_id:a")
	s.buy("2", "user_id:b")
	link := func(c *profferv1.Change) *profferv1.LinkResponse {
		t.Helper()
		got, err := s.identity().Link(t.Context(), &profferv1.LinkRequest{First: person("user_id:a"), Second: person("user_id:b"), Change: c})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if tried := link(&profferv1.Change{ValidateOnly: true}); len(tried.GetProfile().GetAliases()) != 2 || tried.GetPosition() != "" {
		t.Errorf("tried: got %v", tried)
	}
	if s.together("user_id:a", "user_id:b") {
		t.Error("a link that was only tried joins")
	}
	made, again := link(&profferv1.Change{RequestId: "one"}), link(&profferv1.Change{RequestId: "one"})
	if made.GetPosition() == "" || again.GetPosition() != made.GetPosition() || !link(nil).GetUnchanged() {
		t.Errorf("the same request twice: got %v, then %v", made, again)
	}
}

// TestABlockedValueMeansNobody: by pattern, by an exact value in the guards, and by a mark.
func TestABlockedValueMeansNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	for i, email := range []string{"desk@example.com", "info@example.com", "test-7@example.com"} {
		s.buy(fmt.Sprint("a", i), "user_id:a", "email:"+email)
	}
	if n := len(s.profile("user_id:a").GetProfile().GetAliases()); n != 4 {
		t.Fatalf("before: got %d aliases, want 4", n)
	}
	document := "types:\n  - {type: user_id, most: 1}\n  - type: email\n    blocked_patterns: ['^test-']\n    blocked_values: [desk@example.com]\n"
	set, err := s.identity().SetGuards(t.Context(), &profferv1.SetGuardsRequest{Document: document})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.identity().Mark(t.Context(), &profferv1.MarkRequest{Who: person("email:info@example.com"), Mark: profferv1.MarkRequest_MARK_BLOCKED}); err != nil {
		t.Fatal(err)
	}
	if got := s.profile("user_id:a").GetProfile(); len(got.GetAliases()) != 1 {
		t.Errorf("after: got %v", got.GetAliases())
	}
	shown, err := s.identity().List(t.Context(), &profferv1.IdentityServiceListRequest{})
	if err != nil || strings.Contains(shown.GetGuards(), "desk@") || !strings.Contains(shown.GetGuards(), "^test-") || shown.GetGuardsVersion() != set.GetVersion() {
		t.Errorf("the guards in effect: got %v, %v", shown, err)
	}
	answer, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{
		{Type: "view", Kind: "page", Name: "x", Identifiers: []*profferv1.Identifier{{Type: "email", Value: "desk@example.com"}}},
	}})
	if err != nil || answer.GetVerdicts()[0].GetReason() != "IDENTIFIER_BLOCKED" {
		t.Errorf("an item of nobody: got %v, %v", answer, err)
	}
	if _, err := s.identity().Mark(t.Context(), &profferv1.MarkRequest{Who: person("email:info@example.com"), Mark: profferv1.MarkRequest_MARK_NONE}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.profile("user_id:a").GetProfile().GetAliases()); n != 2 {
		t.Errorf("with one allowed again: got %d aliases, want 2", n)
	}
}
