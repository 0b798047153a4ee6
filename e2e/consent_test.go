package e2e

import (
	"net/http"
	"strings"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// consenting is a policy whose one offer is for those who said yes to marketing and did not object to profiling.
const consenting = `
policy: consenting
view: core@1
placements:
  - {id: home, channel: web, consent: [marketing]}
offers:
  - id: tea
    value: 2
    unless_withdrawn: [profiling]
    treatments:
      - {id: banner, channel: web, content: {headline: Tea}}
`

// setConsent states a consent as an operator.
func (s *server) setConsent(who, purpose string, state profferv1.SetConsentRequest_State) *profferv1.SetConsentResponse {
	s.t.Helper()
	got, err := s.identity().SetConsent(s.t.Context(), &profferv1.SetConsentRequest{
		Who: person(who), Purpose: purpose, State: state, Change: &profferv1.Change{Reason: "by phone"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// wantDecided wants a decision about a user to come out so: an offer, or the reason for nothing and the refusal.
func (s *server) wantDecided(when, user, want string) *profferv1.DecideResponse {
	s.t.Helper()
	d, err := s.decisions().Decide(s.t.Context(), decideFor(user))
	if err != nil {
		s.t.Fatal(err)
	}
	got := d.GetOffer()
	if got == "" {
		e, err := s.audit().Explain(s.t.Context(), &profferv1.ExplainRequest{DecisionId: d.GetDecisionId(), Position: d.GetPosition()})
		if err != nil {
			s.t.Fatal(err)
		}
		c := e.GetCandidates()[0]
		got = d.GetReason() + ": " + c.GetStage() + " " + c.GetRule() + " " + c.GetReason()
	}
	if got != want {
		s.t.Errorf("%s: %s, want %s", when, got, want)
	}
	return d
}

// consentsOf are somebody's consents: "marketing GIVEN, profiling WITHDRAWN".
func consentsOf(p *profferv1.GetResponse) string {
	var out []string
	for _, c := range p.GetProfile().GetConsents() {
		out = append(out, c.GetPurpose()+" "+c.GetState())
	}
	return strings.Join(out, ", ")
}

// TestConsentDecidesAndFollowsTheProfile: consent is stated by an operator and by sources, follows links and unlinks, and
// is withdrawn with effect on the next decision; what was decided replays, also after a restart.
func TestConsentDecidesAndFollowsTheProfile(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(consenting)
	s.buy("1", "user_id:anna")
	s.buy("2", "user_id:anne", "email:anne@example.com")
	const never, withdrawn = "NO_CONSENT: CONSENT marketing CONSENT_NEVER_STATED", "NO_CONSENT: CONSENT marketing CONSENT_WITHDRAWN"
	s.wantDecided("nothing was said", "anna", never)

	tried, err := s.identity().SetConsent(t.Context(), &profferv1.SetConsentRequest{
		Who: person("user_id:anna"), Purpose: "marketing", State: profferv1.SetConsentRequest_STATE_GIVEN, Change: &profferv1.Change{ValidateOnly: true},
	})
	if err != nil || tried.GetPosition() != "" || len(tried.GetProfile().GetConsents()) != 1 {
		t.Errorf("tried: got %v, %v", tried, err)
	}
	s.wantDecided("a yes that was only tried", "anna", never)

	before := s.setConsent("email:anne@example.com", "marketing", profferv1.SetConsentRequest_STATE_GIVEN)
	if c := before.GetProfile().GetConsents(); len(c) != 1 || c[0].GetActor() != "operator" || c[0].GetReason() != "by phone" || c[0].GetPosition() != before.GetPosition() {
		t.Errorf("the yes: got %v", c)
	}
	s.wantDecided("a yes by e-mail", "anne", "tea")
	s.wantDecided("and not of another", "anna", never)

	if _, err := s.identity().Link(t.Context(), &profferv1.LinkRequest{First: person("user_id:anna"), Second: person("user_id:anne")}); err != nil {
		t.Fatal(err)
	}
	joined := s.wantDecided("linked", "anna", "tea")
	if _, err := s.identity().Unlink(t.Context(), &profferv1.UnlinkRequest{First: person("user_id:anna"), Second: person("user_id:anne"), Bar: true}); err != nil {
		t.Fatal(err)
	}
	s.wantDecided("unlinked", "anna", never)
	s.wantDecided("unlinked, the other", "anne", "tea")
	s.wantIdentical(joined)
	s.wantSupposedWithoutConsent(joined)

	s.send(&profferv1.Item{Type: "consent", Consents: []*profferv1.Consent{{Purpose: "marketing"}}}, "user_id:anne")
	s.wantDecided("withdrawn by a source", "anne", withdrawn)
	s.saidAlong(`{"userId":"anne","event":"x","context":{"consent":{"categoryPreferences":{"Marketing":true,"Profiling":false}}}}`)
	if got := consentsOf(s.profile("user_id:anne")); got != "marketing GIVEN, profiling WITHDRAWN" {
		t.Errorf("said along: got %q", got)
	}
	s.wantDecided("an objection said along", "anne", "NO_CONSENT: CONSENT profiling CONSENT_WITHDRAWN")
	if said, code := s.proffer("identity", "consent", "user_id:anne", "--give", "profiling"); code != 0 || !strings.Contains(said, "done at IDENTITY/") {
		t.Errorf("exit code %d: %s", code, said)
	}
	again := s.wantDecided("given again", "anne", "tea")
	if said, code := s.proffer("explain", again.GetPosition()); code != 0 || !strings.Contains(said, "consent profiling: not withdrawn") {
		t.Errorf("exit code %d: %s", code, said)
	}
	then, err := s.identity().Get(t.Context(), &profferv1.GetRequest{
		Who: person("user_id:anne"), AsOf: &profferv1.GetRequest_Cut{Cut: before.GetPosition()}, IdentityOnly: true,
	})
	if err != nil || consentsOf(then) != "marketing GIVEN" {
		t.Errorf("as of the first yes: got %q, %v", consentsOf(then), err)
	}

	s.setConsent("user_id:newcomer", "marketing", profferv1.SetConsentRequest_STATE_WITHDRAWN)
	s.wantDecided("withdrawn before she was ever seen", "newcomer", withdrawn)
	s.setConsent("user_id:anne", "marketing", profferv1.SetConsentRequest_STATE_WITHDRAWN)
	s.wantDecided("withdrawn", "anne", withdrawn)
	s.restart()
	s.wantDecided("withdrawn, after a restart", "anne", withdrawn)
	s.wantDecided("the other, after a restart", "anna", never)
	if said, code := s.proffer("replay", "--all"); code != 0 || !strings.Contains(said, "identical") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// saidAlong sends an event of Segment's.
func (s *server) saidAlong(event string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.file.URL+"/v1/track", strings.NewReader(event))
	if err != nil {
		s.t.Fatal(err)
	}
	request.SetBasicAuth(s.file.Key, "")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("not accepted: %s", answer.Status)
	}
}

// wantSupposedWithoutConsent wants a decision to be explained with the consent relied on, and without it under the identity of now.
func (s *server) wantSupposedWithoutConsent(d *profferv1.DecideResponse) {
	s.t.Helper()
	e, err := s.audit().Explain(s.t.Context(), &profferv1.ExplainRequest{DecisionId: d.GetDecisionId(), Position: d.GetPosition(), Identity: "now"})
	if err != nil || len(e.GetConsents()) != 2 || len(e.GetIdentity().GetConsents()) != 2 {
		s.t.Fatalf("got %v, %v", e, err)
	}
	relied, now := e.GetConsents()[0], e.GetIdentity()
	if relied.GetState() != "GIVEN" || !strings.HasPrefix(relied.GetPosition(), "IDENTITY/") {
		s.t.Errorf("relied on %v", relied)
	}
	if !now.GetDifferent() || now.GetReason() != "NO_CONSENT" || now.GetConsents()[0].GetState() != "" {
		s.t.Errorf("under the identity of now: got %s with %v", now.GetReason(), now.GetConsents())
	}
}
