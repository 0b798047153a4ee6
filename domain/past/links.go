// Package past is what was known at any cut of the log: who was one person, and what had happened to whom. It knows
// nothing of the live graph and views, which are checked against it.
package past

import (
	"slices"
	"sort"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Links are the links and marks of IDENTITY in order, and a graph that stands at one of their cuts and is moved to
// another, forward or back, at the cost of what lies between. Decisions are replayed nearly in the order of their
// cuts, so that most moves are short.
type Links struct {
	changes []Change
	// next is how many of the changes the graph holds.
	next  int
	graph *identity.Graph
	// moves is how many changes were made to the graph, forward and back: its positions only grow.
	moves uint64
	// What holds where the graph stands: how many links join two aliases, the smaller first, and the aliases' marks.
	active map[[2]domain.Alias]int
	marks  map[domain.Alias]identity.Mark
}

// Change is one event that may change the graph.
type Change struct {
	sequence uint64
	a, b     domain.Alias
	kind     changeKind
	mark     identity.Mark // of aliasMarked

	// What making it found, so that it can be undone: nothing to change, or the mark before.
	idle   bool
	before identity.Mark
}

type changeKind uint8

const (
	linkMade changeKind = iota + 1
	linkTakenBack
	aliasMarked
)

// NewLinks is before the first event.
func NewLinks() *Links {
	l := &Links{}
	l.begin()
	return l
}

// begin puts the graph before the first change.
func (l *Links) begin() {
	l.graph, l.next, l.moves = identity.NewGraph(), 0, 0
	l.active, l.marks = map[[2]domain.Alias]int{}, map[domain.Alias]identity.Mark{}
}

// ChangeOf reads what an event of IDENTITY may change in the graph; false for nothing.
func ChangeOf(sequence uint64, e *event.Event) (Change, bool) {
	c := Change{sequence: sequence}
	other, known := e.GetAlias(), true
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		c.kind, other = linkMade, b.IdentityLinked.GetOther()
	case *event.Event_IdentityUnlinked:
		c.kind, other = linkTakenBack, b.IdentityUnlinked.GetOther()
	case *event.Event_AliasMarked:
		c.kind = aliasMarked
		c.mark, known = identity.MarkOf(b.AliasMarked.GetMark())
	default:
		return c, false
	}
	var errA, errB error
	c.a, errA = domain.AliasFromBytes(e.GetAlias())
	c.b, errB = domain.AliasFromBytes(other)
	return c, known && errA == nil && errB == nil && (c.kind == aliasMarked || c.a != c.b)
}

// Add takes the next event of IDENTITY; the graph stays where it stands.
func (l *Links) Add(sequence uint64, e *event.Event) {
	if c, ok := ChangeOf(sequence, e); ok {
		l.changes = append(l.changes, c)
	}
}

// Profile lists the aliases of an alias's profile at a cut of IDENTITY, ascending.
func (l *Links) Profile(alias domain.Alias, cut uint64) []domain.Alias {
	l.stand(cut)
	return l.graph.Aliases(alias)
}

// ProfileSupposing is Profile as if these changes had been made right after the cut.
func (l *Links) ProfileSupposing(alias domain.Alias, cut uint64, changes []Change) []domain.Alias {
	l.stand(cut)
	made := slices.Clone(changes)
	for i := range made {
		l.make(&made[i])
	}
	aliases := l.graph.Aliases(alias)
	for i := len(made) - 1; i >= 0; i-- {
		l.undo(made[i])
	}
	return aliases
}

// stand moves the graph to a cut. Further back than half of the way it begins anew: taking a link back costs a search,
// making one does not.
func (l *Links) stand(cut uint64) {
	if l.next > 0 && l.changes[l.next-1].sequence > cut {
		n := sort.Search(l.next, func(i int) bool { return l.changes[i].sequence > cut })
		if n < l.next/2 {
			l.begin()
		}
	}
	for ; l.next < len(l.changes) && l.changes[l.next].sequence <= cut; l.next++ {
		l.make(&l.changes[l.next])
	}
	for l.next > 0 && l.changes[l.next-1].sequence > cut {
		l.next--
		l.undo(l.changes[l.next])
	}
}

// make applies a change, and notes what it found. The taking back of a link that is not there changes nothing.
func (l *Links) make(c *Change) {
	if c.kind == aliasMarked {
		c.before = l.marks[c.a]
		c.idle = c.mark == c.before
	} else {
		c.idle = c.kind == linkTakenBack && l.active[c.pair()] == 0
	}
	if !c.idle {
		l.apply(*c)
	}
}

// undo applies the opposite of a change. A graph is a function of the links that are active and of the marks, so it
// is the same afterwards as it was before the change.
func (l *Links) undo(c Change) {
	if c.idle {
		return
	}
	switch c.kind {
	case linkMade:
		c.kind = linkTakenBack
	case linkTakenBack:
		c.kind = linkMade
	case aliasMarked:
		c.mark = c.before
	}
	l.apply(c)
}

func (l *Links) apply(c Change) {
	switch c.kind {
	case linkMade:
		l.active[c.pair()]++
	case linkTakenBack:
		if l.active[c.pair()]--; l.active[c.pair()] == 0 {
			delete(l.active, c.pair())
		}
	case aliasMarked:
		if l.marks[c.a] = c.mark; c.mark == identity.Unmarked {
			delete(l.marks, c.a)
		}
	}
	l.moves++
	l.graph.Apply(domain.Recorded{At: domain.Position{Sequence: l.moves}, Event: c.Event()})
}

func (c Change) pair() [2]domain.Alias {
	if c.b.Compare(c.a) < 0 {
		return [2]domain.Alias{c.b, c.a}
	}
	return [2]domain.Alias{c.a, c.b}
}

// Alias is the change's first alias.
func (c Change) Alias() domain.Alias { return c.a }

// Joins says whether the change is a link that is made.
func (c Change) Joins() bool { return c.kind == linkMade }

// Changes are all that were taken, in order. They are not to be changed.
func (l *Links) Changes() []Change { return l.changes }

// Event is an event that makes the change: its bare facts.
func (c Change) Event() *event.Event {
	e := &event.Event{Alias: c.a[:]}
	switch c.kind {
	case linkMade:
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: c.b[:]}}
	case linkTakenBack:
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: c.b[:]}}
	case aliasMarked:
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: c.mark.Proto()}}
	}
	return e
}
