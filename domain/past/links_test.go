package past

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func someone(n int) domain.Alias {
	return domain.NewAlias(time.UnixMilli(int64(n+1)), [10]byte{9: byte(n)})
}

// anyChange is an event of IDENTITY about a few people; some change nothing.
func anyChange(t *rapid.T, people int) *event.Event {
	a, b := someone(rapid.IntRange(0, people-1).Draw(t, "a")), someone(rapid.IntRange(0, people-1).Draw(t, "b"))
	e := &event.Event{Alias: a[:]}
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind < 5:
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:]}}
	case kind < 7:
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:]}}
	case kind < 9:
		mark := event.AliasMarked_Mark(rapid.IntRange(0, 5).Draw(t, "mark")) // some of a later version
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: mark}}
	default:
		e.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{Other: b[:]}}
	}
	return e
}

// rebuilt is the graph of the events up to a cut, and then of further ones, from scratch.
func rebuilt(events []*event.Event, cut int, further ...*event.Event) *identity.Graph {
	g := identity.NewGraph()
	all := append(append([]*event.Event{}, events[:min(cut, len(events))]...), further...)
	for i, e := range all {
		g.Apply(domain.Recorded{At: domain.Position{Sequence: uint64(i + 1)}, Event: e})
	}
	return g
}

func TestLinksStandAtAnyCutInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		people := rapid.IntRange(2, 10).Draw(t, "people")
		events := make([]*event.Event, rapid.IntRange(0, 40).Draw(t, "events"))
		l := NewLinks()
		for i := range events {
			events[i] = anyChange(t, people)
			l.Add(uint64(i+1), events[i])
		}
		for range rapid.IntRange(1, 15).Draw(t, "questions") {
			cut := rapid.IntRange(0, len(events)+2).Draw(t, "cut")
			further := make([]*event.Event, rapid.IntRange(0, 4).Draw(t, "further"))
			var supposed []Change
			for i := range further {
				further[i] = anyChange(t, people)
				if c, ok := ChangeOf(0, further[i]); ok {
					supposed = append(supposed, c)
				}
			}
			plain, changed := rebuilt(events, cut), rebuilt(events, cut, further...)
			for n := range people {
				if diff := cmp.Diff(plain.Aliases(someone(n)), l.Profile(someone(n), uint64(cut))); diff != "" {
					t.Fatalf("the profile of %d at %d (-want +got):\n%s", n, cut, diff)
				}
				if diff := cmp.Diff(changed.Aliases(someone(n)), l.ProfileSupposing(someone(n), uint64(cut), supposed)); diff != "" {
					t.Fatalf("the supposed profile of %d at %d (-want +got):\n%s", n, cut, diff)
				}
			}
		}
	})
}

func TestASuppositionLeavesNoTrace(t *testing.T) {
	t.Parallel()
	l := NewLinks()
	link := rebuiltLink(1, 2)
	l.Add(1, link)
	c, _ := ChangeOf(0, rebuiltLink(2, 3))
	gone := c
	gone.kind = linkTakenBack
	if got := l.ProfileSupposing(someone(1), 1, []Change{gone, c, gone, gone, c}); len(got) != 3 {
		t.Errorf("supposed %d aliases, want 3", len(got))
	}
	if got := l.Profile(someone(3), 1); len(got) != 1 {
		t.Errorf("a supposed link stayed: %v", got)
	}
}

func rebuiltLink(a, b int) *event.Event {
	x, y := someone(a), someone(b)
	return &event.Event{Alias: x[:], Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: y[:]}}}
}

func BenchmarkLinksStand(b *testing.B) {
	l := NewLinks()
	for i := range 100_000 {
		l.Add(uint64(i+1), rebuiltLink(i%90_000, (i*7919)%90_000))
	}
	cut := uint64(0)
	for b.Loop() {
		cut = (cut + 9_973) % 100_000
		l.stand(cut)
	}
}
