package projections_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func TestMemoryViewsAreAViewStore(t *testing.T) {
	t.Parallel()
	projectionstest.RunViewStoreSuite(t, func(*testing.T) projectionstest.ViewStoreHarness {
		store := projectionstest.NewMemoryViews()
		return projectionstest.ViewStoreHarness{Open: func(*testing.T) projections.ViewStore {
			store = store.Crash(store.Batches(), 0, store.Batches())
			return store
		}}
	})
}

// viewEvent draws an event of one of the streams about people, and its stream.
func viewEvent(t *rapid.T, aliases int) (domain.Stream, *event.Event) {
	a := projectionstest.ViewAlias(rapid.IntRange(0, aliases-1).Draw(t, "alias"))
	b := projectionstest.ViewAlias(rapid.IntRange(0, aliases-1).Draw(t, "other"))
	e := &event.Event{
		Alias: a[:], AliasType: "user_id", OccurredMs: rapid.Int64Range(1, 1<<30).Draw(t, "at"),
		Channel: rapid.SampledFrom([]string{"", "web", "email"}).Draw(t, "channel"),
	}
	of := &event.OutcomeOf{Offer: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "offer")}
	amount := rapid.Int64Range(0, 1e9).Draw(t, "amount")
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Line: &event.Line{Item: of.Offer}}}
		return domain.Behaviour, e
	case 1:
		e.Body = &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: amount}}
		return domain.Behaviour, e
	case 2:
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:], OtherType: "device"}}
		return domain.Identity, e
	case 3:
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:]}}
		return domain.Identity, e
	case 4:
		e.Body = &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{Names: []string{"age"}}}
		return domain.Identity, e
	case 5:
		e.Body = &event.Event_Decision{Decision: &event.Decision{NowMs: e.OccurredMs, Offer: of.Offer, Channel: "web"}}
		return domain.Decision, e
	case 6:
		return domain.Behaviour, e // of a version to come
	}
	e.Body = &event.Event_Converted{Converted: &event.Converted{Of: of, ValueMicros: amount}}
	return domain.Outcome, e
}

// appendSome writes a few envelopes.
func appendSome(t *rapid.T, log *projectionstest.StreamLog, aliases int) {
	for range rapid.IntRange(1, 6).Draw(t, "envelopes") {
		stream, first := viewEvent(t, aliases)
		events := []*event.Event{first}
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			if s, e := viewEvent(t, aliases); s == stream {
				events = append(events, e)
			}
		}
		log.Append(domain.Lane{Stream: stream, Key: strconv.Itoa(rapid.IntRange(0, 1).Draw(t, "lane"))}, events...)
	}
}

// straight folds the whole log one event after another, as plainly as can be.
func straight(t interface{ Fatal(...any) }, log *projectionstest.StreamLog) map[domain.Alias][]byte {
	activities := map[domain.Alias]feature.Activity{}
	fold := func(r domain.Recorded) {
		if a := domain.Alias(r.Event.GetAlias()); r.Event.GetBody() != nil {
			activities[a] = feature.Fold(activities[a], r)
		}
	}
	for _, s := range []domain.Stream{domain.Outcome, domain.Identity, domain.Decision, domain.Behaviour} {
		last, _ := log.Last(context.Background(), s)
		for envelope, err := range log.Read(context.Background(), s, 1, last) {
			if err != nil {
				t.Fatal(err)
			}
			events, err := envelope.Recorded()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range events {
				fold(r)
				if m, ok := identity.Mirror(r); ok {
					fold(m)
				}
			}
		}
	}
	blobs := map[domain.Alias][]byte{}
	for a, activity := range activities {
		blobs[a] = feature.Encode(activity)
	}
	return blobs
}

func contents(views projections.ViewRange) map[domain.Alias][]byte {
	blobs := maps.Collect(views.Range)
	return blobs
}

func TestViewsAreTheStraightFoldWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
		p := projections.NewViewsProjector(log, store, nil)
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1, 2:
				appendSome(t, log, 5)
			case 3:
				must(p.CatchUp(context.Background(), nil))
			case 4:
				batches := store.Batches()
				store = store.Crash(rapid.IntRange(0, batches).Draw(t, "written"), rapid.IntRange(0, 3).Draw(t, "partial"),
					rapid.IntRange(0, batches).Draw(t, "checked"))
				p = projections.NewViewsProjector(log, store, nil)
			case 5:
				must(p.Rebuild(context.Background(), nil))
			}
		}
		must(p.CatchUp(context.Background(), nil))
		if diff := cmp.Diff(straight(t, log), contents(store)); diff != "" {
			t.Fatalf("views (-straight +projected):\n%s", diff)
		}
	})
}

func TestDigestIsThatOfTheLogAndNotOfItsHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
		p := projections.NewViewsProjector(log, store, nil)
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			appendSome(t, log, 4)
			if err := p.CatchUp(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
		}
		cut, before, err := p.Digest(context.Background(), store)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Rebuild(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		again, after, err := p.Digest(context.Background(), store)
		if err != nil || cut != again || before != after {
			t.Fatalf("digest %v at %v, after a rebuild %v at %v: %v", before, cut, after, again, err)
		}
		appendSome(t, log, 4)
		if _, grown, err := p.Digest(context.Background(), store); err != nil || grown == before && len(contents(store)) > 0 && changed(p.Applied(), cut) {
			t.Fatalf("the digest did not notice more events: %v", err)
		}
	})
}

// changed says whether a stream whose every event of a known body leaves a trace has grown.
func changed(now, before domain.Cut) bool { return now[domain.Decision] > before[domain.Decision] }

// running runs the projector until the test ends.
func running(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// eventually asks until the answer is yes or a minute has passed.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !yes() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

func viewed(n int) *event.Event {
	a := projectionstest.ViewAlias(n)
	return &event.Event{Alias: a[:], OccurredMs: int64(n + 1), Body: &event.Event_Viewed{Viewed: &event.Viewed{}}}
}

func TestRunFollowsWhatArrives(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, viewed(1))
	p := projections.NewViewsProjector(log, store, nil)
	running(t, p.Run)
	for i := range 100 {
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: strconv.Itoa(i % 2)}, viewed(i), viewed(i+1))
	}
	eventually(t, "everything is folded", func() bool { return p.Applied()[domain.Behaviour] == 101 })
	if diff := cmp.Diff(straight(t, log), contents(store)); diff != "" {
		t.Fatal(diff)
	}
}

func TestRebuildInterruptsRunWhichGoesOn(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	p := projections.NewViewsProjector(log, store, nil)
	running(t, p.Run)
	lane := domain.Lane{Stream: domain.Behaviour, Key: "0"}
	for i := range 5 {
		log.Append(lane, viewed(i))
		var done, total uint64
		if err := p.Rebuild(t.Context(), func(d, n uint64) { done, total = d, n }); err != nil {
			t.Fatal(err)
		}
		if done != uint64(i+1) || total != done {
			t.Fatalf("progress ended at %d of %d", done, total)
		}
	}
	log.Append(lane, viewed(9))
	eventually(t, "Run goes on", func() bool { return p.Applied()[domain.Behaviour] == 6 })
}

func TestRunWaitsForALogThatIsAway(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	lane := domain.Lane{Stream: domain.Behaviour, Key: "0"}
	p := projections.NewViewsProjector(log, store, nil)
	log.SetDown(true)
	running(t, p.Run)
	eventually(t, "trouble is told", func() bool { return errors.Is(p.Trouble(), domain.ErrUnavailable) })
	log.SetDown(false)
	log.Append(lane, viewed(1))
	eventually(t, "the event is folded", func() bool { return p.Applied()[domain.Behaviour] == 1 && p.Trouble() == nil })
	if lag, err := p.Lag(t.Context()); lag != 0 || err != nil {
		t.Errorf("lag = %d, %v", lag, err)
	}
}

func TestAViewThatCannotBeReadIsFoldedAgain(t *testing.T) {
	t.Parallel()
	torn := feature.Encode(feature.Fold(feature.Activity{}, domain.Recorded{At: domain.Position{Sequence: 1}, Event: viewed(1)}))
	torn[len(torn)-1] |= 0x80
	for name, blob := range map[string][]byte{"another schema": {255, 1}, "a torn part": torn} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
			lane := domain.Lane{Stream: domain.Behaviour, Key: "0"}
			log.Append(lane, viewed(1), viewed(2))
			var cut domain.Cut
			cut[domain.Behaviour] = 1
			spoilt := projections.Batch{Cut: cut, Views: []projections.View{{Alias: projectionstest.ViewAlias(1), Blob: blob}}}
			if err := store.Store(t.Context(), spoilt); err != nil {
				t.Fatal(err)
			}
			p := projections.NewViewsProjector(log, store, nil)
			running(t, p.Run)
			log.Append(lane, viewed(1))
			eventually(t, "the views are folded anew", func() bool {
				return cmp.Diff(straight(t, log), contents(store)) == ""
			})
		})
	}
}

// What is read ahead comes in chunks; neither an envelope nor an error between or behind them is lost.
func TestALongLogIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	p := projections.NewViewsProjector(log, store, nil)
	fat := viewed(1)
	fat.Source = strings.Repeat("x", 100<<10)
	for i := range 100 {
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, viewed(i), fat)
	}
	log.Append(domain.Lane{Stream: domain.Outcome, Key: "0"}, &event.Event{
		Alias: fat.GetAlias(), Body: &event.Event_Exposed{Exposed: &event.Exposed{}},
	})
	messages := 0
	if err := p.CatchUp(t.Context(), func(uint64, uint64) { messages++ }); err != nil || messages != 101 {
		t.Fatalf("%d messages were folded, want 101: %v", messages, err)
	}
	if diff := cmp.Diff(straight(t, log), contents(store)); diff != "" {
		t.Fatal(diff)
	}
	for range 10 {
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, fat)
	}
	log.AppendFrames(domain.Lane{Stream: domain.Behaviour, Key: "0"}, []byte{0xff})
	before, applied := contents(store), p.Applied()
	if err := p.CatchUp(t.Context(), nil); !errors.Is(err, domain.ErrEnvelopeCorrupt) {
		t.Errorf("catching up gave %v, want that an event is damaged", err)
	}
	if diff := cmp.Diff(before, contents(store)); diff != "" || p.Applied() != applied {
		t.Errorf("something was half applied, up to %v:\n%s", p.Applied(), diff)
	}
}

// People whose events stand together take many batches, each in the memory of the one before; those who come back take
// few. Nothing of one person is left in another.
func TestALongLogTakesManyBatches(t *testing.T) {
	t.Parallel()
	const people = 12_000
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	p := projections.NewViewsProjector(log, store, nil)
	for n := range people {
		v := viewed(n)
		if n%3 > 0 {
			v.Channel, v.Body = strconv.Itoa(n), &event.Event_Viewed{Viewed: &event.Viewed{Line: &event.Line{Item: strconv.Itoa(n)}}}
		}
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, v)
	}
	folded := func() int {
		before := store.Batches()
		if err := p.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(straight(t, log), contents(store)); diff != "" {
			t.Fatal(diff)
		}
		return store.Batches() - before
	}
	if n := folded(); n < 3 {
		t.Errorf("%d people took %d batches, want more", people, n)
	}
	for range 3 {
		for n := range people {
			log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, viewed(n))
		}
	}
	if n := folded(); n > 2 {
		t.Errorf("%d people who came back thrice took %d batches, want one that shows it and one for the rest", people, n)
	}
}

func TestAnEventInAForeignStreamIsAboutNoOne(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	log.Append(domain.Lane{Stream: domain.Outcome, Key: "0"}, viewed(1))
	p := projections.NewViewsProjector(log, store, nil)
	if err := p.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(contents(store)); n != 0 || p.Applied()[domain.Outcome] != 1 {
		t.Errorf("%d views, applied %v", n, p.Applied())
	}
}

func ExampleCounts() {
	counts := projections.Counts{Events: map[string]uint64{"decision": 7, "exposed": 2, "clicked": 1, "quarantined": 3, "quarantine_resolved": 1}}
	fmt.Println(counts.Decisions(), counts.Outcomes(), counts.Quarantined())
	// Output: 7 3 2
}

// storingViews are views whose storing takes a second, of a bubble's time so that nobody waits for it, and can fail.
type storingViews struct {
	*projectionstest.MemoryViews
	batches int
	storing bool
	fails   func(batch int) error
}

func (v *storingViews) Store(ctx context.Context, batch projections.Batch) error {
	v.batches++
	if err := v.fails(v.batches); err != nil {
		return err
	}
	v.storing = true
	time.Sleep(time.Second)
	v.storing = false
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return v.MemoryViews.Store(ctx, batch)
}

// logOfMany is a log whose folding takes several batches.
func logOfMany() *projectionstest.StreamLog {
	log := projectionstest.NewStreamLog()
	for n := range 12_000 {
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, viewed(n))
	}
	return log
}

func TestWhoComesBackWhileABatchIsStoredIsFoldedOn(t *testing.T) {
	t.Parallel()
	log := projectionstest.NewStreamLog()
	for n := range 12_000 {
		events := []*event.Event{viewed(n)}
		if n%100 == 0 {
			events = append(events, viewed(max(0, n-1000)), viewed(n))
		}
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, events...)
	}
	synctest.Test(t, func(t *testing.T) {
		store := &storingViews{MemoryViews: projectionstest.NewMemoryViews(), fails: func(int) error { return nil }}
		p := projections.NewViewsProjector(log, store, nil)
		if err := p.CatchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if store.batches < 3 {
			t.Fatalf("%d batches, want more", store.batches)
		}
		if diff := cmp.Diff(straight(t, log), contents(store.MemoryViews)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestABatchThatCannotBeStoredEndsTheFolding(t *testing.T) {
	t.Parallel()
	log := logOfMany()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no room")
		store := &storingViews{MemoryViews: projectionstest.NewMemoryViews(), fails: func(batch int) error {
			if batch == 2 {
				return full
			}
			return nil
		}}
		p := projections.NewViewsProjector(log, store, nil)
		if err := p.CatchUp(t.Context(), nil); !errors.Is(err, full) {
			t.Errorf("catching up gave %v, want %v", err, full)
		}
		checkpoint, err := store.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if store.batches != 2 || p.Applied() != checkpoint || checkpoint == (domain.Cut{}) {
			t.Errorf("after %d batches applied is %v, stored %v", store.batches, p.Applied(), checkpoint)
		}
	})
}

func TestNothingIsBeingStoredWhenTheFoldingEndsEarly(t *testing.T) {
	t.Parallel()
	log := logOfMany()
	log.AppendFrames(domain.Lane{Stream: domain.Behaviour, Key: "0"}, []byte{0xff})
	synctest.Test(t, func(t *testing.T) {
		store := &storingViews{MemoryViews: projectionstest.NewMemoryViews(), fails: func(int) error { return nil }}
		p := projections.NewViewsProjector(log, store, nil)
		if err := p.CatchUp(t.Context(), nil); !errors.Is(err, domain.ErrEnvelopeCorrupt) {
			t.Errorf("catching up gave %v, want that an event is damaged", err)
		}
		if store.storing {
			t.Error("a batch is still being stored")
		}
	})
}
