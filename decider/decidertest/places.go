package decidertest

import (
	"math"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/past"
)

// Places is decider.Places and decider.Stretches over a Log.
type Places struct {
	log *Log
	// To is up to where it knows the log: all of it unless a test says otherwise.
	To uint64

	mu     sync.Mutex
	places identity.Places
	trail  identity.Trail
	graph  *identity.Graph
	known  uint64
}

// NewPlaces knows all that is in the log when it is asked.
func NewPlaces(log *Log) *Places {
	return &Places{log: log, To: math.MaxUint64, graph: identity.NewGraph()}
}

// Places is that of decider.Places.
func (p *Places) Places(aliases []domain.Alias, to uint64) (sequences []uint64, known uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	return p.places.Of(aliases, to), p.known
}

// Changes is that of decider.Places.
func (p *Places) Changes(aliases []domain.Alias, marksOnly bool, to uint64) (changes []domain.Recorded, known uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	find := p.places.Of
	if marksOnly {
		find = p.places.Marks
	}
	return p.trail.Of(p.graph, aliases, find(aliases, to), marksOnly), p.known
}

// Stretches is that of decider.Stretches. It knows each stream up to To.
func (p *Places) Stretches(stream domain.Stream, aliases []domain.Alias, to uint64) (stretches []past.Stretch, known uint64) {
	var signs past.Signs
	for known < p.To {
		e, _, there := p.log.at(stream, known+1)
		if !there {
			break
		}
		for _, frame := range e.Frames {
			signs.Note(past.AliasIn(frame), e.Sequence)
		}
		known++
	}
	return signs.Of(aliases, to), known
}

func (p *Places) catchUp() {
	for p.known < p.To {
		e, _, there := p.log.at(domain.Identity, p.known+1)
		if !there {
			return
		}
		events, err := e.Recorded()
		if err != nil {
			return // what is not known is read
		}
		for _, r := range events {
			p.places.Observe(r)
			p.graph.Apply(r)
			p.trail.Observe(p.graph, r)
		}
		p.known++
	}
}
