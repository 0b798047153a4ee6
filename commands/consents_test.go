package commands_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

func yes(purpose string) commands.Consent { return commands.Consent{Purpose: purpose, Given: true} }
func no(purpose string) commands.Consent  { return commands.Consent{Purpose: purpose} }

// says is a track event that says consents along.
func says(id string, who []identity.Identifier, at time.Time, consents ...commands.Consent) commands.Item {
	return commands.Item{MessageID: id, Type: "track", Name: "x", Identifiers: who, OccurredMS: at.UnixMilli(), Consents: consents}
}

// consentOf is what holds for somebody: "GIVEN", "WITHDRAWN" or "" for never stated.
func (w *world) consentOf(t *testing.T, who identity.Identifier, purpose string) (state string) {
	t.Helper()
	if err := w.recall.CatchUp(t.Context(), domain.Identity); err != nil {
		t.Fatal(err)
	}
	w.recall.People.Look(func(r *identity.Register) {
		if s, ever := r.Consents().Of(r.Graph().Aliases(w.named(who).Alias), purpose); ever {
			state = s.State()
		}
	})
	return state
}

func TestConsentsSaidAlongAreKeptWhenTheyDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, a := user("u"), anon("a")
	check := func(when string, events int, who identity.Identifier, want string) {
		t.Helper()
		if got := w.types(t)["consent_stated"]; got != events {
			t.Errorf("%s: %d statements, want %d", when, got, events)
		}
		if got := w.consentOf(t, who, "ads"); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
		w.compare(t)
	}
	w.do(t, "web", says("1", ids(a), now.Add(-9*time.Minute), yes("ads"), no("stats")))
	check("at first", 2, a, "GIVEN")
	w.do(t, "web", says("2", ids(a), now.Add(-8*time.Minute), yes("ads"), no("stats")), says("3", ids(a), now.Add(-8*time.Minute), yes("ads")))
	check("said again", 2, a, "GIVEN")
	w.do(t, "web", says("4", ids(a), now.Add(-6*time.Minute), no("ads")))
	w.do(t, "web", says("4", ids(a), now.Add(-6*time.Minute), no("ads")))
	check("withdrawn, twice the same message", 3, a, "WITHDRAWN")
	w.do(t, "web", says("5", ids(a), now.Add(-7*time.Minute), yes("ads")))
	check("an older message comes late", 3, a, "WITHDRAWN")
	w.do(t, "web", says("6", ids(u, a), now.Add(-5*time.Minute), no("ads")))
	check("logged in: the user says it, too", 4, u, "WITHDRAWN")
	w.do(t, "web", says("7", ids(a), now.Add(-5*time.Minute-time.Second), yes("ads")))
	check("older than what the person said by another identifier", 4, a, "WITHDRAWN")
	w.do(t, "web", says("8", ids(a), now.Add(-4*time.Minute), yes("ads")))
	check("the person agrees again", 5, u, "GIVEN")
	again := startWorld(t, w.log, w.vault)
	again.do(t, "web", says("8", ids(a), now.Add(-4*time.Minute), yes("ads")), says("9", ids(a), now, yes("ads")))
	check("after a restart", 5, u, "GIVEN")
}

// given: a no; then in one call the last word counts, also where it is what held before the call.
func TestTheLastWordOfACallCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := anon("a")
	at := func(minutes int) time.Time { return now.Add(time.Duration(minutes-30) * time.Minute) }
	w.do(t, "web", says("0", ids(a), at(0), no("ads")))
	w.do(t, "web", says("1", ids(a), at(1), no("ads")), says("2", ids(a), at(2), yes("ads")), says("3", ids(a), at(3), no("ads")))
	if n, state := w.types(t)["consent_stated"], w.consentOf(t, a, "ads"); n != 3 || state != "WITHDRAWN" {
		t.Errorf("%d statements, %q; want 3, WITHDRAWN", n, state)
	}
	w.compare(t)
}

func TestAConsentEventIsKeptAndKnownByItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := user("u")
	item := func(id string, at time.Time, s ...commands.Consent) commands.Item {
		return commands.Item{MessageID: id, Type: "consent", Identifiers: ids(u), OccurredMS: at.UnixMilli(), Consents: s}
	}
	var got []commands.Status
	for _, it := range []commands.Item{
		item("1", now.Add(-3*time.Hour), yes("ads")), item("1", now.Add(-3*time.Hour), yes("ads")), // the same message
		item("2", now.Add(-2*time.Hour), yes("ads")), // said again: evidence
		item("3", now.Add(-time.Hour), no("ads")),
		item("4", now.Add(-2*time.Hour), yes("ads")), // older
		item("5", now), item("6", now, no("Ads")), item("7", now, no("a"), no("b")),
	} {
		v := w.do(t, "crm", it)[0]
		if got = append(got, v.Status); v.Status == commands.Accepted && (v.Place.Stream != domain.Identity || v.Place.Position.Sequence == 0) {
			t.Errorf("it stands at %v", v.Place)
		}
	}
	want := []commands.Status{
		commands.Accepted, commands.Duplicate, commands.Accepted, commands.Accepted, commands.Duplicate,
		commands.Rejected, commands.Rejected, commands.Rejected,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if n, state := w.types(t)["consent_stated"], w.consentOf(t, u, "ads"); n != 3 || state != "WITHDRAWN" {
		t.Errorf("%d statements, %q; want 3, WITHDRAWN", n, state)
	}
	w.compare(t)
}

func TestAFileOfConsentsIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var items []commands.Item
	for n := range 20 {
		items = append(items, commands.Item{
			SourceSeq: uint64(n+1) << 8, Type: "consent", Identifiers: ids(user(fmt.Sprint(n % 4))),
			OccurredMS: now.Add(time.Duration(n-30) * time.Hour).UnixMilli(), Consents: []commands.Consent{{Purpose: "ads", Given: n%2 == 0}},
		})
	}
	w.do(t, "import:crm/consents.csv", items[:13]...)
	again := startWorld(t, w.log, w.vault)
	again.do(t, "import:crm/consents.csv", items...)
	if n := again.types(t)["consent_stated"]; n != 20 {
		t.Errorf("%d statements, want 20", n)
	}
	again.compare(t)
}

// given: an append that fails, with and without landing; then a retry leaves each statement in the log once.
func TestAConsentWhoseAppendFailedIsSaidAgain(t *testing.T) {
	t.Parallel()
	for fault := range 4 {
		w := newWorld(t)
		in := w.ingestThrough(&faulty{MemoryLog: w.log, script: []int{fault}})
		items := []commands.Item{
			says("1", ids(anon("a")), now.Add(-time.Hour), yes("ads")),
			{MessageID: "2", Type: "consent", Identifiers: ids(anon("a")), Consents: []commands.Consent{no("ads")}},
		}
		if _, err := in.Ingest(t.Context(), "web", items, false); (err == nil) != (fault == 0) {
			t.Errorf("fault %d: error %v", fault, err)
		}
		if _, err := in.Ingest(t.Context(), "web", items, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]int{"consent_stated": 2, "tracked": 1}, w.types(t)); diff != "" {
			t.Errorf("fault %d: events (-want +got):\n%s", fault, diff)
		}
		w.compare(t)
	}
}

// given: many calls at once by one device that changes its mind; then the register is what the log gives.
func TestConsentsOfManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wait sync.WaitGroup
	for n := range 64 {
		wait.Go(func() {
			w.do(t, "web", says(fmt.Sprint(n), ids(anon(fmt.Sprint(n%3)), user("u")), now.Add(-time.Hour), commands.Consent{Purpose: "ads", Given: n%2 == 0}))
		})
	}
	wait.Wait()
	w.compare(t)
}

// deciders are somewhere in IDENTITY, and go on when they are let.
type deciders struct {
	asked   chan uint64
	reached chan struct{}
}

func (d *deciders) WaitFor(ctx context.Context, sequence uint64) error {
	d.asked <- sequence
	select {
	case <-d.reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// given: decisions that do not follow yet; then what states a consent is not acknowledged before they do, and what states
// nothing new does not wait.
func TestAConsentIsAcknowledgedWhenDecisionsFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := &deciders{asked: make(chan uint64, 1), reached: make(chan struct{})}
	in := commands.NewIngest(commands.IngestPorts{
		Log: w.log, Vault: w.vault, Normalizer: trimmer{}, Recall: w.recall,
		Now: func() time.Time { return now }, Random: commandstest.NewRandom(3), Deciding: d,
	}, 0)
	item := commands.Item{MessageID: "1", Type: "consent", Identifiers: ids(user("u")), Consents: []commands.Consent{no("ads")}}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := in.Ingest(ctx, "crm", []commands.Item{item}, false)
		ended <- err
	}()
	select {
	case at := <-d.asked:
		if at != 1 {
			t.Errorf("waits for %d, want 1", at)
		}
	case err := <-ended:
		t.Fatalf("answered at once, with %v", err)
	}
	leave()
	if err := <-ended; err == nil {
		t.Error("acknowledged before decisions follow")
	}
	close(d.reached)
	for _, again := range []commands.Item{item, says("2", ids(user("u")), now, no("ads")), says("3", ids(user("u")), now)} {
		if v, err := in.Ingest(t.Context(), "crm", []commands.Item{again}, false); err != nil || v[0].Status == commands.Rejected {
			t.Errorf("message %s: %v, %v", again.MessageID, v, err)
		}
	}
	if n := len(d.asked); n != 0 {
		t.Errorf("waited %d times more", n)
	}
}
