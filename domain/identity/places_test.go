package identity_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// scattered is an alias whose last bits depend on n.
func scattered(n int) (a domain.Alias) {
	binary.BigEndian.PutUint64(a[8:], uint64(n)*0x9e3779b97f4a7c15)
	a[0] = 1
	return a
}

// Every envelope that names an alias is found up to any sequence, and few others.
func TestPlacesFindWhatNamesAnAlias(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p identity.Places
		of := map[int][]uint64{}
		sequence := uint64(0)
		for range rapid.IntRange(0, 9000).Draw(t, "notes") {
			sequence += uint64(rapid.IntRange(0, 1).Draw(t, "step"))
			n := rapid.IntRange(0, 40).Draw(t, "alias")
			p.Note(scattered(n), sequence)
			of[n] = append(of[n], sequence)
		}
		to := uint64(rapid.IntRange(0, int(sequence)).Draw(t, "to"))
		var want []uint64
		var aliases []domain.Alias
		for n := range rapid.IntRange(0, 4).Draw(t, "wanted") {
			aliases = append(aliases, scattered(n))
			want = append(want, of[n]...)
		}
		slices.Sort(want)
		want = slices.DeleteFunc(slices.Compact(want), func(s uint64) bool { return s > to })
		if got := p.Of(aliases, to); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// What concerns everybody is found beside what concerns somebody, and marks by themselves.
func TestPlacesFindGuardsAndMarks(t *testing.T) {
	t.Parallel()
	var p identity.Places
	for sequence, r := range []domain.Recorded{
		linkedAt(0, alias(1), alias(2)), {Event: &event.Event{Body: &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{}}}},
		linkedAt(0, alias(3), alias(4)), markedAt(0, alias(1), identity.Shared), markedAt(0, alias(3), identity.Shared),
	} {
		r.At.Sequence = uint64(sequence + 1)
		p.Observe(r)
	}
	if got := p.Of([]domain.Alias{alias(1), {}}, 9); !slices.Equal(got, []uint64{1, 2, 4}) {
		t.Errorf("what names the first or changes the guards is at %v", got)
	}
	if got := p.Marks([]domain.Alias{alias(1), alias(2)}, 9); !slices.Equal(got, []uint64{4}) {
		t.Errorf("the first is marked at %v", got)
	}
}

func BenchmarkPlacesOf(b *testing.B) {
	var p identity.Places
	for n := range 2_000_000 {
		p.Note(scattered(n/2), uint64(n/200))
	}
	for n := 0; b.Loop(); n++ {
		p.Of([]domain.Alias{scattered(n % 1_000_000)}, 10_000)
	}
}
