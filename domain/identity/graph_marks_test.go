package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

func markedAt(sequence uint64, a domain.Alias, mark identity.Mark) domain.Recorded {
	return domain.Recorded{
		At:    domain.Position{Sequence: sequence},
		Event: markedBy(identity.RuleOperator, identity.Named{Alias: a}, mark),
	}
}

// effective is the oracle's multiset without the links that marks hold.
func (o oracle) effective(marks map[int]identity.Mark) oracle {
	left := oracle{}
	for p, n := range o {
		if n > 0 && marks[p[0]] == identity.Unmarked && marks[p[1]] == identity.Unmarked {
			left[p] = n
		}
	}
	return left
}

func TestMarksHoldAndReleaseLinksAtEveryPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		aliases := rapid.IntRange(2, 10).Draw(t, "aliases")
		g, o, marks := identity.NewGraph(), oracle{}, map[int]identity.Mark{}
		for sequence := range rapid.IntRange(1, 60).Draw(t, "events") {
			a, b := rapid.IntRange(0, aliases-1).Draw(t, "a"), rapid.IntRange(0, aliases-1).Draw(t, "b")
			at := uint64(sequence + 1)
			switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
			case kind < 5:
				g.Apply(linkedAt(at, alias(a), alias(b)))
				if a != b {
					o[pair(a, b)]++
				}
			case kind < 7:
				g.Apply(unlinkedAt(at, alias(a), alias(b)))
				o[pair(a, b)] = max(o[pair(a, b)]-1, 0)
			default:
				marks[a] = rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark")
				g.Apply(markedAt(at, alias(a), marks[a]))
			}
			checkMarked(t, g, o, marks, aliases)
		}
	})
}

func checkMarked(t *rapid.T, g *identity.Graph, o oracle, marks map[int]identity.Mark, aliases int) {
	left := o.effective(marks)
	for n := range aliases {
		component := left.component(n)
		want := make([]domain.Alias, len(component))
		for i, m := range component {
			want[i] = alias(m)
		}
		if diff := cmp.Diff(want, g.Aliases(alias(n))); diff != "" {
			t.Fatalf("aliases of %d:\n%s", n, diff)
		}
		if g.Profile(alias(n)) != want[0] || g.Mark(alias(n)) != marks[n] {
			t.Fatalf("profile or mark of %d is wrong", n)
		}
		var edges []identity.Edge
		for m := range aliases {
			if links := o[pair(n, m)]; links > 0 {
				edges = append(edges, identity.Edge{Other: alias(m), Links: links, Joins: left[pair(n, m)] > 0})
			}
			checkPath(t, g, left, n, m)
		}
		if diff := cmp.Diff(edges, g.Edges(alias(n))); diff != "" {
			t.Fatalf("edges of %d:\n%s", n, diff)
		}
	}
}

// checkPath checks that a path is one, and as short as a walk in rings finds it.
func checkPath(t *rapid.T, g *identity.Graph, left oracle, n, m int) {
	path := g.Path(alias(n), alias(m))
	distance, ring, seen := 1, []int{n}, []int{n}
	for ; !slices.Contains(seen, m) && len(ring) > 0; distance++ {
		var next []int
		for p, links := range left {
			for side := range p {
				if links > 0 && slices.Contains(ring, p[side]) && !slices.Contains(seen, p[1-side]) {
					next, seen = append(next, p[1-side]), append(seen, p[1-side])
				}
			}
		}
		ring = next
	}
	if !slices.Contains(seen, m) {
		if path != nil {
			t.Fatalf("a path from %d to %d where there is none", n, m)
		}
		return
	}
	if len(path) != distance || path[0] != alias(n) || path[len(path)-1] != alias(m) {
		t.Fatalf("path from %d to %d has %d aliases, want %d", n, m, len(path), distance)
	}
	for i := 1; i < len(path); i++ {
		if !slices.ContainsFunc(g.Edges(path[i-1]), func(e identity.Edge) bool { return e.Joins && e.Other == path[i] }) {
			t.Fatal("a path over a link that does not count")
		}
	}
}

func TestHouseholdsAreASecondLevel(t *testing.T) {
	t.Parallel()
	g := folded(
		linkedAt(1, alias(1), alias(2)), linkedAt(2, alias(2), alias(9)), // a person with the device 9
		linkedAt(3, alias(3), alias(9)), linkedAt(4, alias(4), alias(8)), linkedAt(5, alias(3), alias(8)),
		linkedAt(6, alias(8), alias(9)), linkedAt(7, alias(5), alias(9)),
		markedAt(8, alias(9), identity.Shared), markedAt(9, alias(8), identity.Shared), markedAt(10, alias(5), identity.Blocked),
	)
	want := []identity.Household{
		{Shared: alias(8), Profiles: []domain.Alias{alias(3), alias(4)}},
		{Shared: alias(9), Profiles: []domain.Alias{alias(1), alias(3)}},
	}
	if diff := cmp.Diff(want, g.Households(alias(3))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], g.Households(alias(1))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:1], g.Households(alias(8))); diff != "" {
		t.Error(diff)
	}
	if g.Households(alias(5)) != nil || g.Households(alias(77)) != nil {
		t.Error("a blocked or unknown alias has households")
	}
}

// A million links on one node: each operation stays cheap, also marking the node, taking links back and lifting.
func TestAHostileHubTakesBoundedTime(t *testing.T) {
	if testing.Short() {
		t.Skip("a million links")
	}
	const links = 1_000_000
	list := manyAliases(links + 1)
	g, sequence := identity.NewGraph(), uint64(0)
	apply := func(r domain.Recorded) {
		sequence++
		r.At.Sequence = sequence
		g.Apply(r)
	}
	start := time.Now()
	hub := list[links]
	for _, a := range list[:links] {
		apply(linkedAt(0, hub, a))
		apply(linkedAt(0, a, a))
	}
	if g.Size(hub) != links+1 || g.Profile(hub) != list[0] {
		t.Fatal("the hub does not join")
	}
	for i := range 1000 {
		apply(unlinkedAt(0, list[links-1-i], hub))
	}
	apply(markedAt(0, hub, identity.Shared))
	if g.Merged() != 0 {
		t.Fatal("a marked hub joins")
	}
	apply(markedAt(0, hub, identity.Unmarked))
	if g.Size(hub) != links+1-1000 {
		t.Fatal("the links were not released")
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// A hub that claims reach is capped: a million claims on one identifier leave one profile of the cap's size.
func TestAHostileHubOfClaimsIsCapped(t *testing.T) {
	t.Parallel()
	const claims = 20_000
	r := identity.NewRegister()
	guards, _ := r.Guards()
	hub := named(identity.OpenID, 0)
	list := manyAliases(claims)
	for i, a := range list {
		admission := r.Admit(identity.Claim{
			Named: []identity.Named{hub, {Alias: a, Type: "card"}}, Rule: identity.RuleIdentify, AtMS: int64(i), Posterior: 1,
		})
		stamp := identity.Stamp{ID: func(identity.Part) []byte { return a[:] }}
		for _, e := range admission.Events(stamp) {
			r.Apply(domain.Recorded{At: domain.Position{Sequence: uint64(i + 1)}, Event: e})
		}
	}
	if r.Graph().Size(hub.Alias) != guards.ProfileMost() || r.WithheldBy(identity.GuardTooLarge) != claims-guards.ProfileMost()+1 {
		t.Errorf("size %d, too large %d", r.Graph().Size(hub.Alias), r.WithheldBy(identity.GuardTooLarge))
	}
}
