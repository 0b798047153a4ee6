package identity

import "iter"

// ring walks the members of a node's component, beginning with the node.
func (g *Graph) ring(start int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := start; ; {
			if !yield(n) {
				return
			}
			if n = g.nodes[n].after; n == start {
				return
			}
		}
	}
}

// join makes one component of two: the smaller takes the larger's label.
func (g *Graph) join(n, m int32) {
	large, small := g.nodes[n].component, g.nodes[m].component
	if g.parts[large].size < g.parts[small].size {
		large, small, n, m = small, large, m, n
	}
	g.movesOnJoin(n, m)
	for member := range g.ring(m) {
		g.nodes[member].component = large
	}
	g.splice(n, m)
	g.parts[large].size += g.parts[small].size
	g.parts[large].earliest = g.earlier(g.parts[large].earliest, g.parts[small].earliest)
	g.free = append(g.free, small)
	g.merged++
}

// splice makes one ring of two.
func (g *Graph) splice(n, m int32) {
	nextN, nextM := g.nodes[n].after, g.nodes[m].after
	g.nodes[n].after, g.nodes[nextM].before = nextM, n
	g.nodes[m].after, g.nodes[nextN].before = nextN, m
}

// split moves the members of one side into a component of their own. The rest keeps its label.
func (g *Graph) split(side []int32) {
	old := g.nodes[side[0]].component
	was := g.parts[old].earliest
	lost, rest := false, int32(none)
	earliest := side[0]
	id := g.newComponent(component{})
	for _, n := range side {
		lost = lost || was == n
		earliest = g.earlier(earliest, n)
		rest = g.detach(n)
		g.nodes[n].component = id
	}
	for _, n := range side[1:] {
		g.splice(side[0], n)
	}
	g.parts[id] = component{size: int32(len(side)), earliest: earliest}
	g.parts[old].size -= int32(len(side))
	if lost {
		g.parts[old].earliest = rest
		g.marking.elect(g, old)
	}
	g.movesOnSplit(side[0], rest, was, lost)
	g.merged--
}

// elect finds the earliest member of a component anew; any member stands in its place.
func (g *Graph) elect(id int32) {
	earliest := g.parts[id].earliest
	for n := range g.ring(earliest) {
		earliest = g.earlier(earliest, n)
	}
	g.parts[id].earliest = earliest
}

// detach takes a node out of its ring and returns a neighbour that stays in it.
func (g *Graph) detach(n int32) int32 {
	before, after := g.nodes[n].before, g.nodes[n].after
	g.nodes[before].after, g.nodes[after].before = after, before
	g.nodes[n].before, g.nodes[n].after = n, n
	return before
}

func (g *Graph) earlier(n, m int32) int32 {
	if g.nodes[m].alias.Compare(g.nodes[n].alias) < 0 {
		return m
	}
	return n
}

// severed searches from both ends in turn, one edge at a time. It returns the side that ends first, or nil when the two
// are still connected. Its cost is that of the side with fewer edges, or of the way between the ends.
func (g *Graph) severed(n, m int32) []int32 {
	g.seen.begin(len(g.nodes))
	g.begin(0, n)
	g.begin(1, m)
	for turn := uint32(0); ; turn ^= 1 {
		s := &g.sides[turn]
		for s.edge == none {
			if s.done++; s.done == len(s.members) {
				return s.members
			}
			s.edge = g.nodes[s.members[s.done]].edges
		}
		to := g.edges.half[s.edge].to
		s.edge = g.edges.half[s.edge].next
		switch side, met := g.seen.side(to); {
		case !met:
			g.seen.mark(to, turn)
			s.members = append(s.members, to)
		case side != turn:
			return nil
		}
	}
}

// frontier is one side of a search: the members found, of which the first done have been expanded, and the next edge
// of the one after them. Its memory serves the next search.
type frontier struct {
	members []int32
	done    int
	edge    int32
}

func (g *Graph) begin(side uint32, n int32) {
	s := &g.sides[side]
	s.members, s.done, s.edge = append(s.members[:0], n), 0, g.nodes[n].edges
	g.seen.mark(n, side)
}

// visits marks nodes by the number of the search and its side, so that no search has to clear the marks before it.
type visits struct {
	marks  []uint32
	search uint32
}

func (v *visits) begin(nodes int) {
	v.search += 2
	if v.search == 0 {
		clear(v.marks)
		v.search = 2
	}
	if missing := nodes - len(v.marks); missing > 0 {
		v.marks = append(v.marks, make([]uint32, missing)...)
	}
}

func (v *visits) mark(n int32, side uint32) { v.marks[n] = v.search | side }

func (v *visits) side(n int32) (side uint32, met bool) {
	m := v.marks[n]
	return m & 1, m&^1 == v.search
}
