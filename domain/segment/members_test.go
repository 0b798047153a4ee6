package segment

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func one(n byte) domain.Alias { return domain.Alias{15: n} }

// recorded is a move as an event at a place.
func recorded(m Move, sequence uint64, index uint32) domain.Recorded {
	e := &event.Event{Alias: m.Alias[:], Body: &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}}
	if m.Entered {
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
	}
	return domain.Recorded{At: domain.Position{Sequence: sequence, Index: index}, Event: e}
}

// history folds moves, one after the other.
func history(moves ...Move) *Members {
	m := new(Members)
	for i, move := range moves {
		m.Apply(recorded(move, uint64(i+1), 0))
	}
	return m
}

func entered(n byte, definition, segment string) Move {
	return Move{Alias: one(n), Definition: definition, Segment: segment, Version: 1, Entered: true}
}

func left(n byte, definition, segment string) Move {
	return Move{Alias: one(n), Definition: definition, Segment: segment, Version: 1}
}

func at(sequence uint64) domain.Position { return domain.Position{Sequence: sequence} }

func TestMoves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []Move
		who   []domain.Alias
		found []Found
		then  []Move
	}{
		"the first definition enters its members once": {
			nil, []domain.Alias{one(1)}, []Found{{"tags", 1, []string{"late", "rich"}}},
			[]Move{{one(1), "tags", "late", 1, true, at(0)}, {one(1), "tags", "rich", 1, true, at(0)}},
		},
		"who is in stays": {
			[]Move{entered(1, "tags", "rich")}, []domain.Alias{one(1)}, []Found{{"tags", 1, []string{"rich"}}}, nil,
		},
		"a new version moves the difference only": {
			[]Move{entered(1, "tags", "late"), entered(1, "tags", "rich")}, []domain.Alias{one(1)}, []Found{{"tags", 2, []string{"new", "rich"}}},
			[]Move{{one(1), "tags", "late", 2, false, at(1)}, {one(1), "tags", "new", 2, true, at(0)}},
		},
		"other definitions stay as they are": {
			[]Move{entered(1, "rfm", "loyal")}, []domain.Alias{one(1)}, []Found{{"tags", 1, nil}}, nil,
		},
		"who comes back enters anew": {
			[]Move{entered(1, "tags", "rich"), left(1, "tags", "rich")}, []domain.Alias{one(1)}, []Found{{"tags", 1, []string{"rich"}}},
			[]Move{{one(1), "tags", "rich", 1, true, at(2)}},
		},
		"a person is in what any alias entered": {
			[]Move{entered(2, "tags", "rich")}, []domain.Alias{one(1), one(2)}, []Found{{"tags", 1, []string{"rich"}}}, nil,
		},
		"a person leaves by each alias that is in": {
			[]Move{entered(1, "tags", "rich"), entered(2, "tags", "rich")}, []domain.Alias{one(1), one(2), one(3)}, []Found{{"tags", 1, nil}},
			[]Move{{one(1), "tags", "rich", 1, false, at(1)}, {one(2), "tags", "rich", 1, false, at(2)}},
		},
		"after a split each has what it entered": {
			[]Move{entered(1, "tags", "rich")}, []domain.Alias{one(2)}, []Found{{"tags", 1, []string{"rich"}}},
			[]Move{{one(2), "tags", "rich", 1, true, at(0)}},
		},
		"entering twice is entering once": {
			[]Move{entered(1, "tags", "rich"), entered(1, "tags", "rich")}, []domain.Alias{one(1)}, []Found{{"tags", 1, nil}},
			[]Move{{one(1), "tags", "rich", 1, false, at(1)}},
		},
		"nobody": {nil, nil, []Found{{"tags", 1, []string{"rich"}}}, nil},
	} {
		if diff := cmp.Diff(c.then, history(c.given...).Moves(c.who, c.found)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAMoveHasOneIDAndAnotherMoveAnother(t *testing.T) {
	t.Parallel()
	m := Move{one(1), "tags", "rich", 1, true, at(3)}
	again := m
	again.Version = 2 // whichever version found it
	if m.ID() != again.ID() {
		t.Error("the same move has two ids")
	}
	seen := map[[16]byte]bool{m.ID(): true}
	for _, other := range []Move{
		{one(2), "tags", "rich", 1, true, at(3)}, {one(1), "tag", "srich", 1, true, at(3)}, {one(1), "tags", "ric", 1, true, at(3)},
		{one(1), "tags", "rich", 1, false, at(3)}, {one(1), "tags", "rich", 1, true, at(4)},
		{one(1), "tags", "rich", 1, true, domain.Position{Sequence: 3, Index: 1}},
	} {
		if seen[other.ID()] {
			t.Errorf("%+v has the id of another", other)
		}
		seen[other.ID()] = true
	}
}

// Whatever happened before, and whoever is linked with whom: once the moves are folded, a person is where she was found,
// there is nothing left to move, and folding the same events again changes nothing.
func TestFoldedMovesAreWhatWasFound(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		m, again := new(Members), new(Members)
		sequence := uint64(0)
		var log []domain.Recorded
		ids := map[[16]byte]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			// Each round links the five aliases anew, finds each person somewhere, and folds what moves her there.
			group := rapid.SliceOfN(rapid.IntRange(0, 2), 5, 5).Draw(t, "profiles")
			for profile := range 3 {
				var who []domain.Alias
				for n, of := range group {
					if of == profile {
						who = append(who, one(byte(n)))
					}
				}
				var found []Found
				for _, d := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"x", "y"}), rapid.ID).Draw(t, "definitions") {
					in := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "in")
					slices.Sort(in)
					found = append(found, Found{d, 1, in})
				}
				sequence++
				for i, move := range m.Moves(who, found) {
					if ids[move.ID()] {
						t.Fatalf("%+v has the id of a move before it", move)
					}
					ids[move.ID()] = true
					r := recorded(move, sequence, uint32(i))
					log = append(log, r)
					m.Apply(r)
				}
				if len(who) == 0 {
					continue
				}
				for _, f := range found {
					if got := m.Of(who, f.Definition); !slices.Equal(got, f.Segments) {
						t.Fatalf("%v of %v are in %v", who, f, got)
					}
				}
				if more := m.Moves(who, found); len(more) > 0 {
					t.Fatalf("moves are left: %v", more)
				}
			}
		}
		for range 2 {
			for _, r := range log {
				again.Apply(r)
			}
		}
		for n := range byte(5) {
			for _, d := range []string{"x", "y"} {
				if got, want := again.Of([]domain.Alias{one(n)}, d), m.Of([]domain.Alias{one(n)}, d); !slices.Equal(got, want) {
					t.Fatalf("folded again %v, first %v", got, want)
				}
			}
		}
	})
}
