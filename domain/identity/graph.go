package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Graph knows which aliases stand for one person: the connected components of the multigraph of effective links. A
// link is effective when it is active and neither end is marked; the links of a marked alias are held, and count again
// when the mark is lifted. The graph is a function of the multiset of active links and of the marks, so the same prefix
// of IDENTITY always gives the same graph, and a link that is taken back, or a mark that is lifted, leaves no trace.
//
// A link joins the smaller component to the larger; taking the last link between two aliases back searches from both
// ends in turn, edge by edge, and relabels the side that ends first. An alias without a link costs nothing; a linked
// one costs about 110 bytes with its links.
//
// A Graph is for one goroutine at a time: its owner guards it. Its readers may run side by side.
type Graph struct {
	applied domain.Position
	index   map[domain.Alias]int32
	nodes   []node
	edges   edgeTable
	parts   []component
	free    []int32
	merged  int
	seen    visits
	sides   [2]frontier
	types   types
	marking marking
	moving  *moving // nil when nobody asks
}

// node is an alias that has, or had, a link or a mark. Its component's members form a ring through before and after.
// Its effective links are in the list edges, those that a mark holds in the list held.
type node struct {
	alias         domain.Alias
	component     int32
	edges, held   int32
	before, after int32
	kind          uint32
	mark          Mark
}

// component is one profile; earliest is the node of its smallest alias.
type component struct {
	size     int32
	earliest int32
}

// NewGraph is the graph before the first event.
func NewGraph() *Graph { return &Graph{index: map[domain.Alias]int32{}, types: newTypes()} }

// Apply takes the next event of IDENTITY. Positions already applied are ignored, so that a redelivered event does no
// harm; events that are no links, unlinks or marks only move Applied. An unlink without an active link between the two
// is ignored.
func (g *Graph) Apply(r domain.Recorded) {
	if !r.At.After(g.applied) {
		return
	}
	g.applied = r.At
	g.take(r.Event)
}

func (g *Graph) take(e *event.Event) {
	if a, b, ok := linked(e); ok {
		n, m := g.link(a, b)
		g.typed(n, e.GetAliasType())
		g.typed(m, e.GetIdentityLinked().GetOtherType())
	} else if a, b, ok := unlinked(e); ok {
		g.unlink(a, b)
	} else if a, mark, ok := marked(e); ok {
		g.setMark(a, mark)
	}
}

// Applied is the sequence in IDENTITY of the last event taken.
func (g *Graph) Applied() uint64 { return g.applied.Sequence }

// Profile is the smallest, hence earliest-seen, alias of the alias's component: the profile's id. An alias without
// links is its own profile.
func (g *Graph) Profile(a domain.Alias) domain.Alias {
	n, known := g.index[a]
	if !known {
		return a
	}
	return g.nodes[g.parts[g.nodes[n].component].earliest].alias
}

// Aliases lists the aliases of the alias's profile, itself included, ascending.
func (g *Graph) Aliases(a domain.Alias) []domain.Alias {
	start, known := g.index[a]
	if !known {
		return []domain.Alias{a}
	}
	aliases := make([]domain.Alias, 0, g.parts[g.nodes[start].component].size)
	for n := range g.ring(start) {
		aliases = append(aliases, g.nodes[n].alias)
	}
	slices.SortFunc(aliases, domain.Alias.Compare)
	return aliases
}

// Size is how many aliases the alias's profile has; guards against components that swallow everybody read it.
func (g *Graph) Size(a domain.Alias) int {
	n, known := g.index[a]
	if !known {
		return 1
	}
	return int(g.parts[g.nodes[n].component].size)
}

// Linked says whether both aliases belong to one profile.
func (g *Graph) Linked(a, b domain.Alias) bool {
	if a == b {
		return true
	}
	n, known := g.index[a]
	if !known {
		return false
	}
	m, known := g.index[b]
	return known && g.nodes[n].component == g.nodes[m].component
}

// Links is how many active links join the two aliases directly.
func (g *Graph) Links(a, b domain.Alias) int {
	n, known := g.index[a]
	if !known {
		return 0
	}
	m, known := g.index[b]
	if !known {
		return 0
	}
	if e := g.edge(n, m); e != none {
		return int(g.edges.count[e>>1])
	}
	return 0
}

// Merged is how many aliases the active links have merged into an earlier one: the number of aliases less Merged is
// the number of profiles.
func (g *Graph) Merged() int { return g.merged }

// linked reads the two ends of an IdentityLinked; false for other events and for ends that are no aliases.
func linked(e *event.Event) (a, b domain.Alias, ok bool) {
	body, ok := e.GetBody().(*event.Event_IdentityLinked)
	if !ok {
		return a, b, false
	}
	return ends(e.GetAlias(), body.IdentityLinked.GetOther())
}

func unlinked(e *event.Event) (a, b domain.Alias, ok bool) {
	body, ok := e.GetBody().(*event.Event_IdentityUnlinked)
	if !ok {
		return a, b, false
	}
	return ends(e.GetAlias(), body.IdentityUnlinked.GetOther())
}

func ends(first, second []byte) (a, b domain.Alias, ok bool) {
	a, err := domain.AliasFromBytes(first)
	if err != nil {
		return a, b, false
	}
	b, err = domain.AliasFromBytes(second)
	return a, b, err == nil && a != b
}

// held says whether the links between two nodes do not count.
func (g *Graph) held(n, m int32) bool {
	return g.nodes[n].mark != Unmarked || g.nodes[m].mark != Unmarked
}

// heads are the lists that hold the edge between two nodes, if there is one.
func (g *Graph) heads(n, m int32) (headN, headM *int32) {
	if g.held(n, m) {
		return &g.nodes[n].held, &g.nodes[m].held
	}
	return &g.nodes[n].edges, &g.nodes[m].edges
}

// edge is the half that leaves n for m, or none.
func (g *Graph) edge(n, m int32) int32 {
	headN, headM := g.heads(n, m)
	return g.edges.find(*headN, *headM, n, m)
}

func (g *Graph) link(a, b domain.Alias) (n, m int32) {
	n, m = g.node(a), g.node(b)
	headN, headM := g.heads(n, m)
	if e := g.edges.find(*headN, *headM, n, m); e != none {
		g.edges.count[e>>1]++
		return n, m
	}
	g.edges.add(headN, headM, n, m)
	if g.nodes[n].component != g.nodes[m].component && !g.held(n, m) {
		g.join(n, m)
	}
	return n, m
}

func (g *Graph) unlink(a, b domain.Alias) {
	n, known := g.index[a]
	if !known {
		return
	}
	m, known := g.index[b]
	if !known {
		return
	}
	headN, headM := g.heads(n, m)
	e := g.edges.find(*headN, *headM, n, m)
	if e == none {
		return
	}
	if g.edges.count[e>>1]--; g.edges.count[e>>1] > 0 {
		return
	}
	g.edges.remove(e, headN, headM)
	if !g.held(n, m) {
		g.part(n, m)
	}
}

// part splits the component of two nodes that lost their edge, unless another way joins them.
func (g *Graph) part(n, m int32) {
	if side := g.severed(n, m); side != nil {
		g.split(side)
	}
}

// node finds the alias's node or makes one in a component of its own.
func (g *Graph) node(a domain.Alias) int32 {
	if n, known := g.index[a]; known {
		return n
	}
	n := int32(len(g.nodes))
	g.nodes = append(g.nodes, node{alias: a, edges: none, held: none, before: n, after: n})
	g.nodes[n].component = g.newComponent(component{size: 1, earliest: n})
	g.index[a] = n
	return n
}

func (g *Graph) newComponent(c component) int32 {
	if last := len(g.free) - 1; last >= 0 {
		id := g.free[last]
		g.free = g.free[:last]
		g.parts[id] = c
		return id
	}
	g.parts = append(g.parts, c)
	return int32(len(g.parts) - 1)
}
