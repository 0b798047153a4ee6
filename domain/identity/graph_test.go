package identity_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func alias(n int) domain.Alias {
	return domain.NewAlias(time.UnixMilli(int64(n+1)), [10]byte{9: byte(n)})
}

func linkedAt(sequence uint64, a, b domain.Alias) domain.Recorded {
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: &event.Event{
		Alias: a[:], AliasType: "user_id",
		Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:], OtherType: "device"}},
	}}
}

func unlinkedAt(sequence uint64, a, b domain.Alias) domain.Recorded {
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: &event.Event{
		Alias: a[:], Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:]}},
	}}
}

func folded(events ...domain.Recorded) *identity.Graph {
	g := identity.NewGraph()
	for _, r := range events {
		g.Apply(r)
	}
	return g
}

func TestAnUnlinkedAliasIsItsOwnProfile(t *testing.T) {
	t.Parallel()
	g := identity.NewGraph()
	if got := g.Profile(alias(3)); got != alias(3) {
		t.Errorf("profile = %v", got)
	}
	if diff := cmp.Diff([]domain.Alias{alias(3)}, g.Aliases(alias(3))); diff != "" {
		t.Error(diff)
	}
	if g.Linked(alias(1), alias(2)) || !g.Linked(alias(1), alias(1)) || g.Merged() != 0 || g.Size(alias(1)) != 1 {
		t.Error("an empty graph links aliases")
	}
}

func TestTheEarliestAliasIsTheProfile(t *testing.T) {
	t.Parallel()
	g := folded(linkedAt(1, alias(5), alias(9)), linkedAt(2, alias(9), alias(2)), linkedAt(3, alias(7), alias(8)))
	if got := g.Profile(alias(5)); got != alias(2) {
		t.Errorf("profile = %v, want the second alias", got)
	}
	if diff := cmp.Diff([]domain.Alias{alias(2), alias(5), alias(9)}, g.Aliases(alias(9))); diff != "" {
		t.Error(diff)
	}
	if g.Linked(alias(5), alias(7)) || !g.Linked(alias(5), alias(2)) || g.Merged() != 3 {
		t.Errorf("components are wrong: merged %d", g.Merged())
	}
}

func TestUnlinkingTheEarliestAliasSplits(t *testing.T) {
	t.Parallel()
	g := folded(linkedAt(1, alias(1), alias(2)), linkedAt(2, alias(2), alias(3)), unlinkedAt(3, alias(2), alias(1)))
	if got := g.Profile(alias(3)); got != alias(2) {
		t.Errorf("the rest's profile = %v, want its own earliest", got)
	}
	if got := g.Profile(alias(1)); got != alias(1) {
		t.Errorf("the split alias's profile = %v", got)
	}
}

func TestParallelLinksHoldUntilTheLastIsTakenBack(t *testing.T) {
	t.Parallel()
	g := folded(linkedAt(1, alias(1), alias(2)), linkedAt(2, alias(2), alias(1)), unlinkedAt(3, alias(1), alias(2)))
	if !g.Linked(alias(1), alias(2)) || g.Links(alias(2), alias(1)) != 1 {
		t.Error("one of two links was taken back, and both are gone")
	}
	g.Apply(unlinkedAt(4, alias(1), alias(2)))
	if g.Linked(alias(1), alias(2)) || g.Links(alias(2), alias(1)) != 0 {
		t.Error("both links were taken back, and one is left")
	}
}

func TestARedeliveredEventIsIgnored(t *testing.T) {
	t.Parallel()
	link := linkedAt(1, alias(1), alias(2))
	g := folded(link, link, link, unlinkedAt(2, alias(1), alias(2)))
	if g.Linked(alias(1), alias(2)) || g.Applied() != 2 {
		t.Errorf("a redelivered link counted again; applied %d", g.Applied())
	}
}

func TestEventsThatAreNoLinksOnlyMoveApplied(t *testing.T) {
	t.Parallel()
	a, self := alias(1), alias(1)
	g := folded(
		domain.Recorded{At: domain.Position{Sequence: 1}, Event: &event.Event{Alias: a[:],
			Body: &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{}}}},
		domain.Recorded{At: domain.Position{Sequence: 2}, Event: &event.Event{Alias: a[:3],
			Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: a[:]}}}},
		linkedAt(3, a, self),
		unlinkedAt(4, alias(1), alias(2)),
	)
	if g.Applied() != 4 || g.Merged() != 0 {
		t.Errorf("applied %d, merged %d", g.Applied(), g.Merged())
	}
}

func TestMirrorTellsTheOtherEnd(t *testing.T) {
	t.Parallel()
	r := linkedAt(7, alias(1), alias(2))
	m, ok := identity.Mirror(r)
	other := alias(2)
	if !ok || m.At != r.At || string(m.Event.GetAlias()) != string(other[:]) || m.Event.GetAliasType() != "device" {
		t.Errorf("mirror = %v, %v", m, ok)
	}
	back, ok := identity.Mirror(m)
	if !ok || string(back.Event.GetAlias()) != string(r.Event.GetAlias()) || back.Event.GetAliasType() != "user_id" {
		t.Errorf("mirror of the mirror = %v, %v", back, ok)
	}
	if _, ok := identity.Mirror(domain.Recorded{Event: &event.Event{}}); ok {
		t.Error("an event about one alias has a mirror")
	}
}

// oracle rebuilds the components from the active links by itself.
type oracle map[[2]int]int

func pair(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

func (o oracle) component(start int) []int {
	found := []int{start}
	for i := 0; i < len(found); i++ {
		for p, n := range o {
			for side := range p {
				if n > 0 && p[side] == found[i] && !slices.Contains(found, p[1-side]) {
					found = append(found, p[1-side])
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestGraphIsTheComponentsOfTheActiveLinksAtEveryPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		aliases := rapid.IntRange(2, 14).Draw(t, "aliases")
		g, o := identity.NewGraph(), oracle{}
		for sequence := range rapid.IntRange(1, 60).Draw(t, "events") {
			a, b := rapid.IntRange(0, aliases-1).Draw(t, "a"), rapid.IntRange(0, aliases-1).Draw(t, "b")
			if rapid.IntRange(0, 9).Draw(t, "kind") < 6 {
				g.Apply(linkedAt(uint64(sequence+1), alias(a), alias(b)))
				if a != b {
					o[pair(a, b)]++
				}
			} else {
				g.Apply(unlinkedAt(uint64(sequence+1), alias(a), alias(b)))
				o[pair(a, b)] = max(o[pair(a, b)]-1, 0)
			}
			check(t, g, o, aliases)
		}
	})
}

func check(t *rapid.T, g *identity.Graph, o oracle, aliases int) {
	merged := 0
	for n := range aliases {
		component := o.component(n)
		if component[0] != n {
			merged++
		}
		want := make([]domain.Alias, len(component))
		for i, m := range component {
			want[i] = alias(m)
		}
		if diff := cmp.Diff(want, g.Aliases(alias(n))); diff != "" {
			t.Fatalf("aliases of %d:\n%s", n, diff)
		}
		if g.Profile(alias(n)) != want[0] || g.Size(alias(n)) != len(want) {
			t.Fatalf("profile or size of %d is wrong", n)
		}
		for m := range aliases {
			if g.Linked(alias(n), alias(m)) != slices.Contains(component, m) {
				t.Fatalf("Linked(%d, %d) is wrong", n, m)
			}
			if n != m && g.Links(alias(n), alias(m)) != o[pair(n, m)] {
				t.Fatalf("Links(%d, %d) = %d, want %d", n, m, g.Links(alias(n), alias(m)), o[pair(n, m)])
			}
		}
	}
	if g.Merged() != merged {
		t.Fatalf("merged = %d, want %d", g.Merged(), merged)
	}
}

func TestLinkThenUnlinkLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := identity.NewGraph(), identity.NewGraph()
		sequence := uint64(0)
		for range rapid.IntRange(0, 30).Draw(t, "links") {
			sequence++
			r := linkedAt(sequence, alias(rapid.IntRange(0, 12).Draw(t, "a")), alias(rapid.IntRange(0, 12).Draw(t, "b")))
			before.Apply(r)
			after.Apply(r)
		}
		a, b := alias(rapid.IntRange(0, 14).Draw(t, "a")), alias(rapid.IntRange(0, 14).Draw(t, "b"))
		after.Apply(linkedAt(sequence+1, a, b))
		after.Apply(unlinkedAt(sequence+2, a, b))
		for n := range 15 {
			if diff := cmp.Diff(before.Aliases(alias(n)), after.Aliases(alias(n))); diff != "" {
				t.Fatalf("aliases of %d:\n%s", n, diff)
			}
		}
	})
}

func manyAliases(n int) []domain.Alias {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]domain.Alias, n)
	for i := range list {
		var b [10]byte
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		list[i] = domain.NewAlias(time.UnixMilli(int64(i)), b)
	}
	return list
}

// BenchmarkLink links 714,000 pairs among a million aliases.
func BenchmarkLink(b *testing.B) {
	const aliases, links = 1_000_000, 714_000
	list := manyAliases(aliases)
	random := rand.New(rand.NewPCG(3, 4))
	events := make([]domain.Recorded, links)
	for i := range events {
		events[i] = linkedAt(uint64(i+1), list[random.IntN(aliases)], list[random.IntN(aliases)])
	}
	b.ReportAllocs()
	for b.Loop() {
		folded(events...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*links), "ns/link")
}

// BenchmarkUnlink takes a link out of a component of 1,000 and puts it back.
func BenchmarkUnlink(b *testing.B) {
	const size = 1_000
	list := manyAliases(size)
	random := rand.New(rand.NewPCG(5, 6))
	g := identity.NewGraph()
	sequence := uint64(0)
	ends := make([][2]domain.Alias, 0, size)
	for i := 1; i < size; i++ {
		ends = append(ends, [2]domain.Alias{list[i], list[random.IntN(i)]})
	}
	for _, e := range ends {
		sequence++
		g.Apply(linkedAt(sequence, e[0], e[1]))
	}
	for b.Loop() {
		e := ends[random.IntN(len(ends))]
		g.Apply(unlinkedAt(sequence+1, e[0], e[1]))
		g.Apply(linkedAt(sequence+2, e[0], e[1]))
		sequence += 2
	}
}
