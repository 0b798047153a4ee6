package identity_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// Whatever is said of a few aliases, a trail has the bare facts of all that changes the graph, in order, and a fold of it is the
// graph.
func TestATrailHasTheBareFacts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var trail identity.Trail
		var places identity.Places
		graph, all := identity.NewGraph(), []domain.Alias{}
		for n := range 5 {
			all = append(all, alias(n))
		}
		var said []domain.Recorded
		at := domain.Position{Sequence: 1}
		for range rapid.IntRange(0, 80).Draw(t, "events") {
			if rapid.Bool().Draw(t, "another envelope") {
				at = domain.Position{Sequence: at.Sequence + 1}
			}
			a, b := rapid.SampledFrom(all).Draw(t, "a"), rapid.SampledFrom(all).Draw(t, "b")
			mark := rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark")
			r := rapid.SampledFrom([]domain.Recorded{linkedAt(0, a, b), linkedAt(0, a, b), unlinkedAt(0, a, b), markedAt(0, a, mark)}).Draw(t, "event")
			at.Index++
			r.At = at
			graph.Apply(r)
			trail.Observe(graph, r)
			places.Observe(r)
			said = append(said, r)
		}
		cut := rapid.Uint64Range(0, at.Sequence).Draw(t, "cut")
		who := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[domain.Alias]).Draw(t, "who")

		want, got := identity.NewGraph(), identity.NewGraph()
		for _, r := range said {
			if r.At.Sequence <= cut {
				want.Apply(r)
			}
		}
		for _, r := range trail.Of(graph, all, places.Of(all, cut), false) {
			got.Apply(r)
		}
		for _, a := range all {
			if w, g := stateOf(want, a), stateOf(got, a); w != g {
				t.Fatalf("as of %d: got %s, want %s", cut, g, w)
			}
		}
		named := trail.Of(graph, who, places.Of(who, cut), false)
		for _, r := range trail.Of(graph, all, places.Of(all, cut), false) {
			a, _ := domain.AliasFromBytes(r.Event.GetAlias())
			b, _ := domain.AliasFromBytes(identity.OtherEnd(r.Event))
			if (slices.Contains(who, a) || slices.Contains(who, b)) != slices.ContainsFunc(named, func(n domain.Recorded) bool { return n.At == r.At }) {
				t.Fatalf("%v is missing, or not about them", r)
			}
		}
		for _, r := range trail.Of(graph, all, places.Marks(all, cut), true) {
			if r.Event.GetAliasMarked() == nil {
				t.Fatalf("%v is no mark", r)
			}
		}
	})
}

func stateOf(g *identity.Graph, a domain.Alias) string {
	return fmt.Sprint(g.Aliases(a), g.Mark(a), g.Households(a), g.Type(a))
}
