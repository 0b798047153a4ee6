package commandstest

import (
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// envelopeOf encodes one event behind the given predecessor.
func envelopeOf(t *testing.T, prev domain.Hash, e *event.Event) []byte {
	t.Helper()
	frame, err := proto.Marshal(e)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	data, _ := domain.EncodeEnvelope(nil, prev, [][]byte{frame})
	return data
}

func testCorrupt(t *testing.T, ctx context.Context, h Harness) {
	appended(t, ctx, h.Log, laneZero, Tracked("good"))
	last, err := h.Log.At(ctx, domain.Behaviour, 1)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	data := envelopeOf(t, last.Hash, Tracked("bad"))
	data[len(data)/2] ^= 1
	h.Put(laneZero, data)
	for name, pass := range passes(ctx, h.Log, 2) {
		got, err := collect(pass)
		wantError(t, err, domain.ErrEnvelopeCorrupt)
		if !strings.Contains(err.Error(), "BEHAVIOUR/2") {
			t.Fatalf("%s: the error %q does not name the place", name, err)
		}
		if len(got) != 1 || got[0].Name != "good" {
			t.Fatalf("%s: got %v before the error, want the good one", name, got)
		}
	}
	_, err = h.Log.At(ctx, domain.Behaviour, 2)
	wantError(t, err, domain.ErrEnvelopeCorrupt)
}

func testBrokenChain(t *testing.T, ctx context.Context, h Harness) {
	appended(t, ctx, h.Log, laneZero, Tracked("good"))
	h.Put(laneZero, envelopeOf(t, domain.Hash{1}, Tracked("follows nothing")))
	for name, pass := range passes(ctx, h.Log, 2) {
		got, err := collect(pass)
		wantError(t, err, domain.ErrChainBroken)
		if !strings.Contains(err.Error(), "BEHAVIOUR/2") || len(got) != 1 {
			t.Fatalf("%s: got %d events and the error %q, want 1 and the place", name, len(got), err)
		}
	}
	if got, err := collect(h.Log.Read(ctx, domain.Behaviour, 2, 2)); err != nil || len(got) != 1 {
		t.Fatalf("reading from the middle: %d events, %v, want 1: what is before is not known", len(got), err)
	}
	h.Put(laneOne, envelopeOf(t, domain.Hash{2}, Tracked("a lane that starts in the middle")))
	_, err := collect(h.Log.ReadLane(ctx, laneOne, 1, math.MaxUint64))
	wantError(t, err, domain.ErrChainBroken)
}

// passes are the three ways to read a stream of that length from its start.
func passes(ctx context.Context, l Log, to uint64) map[string]iter.Seq2[domain.Envelope, error] {
	return map[string]iter.Seq2[domain.Envelope, error]{
		"whole":  l.Read(ctx, domain.Behaviour, 1, to),
		"lane":   l.ReadLane(ctx, laneZero, 1, math.MaxUint64),
		"follow": l.Follow(ctx, domain.Behaviour, 1),
	}
}

func testCut(t *testing.T, ctx context.Context, h Harness) {
	for i := range 10 {
		appended(t, ctx, h.Log, []domain.Lane{laneZero, laneOne}[i%2], Tracked("%d", i))
	}
	for _, c := range []struct {
		from, to uint64
		want     string
	}{
		{1, 10, "0123456789"},
		{0, 3, "012"},
		{4, 6, "345"},
		{10, 10, "9"},
		{5, 4, ""},
		{11, 10, ""},
		{11, math.MaxUint64, ""},
		{8, math.MaxUint64, "789"},
	} {
		got, err := collect(h.Log.Read(ctx, domain.Behaviour, c.from, c.to))
		if err != nil || names(got) != c.want {
			t.Fatalf("from %d to %d: %q, %v, want %q", c.from, c.to, names(got), err, c.want)
		}
		for i, e := range got {
			if want := max(c.from, 1) + uint64(i); e.At.Sequence != want {
				t.Fatalf("event %d stands at %d, want %d", i, e.At.Sequence, want)
			}
		}
	}
	_, err := collect(h.Log.Read(ctx, domain.Behaviour, 1, 11))
	wantError(t, err, domain.ErrNoEntry)
	pass := h.Log.Read(ctx, domain.Behaviour, 1, 10)
	for range pass { //nolint:errcheck // what it yields is not looked at
		break // a pass may be left, and begun again
	}
	if got, err := collect(pass); err != nil || len(got) != 10 {
		t.Fatalf("a second pass: %d events, %v, want 10", len(got), err)
	}
	if got := all(t, ctx, h.Log, domain.Outcome); len(got) != 0 {
		t.Fatalf("an empty stream holds %v", got)
	}
}

func names(events []named) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString(e.Name)
	}
	return b.String()
}

func testLane(t *testing.T, ctx context.Context, h Harness) {
	for i := range 12 {
		appended(t, ctx, h.Log, []domain.Lane{laneZero, laneOne, laneZero}[i%3], Tracked("%x", i))
	}
	for _, c := range []struct {
		lane     domain.Lane
		from, to uint64
		want     string
	}{
		{laneZero, 1, math.MaxUint64, "0235689b"},
		{laneOne, 1, math.MaxUint64, "147a"},
		{laneOne, 3, 8, "47"},
		{laneOne, 12, 12, ""},
		{laneOne, 1, 12, "147a"},
		{laneZero, 1, 2, "0"},
		{domain.Lane{Stream: domain.Behaviour, Key: "9"}, 1, 12, ""},
	} {
		got, err := collect(h.Log.ReadLane(ctx, c.lane, c.from, c.to))
		if err != nil || names(got) != c.want {
			t.Fatalf("%s from %d to %d: %q, %v, want %q", c.lane.Key, c.from, c.to, names(got), err, c.want)
		}
	}
}

func testFollow(t *testing.T, ctx context.Context, h Harness) {
	appended(t, ctx, h.Log, laneZero, Tracked("a"))
	live, cancel := context.WithCancel(ctx)
	defer cancel()
	came := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		for env, err := range h.Log.Follow(live, domain.Behaviour, 1) {
			if err != nil {
				ended <- err
				return
			}
			events, err := env.Events()
			if err != nil {
				ended <- err
				return
			}
			came <- events[0].GetTracked().GetName()
		}
		ended <- nil
	}()
	var got []string
	for _, next := range []string{"b", "c", ""} {
		select {
		case name := <-came:
			got = append(got, name)
		case err := <-ended:
			t.Fatalf("following ended: %v", err)
		}
		if next != "" {
			appended(t, ctx, h.Rival(), laneOne, Tracked("%s", next))
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("following ended with %v, want nothing: its context ended", err)
	}
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("followed %v, want a b c", got)
	}
}

func testAt(t *testing.T, ctx context.Context, h Harness) {
	at := appended(t, ctx, h.Log, laneOne, Tracked("x"), Tracked("y"))
	env, err := h.Log.At(ctx, domain.Behaviour, at.Sequence)
	if err != nil || env.Sequence != at.Sequence || env.Lane != laneOne || len(env.Frames) != 2 {
		t.Fatalf("got %+v, %v, want the envelope of both events", env, err)
	}
	for _, sequence := range []uint64{0, at.Sequence + 1} {
		_, err = h.Log.At(ctx, domain.Behaviour, sequence)
		wantError(t, err, domain.ErrNoEntry)
	}
	if last, err := h.Log.Last(ctx, domain.Behaviour); err != nil || last != at.Sequence {
		t.Fatalf("the stream ends at %d, %v, want %d", last, err, at.Sequence)
	}
	if h.Log.Lanes() != 2 {
		t.Fatalf("the log has %d lanes, want 2", h.Log.Lanes())
	}
}

func testKeyedLanes(t *testing.T, ctx context.Context, h Harness) {
	policy := func(id string) *event.Event {
		return &event.Event{Body: &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{Policy: &event.Policy{Id: id}}}}
	}
	for range 2 {
		for _, id := range []string{"spring", "autumn sale.2", "ü"} {
			appended(t, ctx, h.Log, domain.PolicyLane("policy", id), policy(id))
		}
	}
	var got []string
	for env, err := range h.Log.ReadLane(ctx, domain.PolicyLane("policy", "autumn sale.2"), 1, math.MaxUint64) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		events, err := env.Events()
		if err != nil {
			t.Fatalf("events: %v", err)
		}
		got = append(got, events[0].GetPolicyPublished().GetPolicy().GetId())
	}
	if !slices.Equal(got, []string{"autumn sale.2", "autumn sale.2"}) {
		t.Fatalf("the lane holds %v", got)
	}
	for _, key := range []string{"", "a b", "a.*", ">", ".", "a..b", "a."} {
		if _, isMemory := h.Log.(*MemoryLog); isMemory {
			break // a key is a subject only on the real log
		}
		if _, err := h.Log.Append(ctx, domain.Lane{Stream: domain.Policy, Key: key}, policy("x")); err == nil {
			t.Fatalf("the key %q was taken", key)
		}
	}
}
