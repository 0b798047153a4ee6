package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Move is a change of an alias's profile.
type Move struct{ Alias, From, To domain.Alias }

// Moves applies an event as Apply does and lists the aliases whose profile it changed, ascending. It costs as much as
// the profiles that change have members; Apply alone does not.
func (g *Graph) Moves(r domain.Recorded) []Move {
	g.moving = &moving{from: map[int32]int32{}}
	g.Apply(r)
	moves := g.moving.list(g)
	g.moving = nil
	return moves
}

// moving notes which node was the earliest of a node's component before the event.
type moving struct{ from map[int32]int32 }

func (m *moving) list(g *Graph) []Move {
	var moves []Move
	for n, from := range m.from {
		if to := g.parts[g.nodes[n].component].earliest; to != from {
			moves = append(moves, Move{Alias: g.nodes[n].alias, From: g.nodes[from].alias, To: g.nodes[to].alias})
		}
	}
	slices.SortFunc(moves, func(a, b Move) int { return a.Alias.Compare(b.Alias) })
	return moves
}

// note remembers the members of n's ring with the earliest they had; what was noted before is older and stays.
func (m *moving) note(g *Graph, n, from int32) {
	for member := range g.ring(n) {
		if _, noted := m.from[member]; !noted {
			m.from[member] = from
		}
	}
}

// movesOnJoin notes, before two components join, the one that does not have the earliest alias.
func (g *Graph) movesOnJoin(n, m int32) {
	if g.moving == nil {
		return
	}
	first, second := g.parts[g.nodes[n].component].earliest, g.parts[g.nodes[m].component].earliest
	if g.earlier(first, second) == first {
		g.moving.note(g, m, second)
	} else {
		g.moving.note(g, n, first)
	}
}

// movesOnSplit notes, after a split, the part that lost its earliest alias. While links are held all was noted before.
func (g *Graph) movesOnSplit(side, rest, was int32, lost bool) {
	if g.moving == nil || g.marking.under {
		return
	}
	if lost {
		g.moving.note(g, rest, was)
	} else {
		g.moving.note(g, side, was)
	}
}

func (g *Graph) movesOnHold(n int32) {
	if g.moving != nil {
		g.moving.note(g, n, g.parts[g.nodes[n].component].earliest)
	}
}
