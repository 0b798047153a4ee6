package commands_test

import (
	"errors"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/segment"
)

func (w *world) moves() *commands.MemberMoves {
	return commands.NewMemberMoves(w.log, func() time.Time { return now })
}

func TestMembersMoveInALaneOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var moves []segment.Move
	const people = 6000 // more than an envelope takes
	for n := range people {
		moves = append(moves, segment.Move{
			Alias: domain.Alias{14: byte(n >> 8), 15: byte(n)}, Definition: "tags", Segment: "rich", Version: 2, Entered: n%2 == 0,
			After: domain.Position{Sequence: uint64(n)},
		})
	}
	if err := w.moves().MoveMembers(t.Context(), moves); err != nil {
		t.Fatal(err)
	}
	last, err := w.log.Last(t.Context(), domain.Behaviour)
	if err != nil || last < 2 || last > 10 {
		t.Fatalf("%d envelopes, %v", last, err)
	}
	got := map[domain.Alias]*event.Event{}
	for e, err := range w.log.Read(t.Context(), domain.Behaviour, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := e.Events()
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			a := domain.Alias(ev.GetAlias())
			if e.Lane != domain.MovesLane() || ev.GetSource() != "proffer" || ev.GetOccurredMs() != now.UnixMilli() {
				t.Fatalf("%v in %v", ev, e.Lane)
			}
			got[a] = ev
		}
	}
	for _, m := range moves {
		ev, id := got[m.Alias], m.ID()
		in, out := ev.GetSegmentEntered(), ev.GetSegmentLeft()
		if (in != nil) != m.Entered || (out != nil) == m.Entered || in.GetSegment()+out.GetSegment() != "rich" ||
			in.GetVersion()+out.GetVersion() != 2 || string(ev.GetId()) != string(id[:]) {
			t.Fatalf("%+v became %v", m, ev)
		}
	}
	w.log.SetDown(true)
	if err := w.moves().MoveMembers(t.Context(), moves[:1]); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("a log that is away: %v", err)
	}
}

// Two servers that know the same moves: one of them makes the next.
func TestOneServerMovesMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rival := startWorld(t, w.log.Rival(), w.vault)
	ours, theirs := w.moves(), rival.moves()
	enters := []segment.Move{{Alias: domain.Alias{15: 1}, Definition: "tags", Segment: "rich", Version: 1, Entered: true}}
	for _, s := range []*commands.MemberMoves{ours, theirs} {
		if last, err := s.TakeMoves(t.Context()); err != nil || last != 0 {
			t.Fatalf("the last move is at %d, %v", last, err)
		}
	}
	if err := ours.MoveMembers(t.Context(), enters); err != nil {
		t.Fatal(err)
	}
	if err := theirs.MoveMembers(t.Context(), enters); !errors.Is(err, domain.ErrLaneLost) {
		t.Fatalf("the same move once more: %v", err)
	}
	if last, err := theirs.TakeMoves(t.Context()); err != nil || last != 1 {
		t.Fatalf("the last move is at %d, %v", last, err)
	}
	if err := theirs.MoveMembers(t.Context(), enters); err != nil {
		t.Fatal(err)
	}
	if err := ours.MoveMembers(t.Context(), enters); !errors.Is(err, domain.ErrLaneLost) {
		t.Fatalf("after another took the moves: %v", err)
	}
}
