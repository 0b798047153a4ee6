package identity

import (
	"iter"
	"maps"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// parts are the profiles that a claim would make one: the present profiles of the persons it names, without the
// identifiers that the claim itself marks.
type parts struct {
	// of is the number of each person's part.
	of   []int
	list []onePart
	// lone are the named persons whose type the graph does not know, with their parts: they count by the claim's.
	lone []lone
}

// onePart is one profile. Where the claim marks identifiers, reached are its nodes without them; otherwise they are
// the ring of start. An alias without a node is alone.
type onePart struct {
	start   int32 // none without a node
	reached []int32
	size    int
	alone   domain.Alias
}

type lone struct {
	Named
	part int
}

func (t *trial) parts() parts {
	g := t.r.graph
	p := parts{of: make([]int, len(t.persons)), list: make([]onePart, 0, len(t.persons))}
	out := maps.Clone(t.aside)
	for i, person := range t.persons {
		n, known := g.index[person.Alias]
		p.of[i] = len(p.list)
		switch {
		case !known:
			p.list = append(p.list, onePart{start: none, size: 1, alone: person.Alias})
		case p.joins(g, n, i):
		case len(t.aside) > 0:
			reached := g.reach(n, out)
			p.list = append(p.list, onePart{start: n, reached: reached, size: len(reached)})
		default:
			p.list = append(p.list, onePart{start: n, size: int(g.parts[g.nodes[n].component].size)})
		}
		if !known || g.nodes[n].kind == 0 {
			p.lone = append(p.lone, lone{person, p.of[i]})
		}
	}
	return p
}

// joins says whether a node is in a part that is known already, and gives it that part's number.
func (p *parts) joins(g *Graph, n int32, person int) bool {
	for i := range p.list {
		known := &p.list[i]
		if known.start == none || g.nodes[known.start].component != g.nodes[n].component {
			continue
		}
		if known.reached == nil || slices.Contains(known.reached, n) {
			p.of[person] = i
			return true
		}
	}
	return false
}

// nodes walks the nodes of a part.
func (t *trial) nodes(part *onePart) iter.Seq[int32] {
	switch {
	case part.start == none:
		return func(func(int32) bool) {}
	case part.reached != nil:
		return slices.Values(part.reached)
	}
	return t.r.graph.ring(part.start)
}

// union are the numbers of the parts of the first persons, each once.
func (p *parts) union(persons int) []int {
	union := make([]int, 0, len(p.list))
	for _, part := range p.of[:persons] {
		if !slices.Contains(union, part) {
			union = append(union, part)
		}
	}
	return union
}

// forbidden is the guard that keeps the first persons from being one, or empty. A bar is named before a limit, and a
// limit before the size.
func (t *trial) forbidden(p parts, persons int) (guard, kind string) {
	union := p.union(persons)
	if len(union) < 2 {
		return "", ""
	}
	if t.barred(p, union) {
		return GuardBarred, ""
	}
	if !Explicit(t.claim.Rule) {
		for _, limit := range t.r.guards.guards.limits {
			if t.exceeded(p, union, limit) {
				return GuardTypeLimit, limit.kind
			}
		}
	}
	size := 0
	for _, part := range union {
		size += p.list[part].size
	}
	if size > t.r.guards.guards.profileMost {
		return GuardTooLarge, ""
	}
	return "", ""
}

// barred says whether two parts hold the two ends of a bar.
func (t *trial) barred(p parts, union []int) bool {
	if len(t.r.bars) == 0 {
		return false
	}
	for _, u := range union {
		for a := range t.aliases(p, u) {
			for b := range t.r.bars[a] {
				for _, v := range union {
					if v != u && t.holds(p, v, b) {
						return true
					}
				}
			}
		}
	}
	return false
}

// aliases walks the aliases of a part.
func (t *trial) aliases(p parts, part int) iter.Seq[domain.Alias] {
	return func(yield func(domain.Alias) bool) {
		one := &p.list[part]
		if one.start == none {
			yield(one.alone)
			return
		}
		for n := range t.nodes(one) {
			if !yield(t.r.graph.nodes[n].alias) {
				return
			}
		}
	}
}

func (t *trial) holds(p parts, part int, a domain.Alias) bool {
	for x := range t.aliases(p, part) {
		if x == a {
			return true
		}
	}
	return false
}

// exceeded says whether the union has more identifiers of a type than it may, and more than each part has already:
// what is broken elsewhere is not held against the claim.
func (t *trial) exceeded(p parts, union []int, limit *typeGuard) bool {
	total, most := 0, 0
	for _, part := range union {
		count := t.count(p, part, limit)
		total, most = total+count, max(most, count)
	}
	return total > limit.most && total > most
}

// count is how many identifiers of a limit's type a part has within the limit's window.
func (t *trial) count(p parts, part int, limit *typeGuard) int {
	g, since, count := t.r.graph, int64(-1), 0
	if limit.windowMS > 0 {
		since = t.claim.AtMS - limit.windowMS
	}
	if kind, known := g.types.numbers[limit.kind]; known {
		for n := range t.nodes(&p.list[part]) {
			if g.nodes[n].kind == kind && firstSeen(g.nodes[n].alias) > since {
				count++
			}
		}
	}
	for _, l := range p.lone {
		if l.part == part && l.Type == limit.kind && firstSeen(l.Alias) > since {
			count++
		}
	}
	return count
}

// firstSeen is when an alias was drawn, in Unix milliseconds: its first 48 bits.
func firstSeen(a domain.Alias) int64 {
	ms := int64(0)
	for _, b := range a[:6] {
		ms = ms<<8 | int64(b)
	}
	return ms
}
