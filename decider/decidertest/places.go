package decidertest

import (
	"math"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// Places is decider.Places over a Log.
type Places struct {
	log *Log
	// To is up to where it knows the log: all of it unless a test says otherwise.
	To uint64

	mu     sync.Mutex
	places identity.Places
	known  uint64
}

// NewPlaces knows all that is in the log when it is asked.
func NewPlaces(log *Log) *Places { return &Places{log: log, To: math.MaxUint64} }

// Places is that of decider.Places.
func (p *Places) Places(aliases []domain.Alias, to uint64) (sequences []uint64, known uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	return p.places.Of(aliases, to), p.known
}

// MarkPlaces is that of decider.Places.
func (p *Places) MarkPlaces(aliases []domain.Alias, to uint64) (sequences []uint64, known uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	return p.places.Marks(aliases, to), p.known
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
		}
		p.known++
	}
}
