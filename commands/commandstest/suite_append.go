package commandstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func testOrder(t *testing.T, ctx context.Context, h Harness) {
	const calls = 300
	var pending []Pending
	var want []string
	for i := range calls {
		p, err := h.Log.Enqueue(laneZero, Tracked("call %d", i))
		if err != nil {
			t.Fatalf("enqueue: %v", err)
		}
		pending, want = append(pending, p), append(want, fmt.Sprintf("call %d", i))
	}
	var before domain.Position
	for i, p := range pending {
		at, err := p.Wait(ctx)
		if err != nil {
			t.Fatalf("wait: %v", err)
		}
		if !at.After(before) {
			t.Fatalf("call %d stands at %v, not after %v", i, at, before)
		}
		before = at
	}
	got := all(t, ctx, h.Log, domain.Behaviour)
	if names := ofLane(got, laneZero); !slices.Equal(names, want) {
		t.Fatalf("the lane holds %v, want the calls in order", names)
	}
	if last := got[len(got)-1].At; last != before {
		t.Fatalf("the last event stands at %v, its call was told %v", last, before)
	}
}

func testContiguity(t *testing.T, ctx context.Context, h Harness) {
	const callers, rounds, each = 8, 12, 5
	var wg sync.WaitGroup
	placed := make([]map[string]domain.Position, callers)
	for c := range callers {
		placed[c] = map[string]domain.Position{}
		wg.Go(func() {
			for r := range rounds {
				var events []*event.Event
				for e := range each {
					events = append(events, Tracked("%d/%d/%d", c, r, e))
				}
				at, err := h.Log.Append(ctx, []domain.Lane{laneZero, laneOne}[c%2], events...)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				placed[c][fmt.Sprintf("%d/%d/0", c, r)] = at
			}
		})
	}
	wg.Wait()
	got := all(t, ctx, h.Log, domain.Behaviour)
	if len(got) != callers*rounds*each {
		t.Fatalf("the log holds %d events, want %d", len(got), callers*rounds*each)
	}
	for i := 0; i < len(got); i += each {
		checkCall(t, got[i:i+each], placed)
	}
}

// checkCall checks that these are one call's events, in one envelope, where the call was told.
func checkCall(t *testing.T, events []named, placed []map[string]domain.Position) {
	t.Helper()
	call := strings.TrimSuffix(events[0].Name, "/0")
	var caller, round int
	if _, err := fmt.Sscanf(call, "%d/%d", &caller, &round); err != nil || call == events[0].Name {
		t.Fatalf("%q is not the first of a call", events[0].Name)
	}
	at := placed[caller][events[0].Name]
	for i, e := range events {
		want := domain.Position{Sequence: at.Sequence, Index: at.Index + uint32(i)}
		if e.Name != fmt.Sprintf("%s/%d", call, i) || e.At != want {
			t.Fatalf("%q stands at %v, want %s/%d at %v", e.Name, e.At, call, i, want)
		}
	}
}

func testEqualEvents(t *testing.T, ctx context.Context, h Harness) {
	for range 2 {
		for i, lane := range []domain.Lane{laneZero, laneOne} {
			if at := appended(t, ctx, h.Log, lane, Tracked("x")); i == 1 && at.Sequence%2 != 0 {
				t.Fatalf("the second lane's event stands at %v", at)
			}
		}
	}
	if got := all(t, ctx, h.Log, domain.Behaviour); len(got) != 4 {
		t.Fatalf("the log holds %d events, want 4", len(got))
	}
}

// testOwnCopy: callers use the memory of their events anew, also while an append is under way.
func testOwnCopy(t *testing.T, ctx context.Context, h Harness) {
	e := Tracked("before")
	e.Sealed = &event.Sealed{Ciphertext: []byte("before")}
	p, err := h.Log.Enqueue(laneZero, e)
	if err != nil {
		t.Fatal(err)
	}
	e.GetTracked().Name = "after"
	copy(e.GetSealed().GetCiphertext(), "after!")
	if _, err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	for env, err := range h.Log.Read(ctx, domain.Behaviour, 1, 1) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := env.Events()
		if err != nil {
			t.Fatal(err)
		}
		if name, sealed := events[0].GetTracked().GetName(), events[0].GetSealed().GetCiphertext(); name != "before" || string(sealed) != "before" {
			t.Fatalf("the log holds %q and %q", name, sealed)
		}
	}
}

func testFence(t *testing.T, ctx context.Context, h Harness) {
	rival := h.Rival()
	appended(t, ctx, h.Log, laneZero, Tracked("first owner"))
	last, err := rival.TakeOver(ctx, laneZero)
	if err != nil || last != 1 {
		t.Fatalf("take over: %d, %v, want the lane's last sequence 1", last, err)
	}
	appended(t, ctx, rival, laneZero, Tracked("second owner"))
	_, err = h.Log.Append(ctx, laneZero, Tracked("stale"))
	wantError(t, err, domain.ErrLaneLost)
	_, err = h.Log.Append(ctx, laneZero, Tracked("still stale"))
	wantError(t, err, domain.ErrLaneLost)
	appended(t, ctx, h.Log, laneOne, Tracked("another lane goes on"))
	appended(t, ctx, rival, laneZero, Tracked("second owner again"))
	if last, err = h.Log.TakeOver(ctx, laneZero); err != nil || last != 4 {
		t.Fatalf("take over: %d, %v, want the lane's last sequence 4", last, err)
	}
	appended(t, ctx, h.Log, laneZero, Tracked("first owner again"))
	_, err = rival.Append(ctx, laneZero, Tracked("stale"))
	wantError(t, err, domain.ErrLaneLost)
	want := []string{"first owner", "second owner", "second owner again", "first owner again"}
	if got := ofLane(all(t, ctx, h.Log, domain.Behaviour), laneZero); !slices.Equal(got, want) {
		t.Fatalf("the lane holds %v, want %v", got, want)
	}
}

func testTerm(t *testing.T, ctx context.Context, h Harness) {
	rival := h.Rival()
	appended(t, ctx, h.Log, laneZero, Tracked("a"))
	term, err := h.Log.Term(laneZero)
	if err != nil {
		t.Fatalf("term: %v", err)
	}
	p, err := h.Log.EnqueueIn(laneZero, term, Tracked("b"))
	if err != nil {
		t.Fatalf("enqueue in the term: %v", err)
	}
	if _, err := p.Wait(ctx); err != nil {
		t.Fatalf("wait: %v", err)
	}
	appended(t, ctx, rival, laneZero, Tracked("rival"))
	_, err = h.Log.Append(ctx, laneZero, Tracked("stale"))
	wantError(t, err, domain.ErrLaneLost)
	if _, err := h.Log.TakeOver(ctx, laneZero); err != nil {
		t.Fatalf("take over: %v", err)
	}
	_, err = h.Log.EnqueueIn(laneZero, term, Tracked("decided before the failure"))
	wantError(t, err, domain.ErrLaneLost)
	want := []string{"a", "b", "rival"}
	if got := ofLane(all(t, ctx, h.Log, domain.Behaviour), laneZero); !slices.Equal(got, want) {
		t.Fatalf("the lane holds %v, want %v", got, want)
	}
}

func testLostReplies(t *testing.T, ctx context.Context, h Harness) {
	if h.LoseReplies == nil {
		t.Skip("no answer can be lost here")
	}
	appended(t, ctx, h.Log, laneZero, Tracked("before"))
	// One: the acknowledgement is lost, the look at the lane's end finds the envelope. Two: the look is lost as
	// well, and the envelope is sent again.
	for n := 1; n <= 2; n++ {
		h.LoseReplies(n)
		appended(t, ctx, h.Log, laneZero, Tracked("lost %d", n))
	}
	appended(t, ctx, h.Log, laneZero, Tracked("after"))
	want := []string{"before", "lost 1", "lost 2", "after"}
	if got := ofLane(all(t, ctx, h.Log, domain.Behaviour), laneZero); !slices.Equal(got, want) {
		t.Fatalf("the lane holds %v, want %v", got, want)
	}
}

func testRestart(t *testing.T, ctx context.Context, h Harness) {
	if h.Restart == nil {
		t.Skip("nothing outlives the process here")
	}
	const callers, each = 6, 3
	acked := make([][]string, callers)
	busy := make(chan struct{}, callers*1000)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for r := 0; ; r++ {
				call := fmt.Sprintf("%d/%d", c, r)
				var events []*event.Event
				for e := range each {
					events = append(events, Tracked("%s/%d", call, e))
				}
				if _, err := h.Log.Append(ctx, laneZero, events...); err != nil {
					return
				}
				acked[c] = append(acked[c], call)
				busy <- struct{}{}
			}
		})
	}
	for range callers * 10 {
		<-busy
	}
	again := h.Restart()
	wg.Wait()
	appendedByNewOwner(t, ctx, again, laneZero, Tracked("after"))
	seen := map[string]int{}
	names := ofLane(all(t, ctx, again, domain.Behaviour), laneZero)
	for i := 0; i+each < len(names); i += each {
		call := strings.TrimSuffix(names[i], "/0")
		for e := range each {
			if names[i+e] != fmt.Sprintf("%s/%d", call, e) {
				t.Fatalf("a call is torn: %v", names[i:i+each])
			}
		}
		seen[call]++
	}
	for _, calls := range acked {
		for _, call := range calls {
			if seen[call] != 1 {
				t.Fatalf("call %s was acknowledged and stands %d times in the log", call, seen[call])
			}
		}
	}
	if names[len(names)-1] != "after" {
		t.Fatalf("the lane ends with %q", names[len(names)-1])
	}
}

// appendedByNewOwner appends after a change of owners. An envelope of the owner before may land after the lane was
// read: the fence refuses the new owner then, who takes the lane over again.
func appendedByNewOwner(t *testing.T, ctx context.Context, l Log, lane domain.Lane, e *event.Event) {
	t.Helper()
	for {
		_, err := l.Append(ctx, lane, e)
		if err == nil {
			return
		}
		if !errors.Is(err, domain.ErrLaneLost) {
			t.Fatalf("append after the restart: %v", err)
		}
		if _, err := l.TakeOver(ctx, lane); err != nil {
			t.Fatalf("take the lane over after the restart: %v", err)
		}
	}
}

// sized is one event whose encoding adds n bytes to an envelope, at most.
func sized(n int) *event.Event {
	const frame = 14 // tags and lengths of an event around a name of this size
	return Tracked("%s", strings.Repeat("x", n-frame))
}

func testLargest(t *testing.T, ctx context.Context, h Harness) {
	large := sized(domain.MaxEnvelopeBytes - envelopeOverhead)
	appended(t, ctx, h.Log, laneZero, large)
	// Gathered behind one another, they must not share an envelope.
	var pending []Pending
	for range 3 {
		p, err := h.Log.Enqueue(laneZero, large)
		if err != nil {
			t.Fatalf("enqueue: %v", err)
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		if _, err := p.Wait(ctx); err != nil {
			t.Fatalf("wait: %v", err)
		}
	}
	var many []*event.Event
	for range domain.MaxEnvelopeEvents {
		many = append(many, Tracked("x"))
	}
	appended(t, ctx, h.Log, laneZero, many...)
	appended(t, ctx, h.Rival(), laneZero, Tracked("an owner that reads the large end first"))
	got := ofLane(all(t, ctx, h.Log, domain.Behaviour), laneZero)
	if len(got) != 4+domain.MaxEnvelopeEvents+1 || got[0] != large.GetTracked().GetName() {
		t.Fatalf("the lane holds %d events, want %d", len(got), 4+domain.MaxEnvelopeEvents+1)
	}
}

func testTooLarge(t *testing.T, ctx context.Context, h Harness) {
	_, err := h.Log.Append(ctx, laneZero, sized(domain.MaxEnvelopeBytes))
	wantError(t, err, domain.ErrTooLarge)
	var many []*event.Event
	for range domain.MaxEnvelopeEvents + 1 {
		many = append(many, Tracked("x"))
	}
	_, err = h.Log.Append(ctx, laneZero, many...)
	wantError(t, err, domain.ErrTooLarge)
	if got := all(t, ctx, h.Log, domain.Behaviour); len(got) != 0 {
		t.Fatalf("the log holds %d events, want none", len(got))
	}
	appended(t, ctx, h.Log, laneZero, Tracked("the lane goes on"))
}

func testWrongStream(t *testing.T, ctx context.Context, h Harness) {
	if _, err := h.Log.Append(ctx, domain.Lane{Stream: domain.Decision, Key: "0"}, Tracked("x")); err == nil {
		t.Fatal("a behaviour was taken as a decision")
	}
	if _, err := h.Log.Append(ctx, laneZero); err == nil {
		t.Fatal("an append of nothing was taken")
	}
	if last, err := h.Log.Last(ctx, domain.Decision); err != nil || last != 0 {
		t.Fatalf("DECISION ends at %d, %v, want 0", last, err)
	}
}
