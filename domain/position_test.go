package domain

import (
	"cmp"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
)

func anyPosition() *rapid.Generator[Position] {
	return rapid.Custom(func(t *rapid.T) Position {
		return Position{Sequence: rapid.Uint64().Draw(t, "sequence"), Index: rapid.Uint32().Draw(t, "index")}
	})
}

func TestPositionOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p, q Position
		want int
	}{
		{Position{}, Position{}, 0},
		{Position{}, Position{1, 0}, -1},
		{Position{2, 0}, Position{1, 9}, 1},
		{Position{2, 3}, Position{2, 4}, -1},
		{Position{2, 4}, Position{2, 4}, 0},
		{Position{math.MaxUint64, 0}, Position{1, 0}, 1},
	} {
		if got := cmp.Compare(c.p.Compare(c.q), 0); got != c.want || c.p.After(c.q) != (c.want > 0) {
			t.Errorf("%v against %v: got %d, after %t, want %d", c.p, c.q, got, c.p.After(c.q), c.want)
		}
		if got := cmp.Compare(c.q.Compare(c.p), 0); got != -c.want {
			t.Errorf("%v against %v: got %d, want %d", c.q, c.p, got, -c.want)
		}
	}
}

func TestPositionProto(t *testing.T) {
	t.Parallel()
	if (Position{}).Proto() != nil || PositionOf(nil) != (Position{}) {
		t.Error("the zero position is not nil")
	}
	rapid.Check(t, func(t *rapid.T) {
		p := anyPosition().Draw(t, "position")
		if got := PositionOf(p.Proto()); got != p {
			t.Fatalf("got %v, want %v", got, p)
		}
	})
}

func TestPlaceText(t *testing.T) {
	t.Parallel()
	if got := (Place{Behaviour, Position{1234, 5}}).String(); got != "BEHAVIOUR/1234/5" {
		t.Errorf("got %s", got)
	}
	if got, err := ParsePlace("OUTCOME/7"); err != nil || got != (Place{Outcome, Position{7, 0}}) {
		t.Errorf("without an index: got %v, %v", got, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := Place{rapid.SampledFrom(AllStreams()).Draw(t, "stream"), anyPosition().Draw(t, "position")}
		p.Position.Sequence = max(p.Position.Sequence, 1)
		if got, err := ParsePlace(p.String()); err != nil || got != p {
			t.Fatalf("got %v, %v, want %v", got, err, p)
		}
	})
	for _, text := range []string{"", "BEHAVIOUR", "BEHAVIOUR/0", "BEHAVIOUR/-1", "BEHAVIOUR/1/2/3", "behaviour/1", "X/1", "BEHAVIOUR/1/4294967296", "BEHAVIOUR/18446744073709551616"} {
		if got, err := ParsePlace(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestCutProto(t *testing.T) {
	t.Parallel()
	want := &event.Cut{Behaviour: 1, Identity: 2, Decision: 3, Outcome: 4, Policy: 5}
	cut := Cut{Behaviour: 1, Identity: 2, Decision: 3, Outcome: 4, Policy: 5, Quarantine: 6}
	if got := cut.Proto(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	cut[Quarantine] = 0 // a decision does not depend on it
	if got := CutOf(want); got != cut {
		t.Errorf("got %v, want %v", got, cut)
	}
	if got := CutOf(nil); got != (Cut{}) {
		t.Errorf("got %v of nothing", got)
	}
}
