package identity

import (
	"slices"
	"sort"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Trail is every link, unlink and mark that IDENTITY has told, in order: who was one person at any cut is known from memory.
// It keeps bare facts, 24 bytes each, and names aliases as a Graph that has taken the same events numbers them.
//
// A Trail is for one goroutine at a time: its owner guards it. Its readers may run side by side.
type Trail struct{ steps []step }

// step is one event; of a mark, both ends are the alias.
type step struct {
	sequence uint64
	index    uint32
	a, b     int32
	what     stepKind
	mark     Mark
}

type stepKind uint8

const (
	stepLink stepKind = iota
	stepUnlink
	stepMark
)

// Observe takes an event that the graph has taken already. One about aliases that the graph does not know changed nothing.
func (t *Trail) Observe(g *Graph, r domain.Recorded) {
	s := step{sequence: r.At.Sequence, index: r.At.Index}
	a, b, ok := linked(r.Event)
	if !ok {
		s.what = stepUnlink
		a, b, ok = unlinked(r.Event)
	}
	if !ok {
		s.what = stepMark
		a, s.mark, ok = marked(r.Event)
		b = a
	}
	n, known := g.index[a]
	m, both := g.index[b]
	if ok && known && both {
		s.a, s.b = n, m
		t.steps = append(t.steps, s)
	}
}

// Of are the steps in envelopes with these ascending sequences that name one of the aliases, as events with the bare facts;
// with marksOnly, only the marks.
func (t *Trail) Of(g *Graph, aliases []domain.Alias, sequences []uint64, marksOnly bool) []domain.Recorded {
	wanted := make(map[int32]bool, len(aliases))
	for _, a := range aliases {
		if n, known := g.index[a]; known {
			wanted[n] = true
		}
	}
	var out []domain.Recorded
	rest := t.steps
	for _, sequence := range sequences {
		rest = rest[sort.Search(len(rest), func(i int) bool { return rest[i].sequence >= sequence }):]
		for len(rest) > 0 && rest[0].sequence == sequence {
			if s := rest[0]; (wanted[s.a] || wanted[s.b]) && (s.what == stepMark || !marksOnly) {
				out = append(out, s.recorded(g))
			}
			rest = rest[1:]
		}
	}
	return out
}

// recorded is the step as an event.
func (s step) recorded(g *Graph) domain.Recorded {
	a, b := g.nodes[s.a].alias, g.nodes[s.b].alias
	e := &event.Event{Alias: slices.Clone(a[:]), AliasType: g.types.names[g.nodes[s.a].kind]}
	switch other := slices.Clone(b[:]); s.what {
	case stepLink:
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: other, OtherType: g.types.names[g.nodes[s.b].kind]}}
	case stepUnlink:
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: other}}
	case stepMark:
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: s.mark.Proto()}}
	}
	return domain.Recorded{At: domain.Position{Sequence: s.sequence, Index: s.index}, Event: e}
}
