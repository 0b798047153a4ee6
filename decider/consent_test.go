package decider_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

// wantedTea offers tea to those who said yes to marketing and did not say no to profiling, as often as they ask.
func wantedTea() *event.Policy {
	p := oneTea()
	p.Placements[0].Consent = []string{"marketing"}
	p.Offers[0].UnlessWithdrawn = []string{"profiling"}
	p.ContactLimits = nil
	return p
}

func seen(purpose, state string, sequence uint64) *event.SeenConsent {
	s := &event.SeenConsent{Purpose: purpose, State: state}
	if sequence > 0 {
		s.At = &event.Position{Sequence: sequence}
	}
	return s
}

func TestAnOfferNeedsTheConsentThatItsPolicyNames(t *testing.T) {
	t.Parallel()
	w := given(t, published(wantedTea()))
	check := func(when, reason, refusal string, consents ...*event.SeenConsent) {
		t.Helper()
		d := w.decides("ann").Record
		c := d.GetCandidates()[0]
		left := ""
		if c.GetStage() != "" {
			left = c.GetStage() + " " + c.GetRule() + " " + c.GetReason()
		}
		if d.GetReason() != reason || left != refusal {
			t.Errorf("%s: %s, %q; want %s, %q", when, d.GetReason(), left, reason, refusal)
		}
		if diff := cmp.Diff(consents, d.GetConsents(), protocmp.Transform()); diff != "" {
			t.Errorf("%s: consents seen (-want +got):\n%s", when, diff)
		}
	}
	check("at first", policy.AnswerNoConsent, "CONSENT marketing CONSENT_NEVER_STATED",
		seen("marketing", "", 0), seen("profiling", "", 0))
	w.happens(decidertest.Consented("ann", "marketing", true, noon))
	check("after a yes", policy.AnswerOffered, "", seen("marketing", consent.Given, 1), seen("profiling", "", 0))
	w.happens(decidertest.Consented("ann", "profiling", false, noon))
	check("after an objection", policy.AnswerNoConsent, "CONSENT profiling CONSENT_WITHDRAWN",
		seen("marketing", consent.Given, 1), seen("profiling", consent.Withdrawn, 2))
	w.happens(decidertest.Consented("ann", "profiling", true, noon), decidertest.Consented("ann", "marketing", false, noon))
	check("after a withdrawal", policy.AnswerNoConsent, "CONSENT marketing CONSENT_WITHDRAWN",
		seen("marketing", consent.Withdrawn, 4), seen("profiling", consent.Given, 3))
	w.catchUp()
	check("from the views", policy.AnswerNoConsent, "CONSENT marketing CONSENT_WITHDRAWN",
		seen("marketing", consent.Withdrawn, 4), seen("profiling", consent.Given, 3))
	w.start()
	check("after a restart", policy.AnswerNoConsent, "CONSENT marketing CONSENT_WITHDRAWN",
		seen("marketing", consent.Withdrawn, 4), seen("profiling", consent.Given, 3))
	if tally := w.allReplay(); tally.Identical != 6 {
		t.Errorf("replayed %+v, want 6 identical", tally)
	}
}

func TestAPolicyThatReadsNoConsentRecordsNone(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()), decidertest.Consented("ann", "marketing", false, noon))
	if d := w.decides("ann").Record; d.GetOffer() != "tea" || d.GetConsents() != nil {
		t.Errorf("offer %q, consents %v; want tea, none", d.GetOffer(), d.GetConsents())
	}
	w.allReplay()
}

func TestConsentFollowsTheProfileAndOldDecisionsReplay(t *testing.T) {
	t.Parallel()
	w := given(t, published(wantedTea()), decidertest.Consented("bob", "marketing", true, noon))
	alone := w.decides("ann")
	w.happens(decidertest.Linked("ann", "bob", noon))
	joined := w.decides("ann")
	w.happens(decidertest.Unlinked("ann", "bob", noon))
	parted, others := w.decides("ann"), w.decides("bob")
	for _, c := range []struct {
		when   string
		answer decider.Answer
		want   string
	}{
		{"alone", alone, policy.AnswerNoConsent}, {"joined", joined, policy.AnswerOffered},
		{"parted", parted, policy.AnswerNoConsent}, {"the other", others, policy.AnswerOffered},
	} {
		if got := c.answer.Record.GetReason(); got != c.want {
			t.Errorf("%s: %s, want %s", c.when, got, c.want)
		}
	}
	if tally := w.allReplay(); tally.Identical != 4 {
		t.Errorf("replayed %+v, want 4 identical", tally)
	}
	w.happens(decidertest.Consented("ann", "marketing", true, noon)) // after the decision: it was not known then
	now := w.supposes(w.logged(joined), decider.Supposition{Cut: decider.Latest})
	if now.Again.GetReason() != policy.AnswerNoConsent {
		t.Errorf("under the identity of now: %s, want %s", now.Again.GetReason(), policy.AnswerNoConsent)
	}
	want := decider.Difference{From: decider.FromIdentity, Field: "consents[0].state", Recorded: `"GIVEN"`, Replayed: `nothing`}
	found := false
	for _, d := range now.Differences {
		found = found || d == want
	}
	if !found {
		t.Errorf("differences %+v, want %+v among them", now.Differences, want)
	}
}

func TestAnExplanationShowsTheConsentReliedOn(t *testing.T) {
	t.Parallel()
	w := given(t, published(wantedTea()), decidertest.Consented("ann", "marketing", false, noon))
	e := explained(t, w, w.decides("ann"))
	want := []decider.ExplainedRule{
		{Name: "consent marketing", Expression: "given", Result: "WITHDRAWN at IDENTITY/1/0"},
		{Name: "consent profiling", Expression: "not withdrawn", Result: "never stated"},
	}
	if diff := cmp.Diff(want, e.Candidates[0].Rules[:2]); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if want := "Nothing: the person did not consent to what any offer depends on; 1 without consent."; e.Summary != want {
		t.Errorf("summary %q, want %q", e.Summary, want)
	}
	if len(e.Consents) != 2 {
		t.Errorf("consents %v", e.Consents)
	}
}

// given: 64 decisions at once, and a withdrawal among them by another alias of the person, while the log is slow and the
// views lag; then: no decision whose cut has the withdrawal relies on the consent, nor does any that was asked for after
// the withdrawal was answered, and all replay.
func TestNothingIsDecidedOnAConsentAfterItsWithdrawal(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		w := given(t, published(wantedTea()), decidertest.Consented("ann", "marketing", true, noon))
		one, other := "ann", "bob"
		w.happens(decidertest.Linked(one, other, noon))
		end := w.background()
		var answered atomic.Bool
		var late, offered atomic.Int64
		var wait sync.WaitGroup
		for n := range 64 {
			wait.Go(func() {
				if n == 7*round {
					w.happens(decidertest.Consented(other, "marketing", false, noon))
					answered.Store(true)
				}
				after := answered.Load()
				offer := w.decides([]string{one, other}[n%2]).Record.GetOffer()
				if offer != "" {
					offered.Add(1)
					if after {
						late.Add(1)
					}
				}
			})
		}
		wait.Wait()
		if a := w.decides(one); a.Record.GetReason() != policy.AnswerNoConsent {
			t.Errorf("round %d: after all: %v, want %s", round, a.Record.GetReason(), policy.AnswerNoConsent)
		}
		end()
		if late.Load() > 0 {
			t.Errorf("round %d: %d offers were asked for after the withdrawal was answered", round, late.Load())
		}
		checkConsents(t, w)
		w.allReplay()
	}
}

// meddling views let something happen while a person is read for the first time.
type meddling struct {
	decider.Views
	once sync.Once
	do   func()
}

func (m *meddling) Blob(alias domain.Alias) ([]byte, *feature.Layout, bool) {
	m.once.Do(m.do)
	return m.Views.Blob(alias)
}

// given: a withdrawal that takes effect while the person is being read; then the decision sees it, by whichever alias.
func TestAWithdrawalWhileThePersonIsReadIsSeen(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"ann", "bob"} {
		w := given(t, published(wantedTea()), decidertest.Consented("ann", "marketing", true, noon), decidertest.Linked("ann", "bob", noon))
		w.startOver(&meddling{Views: w.views, do: func() { w.happens(decidertest.Consented(by, "marketing", false, noon)) }})
		d := w.decides("ann").Record
		if d.GetReason() != policy.AnswerNoConsent || d.GetCut().GetIdentity() != 3 {
			t.Errorf("withdrawn by %s: %s with the identity of %d, want %s with that of 3", by, d.GetReason(), d.GetCut().GetIdentity(), policy.AnswerNoConsent)
		}
		w.allReplay()
	}
}

// checkConsents reads the log and finds no decision that relies on another consent than the last one at its cut.
func checkConsents(t rapid.TB, w *world) {
	t.Helper()
	var said []domain.Recorded
	read(t, w, domain.Identity, func(r domain.Recorded) {
		if r.Event.GetConsentStated() != nil {
			said = append(said, r)
		}
	})
	read(t, w, domain.Decision, func(r domain.Recorded) {
		d := r.Event.GetDecision()
		if d.GetExternal() {
			return
		}
		for _, s := range d.GetConsents() {
			want := seen(s.GetPurpose(), "", 0)
			for _, r := range said {
				for _, a := range d.GetAliases() {
					if b := r.Event.GetConsentStated(); r.At.Sequence <= d.GetCut().GetIdentity() &&
						b.GetPurpose() == s.GetPurpose() && string(a.GetAlias()) == string(r.Event.GetAlias()) {
						state := map[bool]string{true: consent.Given, false: consent.Withdrawn}[b.GetGiven()]
						want = seen(s.GetPurpose(), state, r.At.Sequence)
					}
				}
			}
			if diff := cmp.Diff(want, s, protocmp.Transform()); diff != "" {
				t.Fatalf("a decision at %v with the identity of %d (-want +got):\n%s", r.At, d.GetCut().GetIdentity(), diff)
			}
			if d.GetOffer() != "" && s.GetState() == consent.Withdrawn {
				t.Fatalf("a decision at %v offers %s in spite of a withdrawal", r.At, d.GetOffer())
			}
		}
	})
}

func read(t rapid.TB, w *world, s domain.Stream, each func(domain.Recorded)) {
	t.Helper()
	last, err := w.log.Last(w.ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range w.log.Read(w.ctx, s, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := e.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range events {
			each(r)
		}
	}
}

// given: statements, links and purchases in any order, and views that lag; then: each decision saw the last statement of
// its profile at its cut, and is the same in every replay and under its own identity.
func TestDecisionsOnConsentReplayWhateverHappens(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "cid"}
	rapid.Check(t, func(rt *rapid.T) {
		w := given(t, published(wantedTea()))
		var made []decider.Logged
		for n := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			w.clock.Add(time.Minute.Milliseconds())
			at := time.UnixMilli(w.clock.Load())
			name := rapid.SampledFrom(names).Draw(rt, "who")
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				w.catchUp()
			case 1:
				made = append(made, w.logged(w.decides(name)))
			case 2:
				w.comes(anything(rt, names, at))
			default:
				purpose := rapid.SampledFrom([]string{"marketing", "profiling", "other"}).Draw(rt, "purpose")
				w.happens(decidertest.Consented(name, purpose, rapid.Bool().Draw(rt, fmt.Sprintf("given %d", n)), at))
			}
		}
		if tally := w.allReplay(); tally.Different > 0 {
			rt.Fatalf("%d of %d decisions differ", tally.Different, tally.Replayed)
		}
		checkConsents(rt, w)
		for _, l := range made {
			own := w.supposes(l, decider.Supposition{Cut: l.Record.GetCut().GetIdentity()})
			if decider.Digest(own.Again) != decider.Digest(l.Record) {
				rt.Fatalf("under its own identity: %+v", own.Differences)
			}
		}
	})
}
