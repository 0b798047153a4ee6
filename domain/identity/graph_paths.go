package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Edge is what links an alias to another directly.
type Edge struct {
	Other domain.Alias
	// Links is how many active links there are.
	Links int
	// Joins is false when one of the two is marked: then the links count for nobody.
	Joins bool
}

// Edges are the direct active links of an alias, by the other end, ascending.
func (g *Graph) Edges(a domain.Alias) []Edge {
	n, known := g.index[a]
	if !known {
		return nil
	}
	var edges []Edge
	for i, head := range [2]int32{g.nodes[n].edges, g.nodes[n].held} {
		for e := head; e != none; e = g.edges.half[e].next {
			edges = append(edges, Edge{
				Other: g.nodes[g.edges.half[e].to].alias, Links: int(g.edges.count[e>>1]), Joins: i == 0,
			})
		}
	}
	slices.SortFunc(edges, func(x, y Edge) int { return x.Other.Compare(y.Other) })
	return edges
}

// Path is a shortest way from one alias to the other over effective links, both included; nil if there is none. Of
// several it is the one whose aliases are the earliest, whatever the order in which the links came.
func (g *Graph) Path(a, b domain.Alias) []domain.Alias {
	if a == b {
		return []domain.Alias{a}
	}
	if !g.Linked(a, b) {
		return nil
	}
	start, end := g.index[a], g.index[b]
	left := g.distances(end, start)
	path := []domain.Alias{a}
	for n := start; n != end; {
		next := int32(none)
		for e := g.nodes[n].edges; e != none; e = g.edges.half[e].next {
			to := g.edges.half[e].to
			if d, met := left[to]; met && d == left[n]-1 && (next == none || g.earlier(next, to) == to) {
				next = to
			}
		}
		path = append(path, g.nodes[next].alias)
		n = next
	}
	return path
}

// distances is how many links lie between a node and each other that is not farther than target.
func (g *Graph) distances(from, target int32) map[int32]int {
	away := map[int32]int{from: 0}
	for queue := []int32{from}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if n == target {
			break
		}
		for e := g.nodes[n].edges; e != none; e = g.edges.half[e].next {
			to := g.edges.half[e].to
			if _, met := away[to]; !met {
				away[to] = away[n] + 1
				queue = append(queue, to)
			}
		}
	}
	return away
}

// Household is an identifier that several people share, and their profiles, ascending.
type Household struct {
	Shared   domain.Alias
	Profiles []domain.Alias
}

// Households are the shared identifiers of the alias's profile, ascending; of a shared alias, its own.
func (g *Graph) Households(a domain.Alias) []Household {
	start, known := g.index[a]
	if !known {
		return nil
	}
	if g.nodes[start].mark == Shared {
		return []Household{g.household(start)}
	}
	found := map[int32]bool{}
	var list []Household
	for member := range g.ring(start) {
		for e := g.nodes[member].held; e != none; e = g.edges.half[e].next {
			if to := g.edges.half[e].to; g.nodes[to].mark == Shared && g.nodes[member].mark == Unmarked && !found[to] {
				found[to] = true
				list = append(list, g.household(to))
			}
		}
	}
	slices.SortFunc(list, func(x, y Household) int { return x.Shared.Compare(y.Shared) })
	return list
}

func (g *Graph) household(shared int32) Household {
	h := Household{Shared: g.nodes[shared].alias}
	for e := g.nodes[shared].held; e != none; e = g.edges.half[e].next {
		if n := g.edges.half[e].to; g.nodes[n].mark == Unmarked {
			h.Profiles = append(h.Profiles, g.nodes[g.parts[g.nodes[n].component].earliest].alias)
		}
	}
	slices.SortFunc(h.Profiles, domain.Alias.Compare)
	h.Profiles = slices.Compact(h.Profiles)
	return h
}
