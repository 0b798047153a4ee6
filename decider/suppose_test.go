package decider_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// buyersTea offers tea to people with two orders.
func buyersTea() *event.Policy {
	p := oneTea()
	p.Offers[0].Eligibility = []*event.Rule{{Name: "two_orders", When: "features.purchases_90d >= 2"}}
	p.ContactLimits[0].Most = 2
	return p
}

// together is a world in which ann and bob, with one order each, are one person, who gets tea for it.
func together(t *testing.T) (*world, decider.Logged) {
	t.Helper()
	w := given(t, published(buyersTea()),
		decidertest.Purchased("ann", noon.Add(-3*time.Hour), 12), decidertest.Purchased("bob", noon.Add(-2*time.Hour), 5),
		decidertest.Linked("ann", "bob", noon.Add(-time.Hour)))
	answer := w.decides("bob")
	if answer.Record.GetOffer() != "tea" || len(answer.Record.GetAliases()) != 2 {
		t.Fatalf("offer %q for %d aliases, want tea for 2", answer.Record.GetOffer(), len(answer.Record.GetAliases()))
	}
	return w, w.logged(answer)
}

func (w *world) replayer() *decider.Replayer { return decider.NewReplayer(w.log, w.policies) }

func (w *world) logged(a decider.Answer) decider.Logged {
	w.t.Helper()
	l, err := w.replayer().At(w.ctx, a.At.Position)
	if err != nil {
		w.t.Fatalf("find the decision: %v", err)
	}
	return l
}

func (w *world) supposes(l decider.Logged, s decider.Supposition) decider.Supposed {
	w.t.Helper()
	out, err := w.replayer().Suppose(w.ctx, l, s)
	if err != nil {
		w.t.Fatalf("suppose: %v", err)
	}
	tracing := w.replayer()
	tracing.TracedBy(w.traces())
	traced, err := tracing.Suppose(w.ctx, l, s)
	if err != nil {
		w.t.Fatalf("suppose by traces: %v", err)
	}
	if diff := cmp.Diff(out, traced, protocmp.Transform(), cmpopts.EquateNaNs()); diff != "" {
		w.t.Errorf("suppose (-from all of IDENTITY +by traces):\n%s", diff)
	}
	return out
}

func they(names ...string) []domain.Alias {
	out := make([]domain.Alias, len(names))
	for i, n := range names {
		out[i] = decidertest.Named(n)
	}
	return out
}

func TestAnOldDecisionReplaysAfterASplitAndTellsWhatItWouldBeNow(t *testing.T) {
	t.Parallel()
	w, logged := together(t)
	if now := w.supposes(logged, decider.Supposition{Cut: decider.Latest}); now.Different() || len(now.Differences) > 0 {
		t.Errorf("before the split: %+v, want no difference", now.Differences)
	}
	w.happens(decidertest.Unlinked("ann", "bob", noon.Add(time.Hour)))
	w.catchUp()

	if one, err := w.replayer().One(w.ctx, logged); err != nil || !one.Identical() {
		t.Errorf("replay after the split: %+v, error %v; want identical", one.Differences, err)
	}
	w.allReplay()
	now := w.supposes(logged, decider.Supposition{Cut: decider.Latest})
	if diff := cmp.Diff([]decider.Known{{Cut: 1, Aliases: they("ann", "bob")}, {Cut: 2, Aliases: they("bob")}},
		[]decider.Known{now.Then, now.Now}); diff != "" {
		t.Errorf("identity then and now (-want +got):\n%s", diff)
	}
	if !now.Different() || now.Again.GetOffer() != "" || now.Again.GetReason() != policy.AnswerNotEligible {
		t.Errorf("now %q (%s), want nothing for want of orders", now.Again.GetOffer(), now.Again.GetReason())
	}
	want := decider.ChangedFeature{Name: "purchases_90d", Then: 2, Now: 1}
	if !slices.Contains(now.Features, want) {
		t.Errorf("changed features %+v, want %+v among them", now.Features, want)
	}
	if want := "Under that identity the person is 1 alias instead of 2 aliases, and the answer would be nothing (NO_ELIGIBLE_OFFER) instead of tea (banner)."; now.Summary() != want {
		t.Errorf("summary %q, want %q", now.Summary(), want)
	}
}

func TestAMarkedAliasJoinsNobodyAndTheOldDecisionReplays(t *testing.T) {
	t.Parallel()
	w, logged := together(t)
	w.happens(decidertest.Marked("bob", event.AliasMarked_MARK_SHARED, noon.Add(time.Hour)))
	w.catchUp()
	if got := w.decides("bob").Record; len(got.GetAliases()) != 1 || got.GetOffer() != "" {
		t.Errorf("a shared alias decides for %d aliases and gets %q, want for itself, nothing", len(got.GetAliases()), got.GetOffer())
	}
	now := w.supposes(logged, decider.Supposition{Cut: decider.Latest})
	if diff := cmp.Diff(they("bob"), now.Now.Aliases); diff != "" || !now.Different() {
		t.Errorf("different %v, now (-want +got):\n%s", now.Different(), diff)
	}
	w.happens(decidertest.Marked("bob", event.AliasMarked_MARK_NONE, noon.Add(2*time.Hour)))
	w.catchUp()
	if got := w.decides("bob").Record; len(got.GetAliases()) != 2 || got.GetOffer() != "tea" {
		t.Errorf("the mark lifted: %d aliases get %q, want 2 and tea", len(got.GetAliases()), got.GetOffer())
	}
	if tally := w.allReplay(); tally.Identical != 3 {
		t.Errorf("%d decisions are identical, want 3", tally.Identical)
	}
}

func TestContactLimitsCountOverThePersonAndPerPersonAfterASplit(t *testing.T) {
	t.Parallel()
	w, _ := together(t)
	if got := w.decides("ann").Record; got.GetOffer() != "tea" || len(got.GetContacts()) != 1 {
		t.Fatalf("the second tea: %q with %d contacts, want tea with 1", got.GetOffer(), len(got.GetContacts()))
	}
	if got := w.decides("ann").Record; got.GetReason() != policy.AnswerContactLimit {
		t.Fatalf("the third tea: %s, want the limit of 2 over both", got.GetReason())
	}
	w.happens(decidertest.Unlinked("ann", "bob", noon), decidertest.Purchased("ann", noon, 7), decidertest.Purchased("bob", noon, 7))
	w.catchUp()
	for _, name := range []string{"ann", "bob"} {
		got := w.decides(name)
		if got.Record.GetOffer() != "tea" || len(got.Record.GetContacts()) != 1 {
			t.Errorf("%s alone: %q with %d contacts, want tea with 1 of 2", name, got.Record.GetOffer(), len(got.Record.GetContacts()))
		}
		if now := w.decides(name).Record; now.GetReason() != policy.AnswerContactLimit {
			t.Errorf("%s alone again: %s, want the limit", name, now.GetReason())
		}
	}
	if tally := w.allReplay(); tally.Identical != 7 {
		t.Errorf("%d decisions are identical, want 7", tally.Identical)
	}
}

func TestSupposedChangesStandBehindTheCut(t *testing.T) {
	t.Parallel()
	w, logged := together(t)
	split := decidertest.Unlinked("bob", "ann", noon)
	out := w.supposes(logged, decider.Supposition{Changes: []*event.Event{split}})
	if !out.Different() || !slices.Equal(out.Now.Aliases, they("bob")) || out.Now.Cut != 1 {
		t.Errorf("a supposed split: different %v, now %+v", out.Different(), out.Now)
	}
	marked := decidertest.Marked("ann", event.AliasMarked_MARK_BLOCKED, noon)
	if out = w.supposes(logged, decider.Supposition{Changes: []*event.Event{marked}}); !slices.Equal(out.Now.Aliases, they("bob")) {
		t.Errorf("a supposed mark: now %+v", out.Now)
	}
	// cid bought before the decision and was never known as the person: a supposed link lets it count.
	w.happens(decidertest.Linked("dan", "eve", noon))
	link := decidertest.Linked("cid", "bob", noon)
	out = w.supposes(logged, decider.Supposition{Changes: []*event.Event{link, decidertest.Linked("dan", "zoe", noon)}})
	if out.Different() || !slices.Equal(out.Now.Aliases, they("ann", "bob", "cid")) {
		t.Errorf("a supposed link: different %v, now %+v", out.Different(), out.Now)
	}
	w.allReplay()
}

func TestASupposedPersonBringsBehaviourAndContactsUpToTheCut(t *testing.T) {
	t.Parallel()
	w := given(t, published(buyersTea()),
		decidertest.Purchased("ann", noon.Add(-3*time.Hour), 12), decidertest.Purchased("cid", noon.Add(-2*time.Hour), 5),
		decidertest.Given("cid", noon.Add(-time.Hour), "coffee", "drinks", "email"))
	logged := w.logged(w.decides("ann"))
	w.happens(decidertest.Purchased("cid", noon, 5), decidertest.Given("cid", noon.Add(time.Hour), "late", "drinks", "email"),
		decidertest.Linked("ann", "cid", noon.Add(time.Hour)))
	w.catchUp()
	now := w.supposes(logged, decider.Supposition{Cut: decider.Latest})
	if now.Again.GetOffer() != "tea" || !now.Different() {
		t.Errorf("now %q (%s), want tea for two orders", now.Again.GetOffer(), now.Again.GetReason())
	}
	if i := slices.IndexFunc(now.Features, func(f decider.ChangedFeature) bool { return f.Name == "purchases_90d" }); i < 0 || now.Features[i].Now != 2 {
		t.Errorf("features %+v, want 2 purchases: the third came after the cut", now.Features)
	}
	if diff := cmp.Diff([]string{"2026-03-01T11:00:00Z coffee by email (drinks)"}, now.Contacts()); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	w.allReplay()
}

// given: the same identity; when: a decision is made under it; then: it is the decision, byte for byte.
func TestTheSameIdentityGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	for name, s := range map[string]decider.Supposition{
		"its own": {}, "its own cut": {Cut: logged.Record.GetCut().GetIdentity()}, "the end": {Cut: decider.Latest},
		"a change of others": {Changes: []*event.Event{decidertest.Linked("x", "y", noon)}},
		"a change of nothing": {Changes: []*event.Event{decidertest.Unlinked("ann", "cid", noon),
			decidertest.Marked("ann", event.AliasMarked_MARK_NONE, noon), decidertest.Withheld("ann", "cid", noon)}},
	} {
		if out := w.supposes(logged, s); decider.Digest(out.Again) != decider.Digest(logged.Record) || len(out.Features) > 0 {
			t.Errorf("%s: %+v", name, out.Differences)
		}
	}
}

func TestNothingIsSupposedOfAnExternalDecision(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	d := decidertest.Given("ann", noon, "coffee", "drinks", "email").GetDecision()
	if _, err := w.replayer().Suppose(w.ctx, decider.Logged{Record: d}, decider.Supposition{}); !errors.Is(err, decider.ErrExternal) {
		t.Errorf("error %v, want %v", err, decider.ErrExternal)
	}
}

func TestTheNewestDecisionsOfThoseConcernedAreMadeAgain(t *testing.T) {
	t.Parallel()
	w, _ := together(t)
	var ids []domain.Alias
	for range 3 {
		w.clock.Add(8 * 24 * time.Hour.Milliseconds()) // the limit is a week
		id, _ := domain.AliasFromBytes(w.decides("bob").Record.GetId())
		ids = append(ids, id)
	}
	w.decides("zoe")
	w.catchUp()
	s := decider.Supposition{Changes: []*event.Event{decidertest.Unlinked("ann", "bob", noon)}}
	concerned := map[domain.Alias]bool{decidertest.Named("ann"): true}
	tally, err := w.replayer().SupposeAll(w.ctx, s, decider.SupposeOptions{
		Concerns: func(a domain.Alias) bool { return concerned[a] }, Most: 3,
	})
	if err != nil || tally.Examined != 3 || tally.Different != 3 || !tally.More || len(tally.Differing) != 3 {
		t.Fatalf("tally %+v, error %v; want the newest 3 of 4, all different", tally, err)
	}
	for i, d := range tally.Differing {
		if string(d.Record.GetId()) != string(ids[2-i][:]) {
			t.Errorf("the %d-th newest is %x", i, d.Record.GetId())
		}
	}
	all, err := w.replayer().SupposeAll(w.ctx, s, decider.SupposeOptions{})
	if err != nil || all.Examined != 5 || all.Different != 4 || all.More {
		t.Errorf("of everybody %+v, error %v; want 4 of 5", all, err)
	}
}

// scans counts how often IDENTITY is read from its beginning.
type scans struct {
	*decidertest.Log
	identity int
}

func (s *scans) Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	if stream == domain.Identity && from == 1 {
		s.identity++
	}
	return s.Log.Read(ctx, stream, from, to)
}

// Who is one person takes one scan of IDENTITY; what it says of them is found.
func TestSupposingManyScansIdentityOnce(t *testing.T) {
	t.Parallel()
	w, _ := together(t)
	for n := range 200 { // others, so that few envelopes are about those wanted
		w.happens(decidertest.Linked(fmt.Sprint("other", n), fmt.Sprint("another", n), noon))
	}
	w.catchUp()
	log := &scans{Log: w.log}
	replayer := decider.NewReplayer(log, w.policies)
	replayer.TracedBy(decider.NewTraces(log, decidertest.NewPlaces(w.log)))
	s := decider.Supposition{Changes: []*event.Event{decidertest.Unlinked("ann", "bob", noon)}}
	got, err := replayer.SupposeAll(w.ctx, s, decider.SupposeOptions{})
	if err != nil || log.identity != 1 {
		t.Errorf("%d scans of IDENTITY, %v; want 1", log.identity, err)
	}
	if want, err := w.replayer().SupposeAll(w.ctx, s, decider.SupposeOptions{}); err != nil || got.Examined != want.Examined || got.Different != want.Different || want.Examined == 0 {
		t.Errorf("got %+v, want %+v, %v", got, want, err)
	}
}

func TestSupposingManyEndsWithTheContext(t *testing.T) {
	t.Parallel()
	w, _ := together(t)
	ctx, cancel := context.WithCancel(w.ctx)
	_, err := w.replayer().SupposeAll(ctx, decider.Supposition{}, decider.SupposeOptions{Concerns: func(domain.Alias) bool { cancel(); return true }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestMissingValuesAreNamedAsMissing(t *testing.T) {
	t.Parallel()
	w, logged := together(t)
	w.happens(decidertest.Unlinked("ann", "bob", noon), decidertest.Linked("bob", "ann", noon))
	if now := w.supposes(logged, decider.Supposition{Cut: decider.Latest}); len(now.Features) != 0 {
		t.Errorf("split and joined again, yet features differ: %+v", now.Features)
	}
	alone := w.supposes(logged, decider.Supposition{Changes: []*event.Event{
		decidertest.Unlinked("ann", "bob", noon), decidertest.Linked("bob", "new", noon)}})
	for _, f := range alone.Features {
		if math.IsNaN(f.Then) && math.IsNaN(f.Now) || f.Then == f.Now {
			t.Errorf("%s is named although it is the same", f.Name)
		}
	}
}

func TestOfManyDifferingDecisionsTheNewestAreListed(t *testing.T) {
	t.Parallel()
	w, _ := together(t)
	var ids [][]byte
	for range 105 {
		w.clock.Add(8 * 24 * time.Hour.Milliseconds())
		w.append(decidertest.Purchased("ann", time.UnixMilli(w.clock.Load()), 1))
		w.catchUp()
		ids = append(ids, w.decides("bob").Record.GetId())
	}
	blocked := decidertest.Marked("bob", event.AliasMarked_MARK_BLOCKED, noon)
	tally, err := w.replayer().SupposeAll(w.ctx, decider.Supposition{Changes: []*event.Event{blocked}}, decider.SupposeOptions{
		Concerns: func(a domain.Alias) bool { return a == decidertest.Named("bob") },
	})
	if err != nil || tally.Examined != 106 || tally.Different != 106 || len(tally.Differing) != 100 {
		t.Fatalf("examined %d, %d different, %d listed, error %v; want 106, 106, 100", tally.Examined, tally.Different, len(tally.Differing), err)
	}
	for i, d := range tally.Differing {
		if want := ids[len(ids)-1-i]; string(d.Record.GetId()) != string(want) {
			t.Fatalf("the %d-th listed is not the %d-th newest", i, i)
		}
	}
}
