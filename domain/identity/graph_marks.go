package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Mark is how the links of an alias count.
func (g *Graph) Mark(a domain.Alias) Mark {
	if n, known := g.index[a]; known {
		return g.nodes[n].mark
	}
	return Unmarked
}

// marked reads an AliasMarked; false for other events and for marks of a later version.
func marked(e *event.Event) (a domain.Alias, mark Mark, ok bool) {
	body, ok := e.GetBody().(*event.Event_AliasMarked)
	if !ok {
		return a, mark, false
	}
	a, err := domain.AliasFromBytes(e.GetAlias())
	if err != nil {
		return a, mark, false
	}
	mark, ok = MarkOf(body.AliasMarked.GetMark())
	return a, mark, ok
}

func (g *Graph) setMark(a domain.Alias, mark Mark) {
	n, known := g.index[a]
	if !known {
		if mark == Unmarked {
			return
		}
		n = g.node(a)
	}
	was := g.nodes[n].mark
	g.nodes[n].mark = mark
	switch {
	case was == Unmarked && mark != Unmarked:
		g.hold(n)
	case was != Unmarked && mark == Unmarked:
		g.release(n)
	}
}

// hold takes the links of a node out of the graph. Each is taken by itself, so that the cost is that of the sides that
// split off; which members are the earliest is settled once, at the end.
func (g *Graph) hold(n int32) {
	g.movesOnHold(n)
	g.marking.begin()
	for e := g.nodes[n].edges; e != none; e = g.nodes[n].edges {
		m := g.edges.half[e].to
		g.edges.move(e, n, m, [2]*int32{&g.nodes[n].edges, &g.nodes[m].edges}, [2]*int32{&g.nodes[n].held, &g.nodes[m].held})
		g.part(n, m)
	}
	g.marking.end(g)
}

// release puts the links of a node back, except those whose other end is marked.
func (g *Graph) release(n int32) {
	for e := g.nodes[n].held; e != none; {
		m, next := g.edges.half[e].to, g.edges.half[e].next
		if g.nodes[m].mark == Unmarked {
			g.edges.move(e, n, m, [2]*int32{&g.nodes[n].held, &g.nodes[m].held}, [2]*int32{&g.nodes[n].edges, &g.nodes[m].edges})
			if g.nodes[n].component != g.nodes[m].component {
				g.join(n, m)
			}
		}
		e = next
	}
}

// marking puts off the search for the earliest members of components while a node's links are held: many splits of
// one component would else each walk all of it.
type marking struct {
	under bool
	stale []int32
}

func (m *marking) begin() { m.under = true }

func (m *marking) elect(g *Graph, id int32) {
	if m.under {
		m.stale = append(m.stale, id)
		return
	}
	g.elect(id)
}

func (m *marking) end(g *Graph) {
	for i, id := range m.stale {
		if i == 0 || m.stale[i-1] != id {
			g.elect(id)
		}
	}
	m.under, m.stale = false, m.stale[:0]
}
