package decider_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Whatever is noted of where people are named, and however it lies in envelopes: the same is read of them.
func TestTracesReadWhatIsNotNotedYet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := decidertest.NewLog(2)
		names := []string{"ann", "bob", "cid", "dan", "eve"}
		for range rapid.IntRange(1, 60).Draw(rt, "envelopes") {
			var events []*event.Event
			for range rapid.IntRange(1, 3).Draw(rt, "events") {
				one, other := rapid.SampledFrom(names).Draw(rt, "one"), rapid.SampledFrom(names).Draw(rt, "other")
				events = append(events, rapid.SampledFrom([]*event.Event{
					decidertest.Linked(one, other, noon), decidertest.Linked(one, other, noon), decidertest.Unlinked(one, other, noon),
					decidertest.Marked(one, event.AliasMarked_MARK_SHARED, noon), decidertest.Marked(one, event.AliasMarked_MARK_NONE, noon),
				}).Draw(rt, "event"))
			}
			if _, err := log.Append(t.Context(), domain.Lane{Stream: domain.Identity}, events...); err != nil {
				rt.Fatal(err)
			}
		}
		last, err := log.Last(t.Context(), domain.Identity)
		if err != nil {
			rt.Fatal(err)
		}
		cut, noted := rapid.Uint64Range(0, last).Draw(rt, "cut"), decidertest.NewPlaces(log)
		noted.To = rapid.Uint64Range(0, last).Draw(rt, "noted")
		all, some := decider.NewTraces(log, decidertest.NewPlaces(log)), decider.NewTraces(log, noted)
		who := they(rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(rt, "who")...)
		reading := func(traces *decider.Traces) (of []domain.Recorded, known string) {
			of, err := traces.Of(t.Context(), who, cut)
			if err != nil {
				rt.Fatal(err)
			}
			around, err := traces.Around(t.Context(), decidertest.Named("ann"), true, cut)
			if err != nil {
				rt.Fatal(err)
			}
			graph := identity.NewGraph()
			for _, r := range around {
				graph.Apply(r)
			}
			ann := decidertest.Named("ann")
			return of, fmt.Sprint(graph.Aliases(ann), graph.Mark(ann), graph.Edges(ann), graph.Households(ann))
		}
		wantOf, wantAround := reading(all)
		gotOf, gotAround := reading(some)
		if diff := cmp.Diff(wantOf, gotOf, protocmp.Transform()); diff != "" {
			rt.Fatalf("what is said of them (-all noted +noted to %d):\n%s", noted.To, diff)
		}
		if gotAround != wantAround {
			rt.Fatalf("who is one person, noted to %d: %s, want %s", noted.To, gotAround, wantAround)
		}
	})
}
