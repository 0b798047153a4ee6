package commands

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// People is who is one person, live, for those who change it: a fold over IDENTITY plus what this process is
// appending to it right now. What the graph says (links, marks, bars, guards) is decided under one lock, applied at
// once and appended in the order of the decisions, so that two calls never decide on the same past. What an append
// did not bring into the log is taken back exactly. It is safe for concurrent use.
type People struct {
	mu       sync.RWMutex
	register *identity.Register
	places   identity.Places
	trail    identity.Trail
	// requests are the operators' changes that are in the log, by the id of the event that says them.
	requests map[eventID]*changed
	// latest is the last change that is in the log, nil when there was none: what follows from it may be cut off.
	latest  *changed
	model   *event.MatchModelChanged
	inForce *event.GuardsChanged
	// alarmed are the profiles that are known to be full.
	alarmed map[domain.Alias]struct{}

	queue queue
	doubt doubt
	// turn is held by who needs the log and the register to stand still together; admissions share it.
	turn sync.RWMutex
	// operator is held by one command at a time.
	operator sync.Mutex
}

// NewPeople is before the first event: everybody is alone, and the default guards hold. Whether the register has all that
// the log holds nobody knows yet.
func NewPeople() *People {
	p := &People{
		register: identity.NewRegister(), requests: map[eventID]*changed{}, alarmed: map[domain.Alias]struct{}{},
	}
	p.doubtful()
	return p
}

// doubtful says that the graph's lane may hold what the register does not have.
func (p *People) doubtful() { p.doubt.cast([]domain.Stream{domain.Identity}) }

// Observe folds in an envelope of IDENTITY. One that was observed before changes nothing, and an event that this
// process applied before it was in the log does not count again.
func (p *People) Observe(e domain.Envelope) error {
	recorded, err := e.Recorded()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Sequence <= p.register.Applied() {
		return nil
	}
	for _, r := range recorded {
		p.register.Apply(r)
		p.places.Observe(r)
		p.trail.Observe(p.register.Graph(), r)
		p.remember(r)
	}
	return nil
}

// remember keeps what operators changed; the caller holds the lock.
func (p *People) remember(r domain.Recorded) {
	id := r.Event.GetId()
	if r.Event.GetSource() != OwnSource || len(id) != len(eventID{}) {
		return
	}
	if p.latest != nil && p.latest.follows(eventID(id)) {
		p.latest.followed.count(r.Event)
		return
	}
	p.latest = &changed{event: r.Event, at: r.At}
	p.requests[eventID(id)] = p.latest
	switch b := r.Event.GetBody().(type) {
	case *event.Event_GuardsChanged:
		p.inForce = b.GuardsChanged
	case *event.Event_MatchModelChanged:
		p.model = b.MatchModelChanged
	}
}

// certain makes sure, where it is in doubt, that the register has all that the graph's lane holds, and that what another
// server appends to it from then on makes the next append of this one fail.
func (p *People) certain(ctx context.Context, log SharedLog, recall *Recall) error {
	round, streams := p.doubt.now()
	if len(streams) == 0 {
		return nil
	}
	if err := takeOver(ctx, log, graphLane(log.Lanes())); err != nil {
		return err
	}
	if err := recall.CatchUp(ctx, streams...); err != nil {
		return fmt.Errorf("learn who is one person: %w", err)
	}
	p.doubt.clear(round)
	return nil
}

// Guards are in effect, with their version; 0 is the default.
func (p *People) Guards() (*identity.Guards, uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.register.Guards()
}

// GuardsInForce is the change that put the guards into effect, nil when there was none.
func (p *People) GuardsInForce() *event.GuardsChanged {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.inForce
}

// Look calls a function with the register, which stands still and must only be read meanwhile.
func (p *People) Look(look func(*identity.Register)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	look(p.register)
}

// Places are the sequences up to `to` of the envelopes of IDENTITY that may name one of the aliases, ascending, and up to
// where that is known: what comes after must be read.
func (p *People) Places(aliases []domain.Alias, to uint64) (sequences []uint64, known uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.places.Of(aliases, to), p.register.Applied()
}

// Changes are the links, unlinks and marks up to the sequence `to` that name one of the aliases, in order, as bare facts; with
// marksOnly, only the marks. They are known up to a sequence: what comes after must be read.
func (p *People) Changes(aliases []domain.Alias, marksOnly bool, to uint64) (changes []domain.Recorded, known uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	find := p.places.Of
	if marksOnly {
		find = p.places.Marks
	}
	return p.trail.Of(p.register.Graph(), aliases, find(aliases, to), marksOnly), p.register.Applied()
}

// MatchModel is the model by which records are compared: nil when there never was one; without a document matching is off.
func (p *People) MatchModel() *event.MatchModelChanged {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.model
}

// alarm tells the operator, once for each profile, that it is full; the caller holds the lock.
func (p *People) alarm(a *identity.Admission) {
	for _, w := range a.Withheld {
		profile := p.register.Graph().Profile(w.First.Alias)
		if _, told := p.alarmed[profile]; w.Guard != identity.GuardTooLarge || told {
			continue
		}
		if len(p.alarmed) < maxAlarmed {
			p.alarmed[profile] = struct{}{}
		}
		slog.Warn("links are withheld: a profile would be larger than the guards allow", "profile", profile.String())
	}
}

// maxAlarmed is how many profiles are remembered as full; of more, the operator is told each time.
const maxAlarmed = 100_000
