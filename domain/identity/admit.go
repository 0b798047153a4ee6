package identity

import (
	"cmp"
	"iter"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Admit says what the guards make of a claim. It changes nothing.
//
// Blocked identifiers are left out. Shared ones, and those that the claim makes shared, get household links. The rest
// is one person unless a guard forbids it: then the weakest identifier is left out, withheld against the strongest,
// and the rest is tried again. What is linked or withheld already yields nothing, so that repetition adds nothing to
// the log.
func (r *Register) Admit(c Claim) Admission {
	t := trial{r: r, claim: c}
	t.sort()
	t.share()
	t.demote()
	t.household()
	return t.out
}

// trial is one claim on its way through the guards.
type trial struct {
	r     *Register
	claim Claim
	out   Admission
	// persons are the named that may join, strongest first; shared the others.
	persons, shared []Named
	// aside are the nodes that this claim marks: they join nobody from here on.
	aside map[int32]bool
}

// sort orders the named by strength and tells shared ones from the rest. Blocked ones and repetitions are left out.
func (t *trial) sort() {
	named := make([]Named, 0, len(t.claim.Named))
	for _, n := range t.claim.Named {
		same := func(other Named) bool { return other.Alias == n.Alias }
		if !n.Alias.IsZero() && t.r.graph.Mark(n.Alias) != Blocked && !slices.ContainsFunc(named, same) {
			named = append(named, n)
		}
	}
	guards := t.r.guards.guards
	slices.SortStableFunc(named, func(x, y Named) int {
		if x.Type == y.Type {
			return 0
		}
		return cmp.Or(cmp.Compare(guards.Rank(x.Type), guards.Rank(y.Type)), cmp.Compare(x.Type, y.Type))
	})
	t.persons = named[:0]
	for _, n := range named {
		if t.r.graph.Mark(n.Alias) == Shared {
			t.shared = append(t.shared, n)
		} else {
			t.persons = append(t.persons, n)
		}
	}
}

// share marks the named that are now seen with too many people, the weakest first.
func (t *trial) share() {
	for i := len(t.persons) - 1; i >= 0 && len(t.persons) > 1; i-- {
		x := t.persons[i]
		most := t.r.guards.guards.SharedAbove(x.Type)
		if most == 0 || !t.crowded(x, most) {
			continue
		}
		t.out.Marks = append(t.out.Marks, Marking{Named: x, Mark: Shared, Reason: "seen with more people than shared_above"})
		t.persons = slices.Delete(t.persons, i, i+1)
		t.shared = append(t.shared, x)
		if n, known := t.r.graph.index[x.Alias]; known {
			if t.aside == nil {
				t.aside = map[int32]bool{}
			}
			t.aside[n] = true
		}
	}
}

// crowded says whether an alias would be claimed for more people than most.
func (t *trial) crowded(x Named, most int) bool {
	if t.r.marks[x.Alias] != nil {
		return false // an operator lifted its mark
	}
	fresh := t.persons[:1] // the strongest, whom the others would be linked to
	if x.Alias == t.persons[0].Alias {
		fresh = t.persons[1:]
	}
	neighbours := t.r.neighbours(x.Alias)
	claimed := len(neighbours)
	for _, n := range fresh {
		same := func(known Named) bool { return known.Alias == n.Alias }
		if !t.r.graph.Linked(n.Alias, x.Alias) && !slices.ContainsFunc(neighbours[:claimed], same) {
			neighbours = append(neighbours, n)
		}
	}
	if len(neighbours) == claimed || len(neighbours) <= most {
		return false
	}
	return t.people(x, neighbours, most) > most
}

// neighbours are the aliases that claims, made or withheld, put beside an alias; marked ones mean no person.
func (r *Register) neighbours(a domain.Alias) []Named {
	g := r.graph
	var list []Named
	if n, known := g.index[a]; known {
		for e := g.nodes[n].edges; e != none; e = g.edges.half[e].next {
			to := g.nodes[g.edges.half[e].to]
			list = append(list, Named{Alias: to.alias, Type: g.types.names[to.kind]})
		}
	}
	for other, s := range r.said[a] {
		if s.withheld == nil || g.Mark(other) != Unmarked {
			continue
		}
		if s.withheld.First.Alias == other {
			list = append(list, s.withheld.First)
		} else {
			list = append(list, s.withheld.Second)
		}
	}
	return list
}

// people counts the distinct persons among neighbours of an alias when it, and the nodes aside, are taken out of the
// graph: the components that hold an identifier stronger than it. Weaker ones, as the many cookies beside one e-mail
// address, tell nobody apart. It stops once there are more than most.
func (t *trial) people(of Named, neighbours []Named, most int) int {
	g, out := t.r.graph, map[int32]bool{}
	stronger := func(kind string) bool { return t.r.guards.guards.Rank(kind) < t.r.guards.guards.Rank(of.Type) }
	home := int32(none)
	if n, known := g.index[of.Alias]; known {
		out[n], home = true, g.nodes[n].component
	}
	for n := range t.aside {
		out[n] = true
	}
	count, elsewhere := 0, map[int32]bool{}
	for _, neighbour := range neighbours {
		n, known := g.index[neighbour.Alias]
		var person iter.Seq[int32]
		switch {
		case !known: // alone
		case out[n] || elsewhere[g.nodes[n].component]:
			continue // the person of an earlier neighbour
		case g.nodes[n].component != home && len(t.aside) == 0:
			elsewhere[g.nodes[n].component] = true
			person = g.ring(n)
		default:
			person = slices.Values(g.reach(n, out))
		}
		if stronger(neighbour.Type) || person != nil && g.holds(person, stronger) {
			count++
		}
		if count > most {
			break
		}
	}
	return count
}

// holds says whether a node has a type of that kind.
func (g *Graph) holds(nodes iter.Seq[int32], kind func(string) bool) bool {
	for n := range nodes {
		if kind(g.types.names[g.nodes[n].kind]) {
			return true
		}
	}
	return false
}

// reach adds a node and all that its effective links reach without the nodes in out to out, and returns them.
func (g *Graph) reach(start int32, out map[int32]bool) []int32 {
	out[start] = true
	reached := []int32{start}
	for i := 0; i < len(reached); i++ {
		for e := g.nodes[reached[i]].edges; e != none; e = g.edges.half[e].next {
			if to := g.edges.half[e].to; !out[to] {
				out[to] = true
				reached = append(reached, to)
			}
		}
	}
	return reached
}

// demote leaves the weakest out until no guard forbids that the rest is one person, and links the rest.
func (t *trial) demote() {
	if len(t.persons) == 0 {
		return
	}
	parts := t.parts()
	kept := len(t.persons)
	for kept > 1 {
		guard, kind := t.forbidden(parts, kept)
		if guard == "" {
			break
		}
		kept--
		if parts.of[kept] != parts.of[0] {
			t.withhold(t.persons[kept], guard, kind)
		}
	}
	t.out.Who = t.persons[0]
	for i := 1; i < kept; i++ {
		if parts.of[i] != parts.of[0] {
			t.out.Links = append(t.out.Links, t.link(t.persons[0], t.persons[i]))
		}
	}
}

func (t *trial) link(first, second Named) Link {
	return Link{
		First: first, Second: second, Rule: t.claim.Rule, Posterior: t.claim.Posterior, Evidence: t.claim.Evidence,
	}
}

func (t *trial) withhold(weak Named, guard, kind string) {
	strong := t.persons[0]
	if s := t.r.said[strong.Alias][weak.Alias]; s != nil && s.withheld != nil &&
		s.withheld.Guard == guard && s.withheld.GuardType == kind {
		return
	}
	l := t.link(strong, weak)
	l.Guard, l.GuardType = guard, kind
	t.out.Withheld = append(t.out.Withheld, l)
}

// household links shared identifiers to the person, or to the strongest of them when nobody else is named, and admits
// what was withheld on them before.
func (t *trial) household() {
	if len(t.persons) == 0 && len(t.shared) > 0 {
		t.out.Who = t.shared[0]
	}
	for _, s := range t.shared {
		before := len(t.out.Links)
		t.release(s)
		who := t.out.Who
		if who.Alias == s.Alias || t.r.graph.Links(who.Alias, s.Alias) > 0 {
			continue
		}
		same := func(l Link) bool { return l.First.Alias == who.Alias || l.Second.Alias == who.Alias }
		if !slices.ContainsFunc(t.out.Links[before:], same) {
			t.out.Links = append(t.out.Links, t.link(who, s))
		}
	}
}

// release makes links of the claims that were withheld on a shared alias, in the order of their ends.
func (t *trial) release(shared Named) {
	from := len(t.out.Links)
	for other, s := range t.r.said[shared.Alias] {
		if s.withheld == nil || t.released(other, shared.Alias) {
			continue
		}
		l := s.withheld.Link
		l.Rule, l.Guard, l.GuardType, l.OccurredMS, l.ReceivedMS = RuleGuards, "", "", 0, 0
		t.out.Links = append(t.out.Links, l)
	}
	slices.SortFunc(t.out.Links[from:], func(x, y Link) int {
		return cmp.Or(x.First.Alias.Compare(y.First.Alias), x.Second.Alias.Compare(y.Second.Alias))
	})
}

// released says whether a claim on a shared alias was released from its other end already, which is shared too.
func (t *trial) released(other, shared domain.Alias) bool {
	for _, s := range t.shared {
		if s.Alias == shared {
			return false
		}
		if s.Alias == other {
			return true
		}
	}
	return false
}
