package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
)

// Register is what IDENTITY says: the graph, all that decides about further claims (guards, bars, the claims that are
// withheld, and proposed and reviewed matches), and what people consent to.
//
// Each event of IDENTITY concerns one cell: a pair of aliases, the mark of one alias, what one alias says about one
// purpose, or the guards. A command takes
// its events before they have a position; the register then stands where the log's order of the cell's events and,
// after them, the taken ones in the order of taking would leave it. So whatever others append meanwhile, a taken event
// that is applied or dropped leaves exactly what the log says.
//
// A Register is for one goroutine at a time: its owner guards it. Its readers, Admit among them, may run side by side.
type Register struct {
	applied domain.Position
	graph   *Graph
	guards  guardsInEffect
	// said holds each pair twice, once from each end; a pair of which only links are known is not in it.
	said     map[domain.Alias]map[domain.Alias]*said
	bars     map[domain.Alias]map[domain.Alias]bool // each from both ends
	marks    map[domain.Alias]*Marked
	consents *consent.Book
	withheld map[string]int // by guard
	pending  map[cell]*overlay
	taken    map[string]cell // by event id
}

// guardsInEffect are the guards and their version; 0 is the default.
type guardsInEffect struct {
	guards  *Guards
	version uint64
}

// NewRegister is the register before the first event, with the default guards.
func NewRegister() *Register {
	return NewRegisterUnder(defaultGuards())
}

// NewRegisterUnder is the register before the first event with other guards in the place of the default.
func NewRegisterUnder(guards *Guards) *Register {
	return &Register{
		graph: NewGraph(), guards: guardsInEffect{guards: guards},
		said: map[domain.Alias]map[domain.Alias]*said{}, bars: map[domain.Alias]map[domain.Alias]bool{}, marks: map[domain.Alias]*Marked{}, withheld: map[string]int{},
		consents: consent.NewBook(), pending: map[cell]*overlay{}, taken: map[string]cell{},
	}
}

// Graph is the register's graph: to be read only, under the register's guard. How far it stands is the register's Applied.
func (r *Register) Graph() *Graph { return r.graph }

// Consents are what everybody last said about each purpose: to be read only, under the register's guard.
func (r *Register) Consents() *consent.Book { return r.consents }

// Guards are in effect, and their version; 0 is the default.
func (r *Register) Guards() (*Guards, uint64) { return r.guards.guards, r.guards.version }

// Applied is the sequence in IDENTITY of the last event applied.
func (r *Register) Applied() uint64 { return r.applied.Sequence }

// Apply takes the next event of IDENTITY at its position. Positions already applied are ignored. An event that was
// taken before counts once.
func (r *Register) Apply(e domain.Recorded) {
	if !e.At.After(r.applied) {
		return
	}
	r.applied = e.At
	if l := e.Event.GetIdentityLinked(); l != nil && len(r.pending) == 0 {
		r.link(e.Event)
		return
	}
	key, ok := cellOf(e.Event)
	if !ok {
		return
	}
	r.typed(e.Event)
	if o := r.pending[key]; o != nil {
		o.confirmed = o.confirmed.next(key, e.Event, e.At)
		r.forget(e.Event, o)
		r.settle(key, o)
		return
	}
	r.install(key, r.read(key).next(key, e.Event, e.At))
}

// link is Apply for a link where nothing is taken: the common case of a log that is loaded.
func (r *Register) link(e *event.Event) {
	r.graph.take(e)
	if len(r.said) == 0 {
		return
	}
	if a, b, ok := linked(e); ok {
		r.supersede(pairOf(a, b))
	}
}

// Take applies an event that is about to be appended: it counts until it is dropped, and for ever once it is applied
// at its position. The event must have its id and must not change afterwards; one that is taken already is ignored.
func (r *Register) Take(e *event.Event) {
	key, ok := cellOf(e)
	if _, twice := r.taken[string(e.GetId())]; !ok || twice {
		return
	}
	r.typed(e)
	o := r.pending[key]
	if o == nil {
		o = &overlay{confirmed: r.read(key)}
		r.pending[key] = o
	}
	o.events = append(o.events, e)
	r.taken[string(e.GetId())] = key
	r.install(key, r.read(key).next(key, e, domain.Position{}))
}

// Drop is the exact inverse of Take, for an event whose append failed. An event that is not taken, or was applied
// since, is left alone.
func (r *Register) Drop(e *event.Event) {
	key, ok := r.taken[string(e.GetId())]
	if !ok {
		return
	}
	o := r.pending[key]
	r.forget(e, o)
	r.settle(key, o)
}

// Pending is how many events are taken and neither applied nor dropped.
func (r *Register) Pending() int { return len(r.taken) }

// typed lets the graph know the types of the aliases an event names.
func (r *Register) typed(e *event.Event) {
	if other, kind, ok := OtherOf(e); ok {
		r.named(e.GetAlias(), e.GetAliasType())
		r.named(other, kind)
	} else if e.GetAliasMarked() != nil || e.GetConsentStated() != nil {
		r.named(e.GetAlias(), e.GetAliasType())
	}
}

func (r *Register) named(alias []byte, kind string) {
	if a, err := domain.AliasFromBytes(alias); err == nil && kind != "" {
		r.graph.typed(r.graph.node(a), kind)
	}
}
