package commands

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/past"
)

// History is what commands read of the log: their own past.
type History interface {
	// Read ranges over the envelopes of a stream with sequences from..to, both included.
	Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error]
	// Follow ranges over the envelopes from that sequence on, waits for new ones, and ends with the context.
	Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error]
	// Last is the stream's last sequence, 0 when it is empty.
	Last(ctx context.Context, stream domain.Stream) (uint64, error)
	// At is the envelope with that sequence.
	At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error)
}

// Recall is what commands remember of the log: what has been seen, what is defined, what is in quarantine and who is
// one person. It is loaded from the log at start and follows it, so that what other servers append is known here too.
type Recall struct {
	Seen       *Seen
	Catalogue  *Catalogue
	Quarantine *Refusals
	People     *People

	history History
	mu      sync.Mutex
	applied [domain.Streams]uint64

	noting sync.RWMutex
	signs  [domain.Streams]past.Signs
	noted  [domain.Streams]uint64
}

// NewRecall remembers nothing until Load.
func NewRecall(history History) *Recall {
	return &Recall{
		Seen: NewSeen(), Catalogue: NewCatalogue(), Quarantine: NewRefusals(), People: NewPeople(),
		history: history,
	}
}

// Load folds the whole log up to its present end, the streams side by side.
func (r *Recall) Load(ctx context.Context) error {
	errs := make(chan error, domain.Streams)
	for _, stream := range domain.AllStreams() {
		go func() { errs <- r.load(ctx, stream) }()
	}
	var first error
	for range domain.AllStreams() {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (r *Recall) load(ctx context.Context, stream domain.Stream) error {
	last, err := r.history.Last(ctx, stream)
	if err != nil {
		return fmt.Errorf("recall %s: %w", stream, err)
	}
	from := r.Applied(stream) + 1
	if from > last {
		return nil
	}
	for e, err := range r.history.Read(ctx, stream, from, last) {
		if err != nil {
			return fmt.Errorf("recall %s: %w", stream, err)
		}
		if err := r.observe(e); err != nil {
			return fmt.Errorf("recall %s: %w", stream, err)
		}
	}
	r.advance(stream, last)
	return nil
}

// Follow keeps up with the log until the context ends or a stream fails; it returns the failure.
func (r *Recall) Follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, domain.Streams)
	for _, stream := range domain.AllStreams() {
		go func() { errs <- r.follow(ctx, stream) }()
	}
	var first error
	for range domain.AllStreams() {
		err := <-errs
		if first == nil {
			first = err
		}
		cancel()
	}
	return first
}

func (r *Recall) follow(ctx context.Context, stream domain.Stream) error {
	for e, err := range r.history.Follow(ctx, stream, r.Applied(stream)+1) {
		if err != nil {
			return fmt.Errorf("follow %s: %w", stream, err)
		}
		if err := r.observe(e); err != nil {
			return fmt.Errorf("follow %s: %w", stream, err)
		}
		r.advance(stream, e.Sequence)
	}
	return ctx.Err()
}

// observe folds one envelope into what its stream concerns.
func (r *Recall) observe(e domain.Envelope) error {
	if err := r.Seen.Observe(e); err != nil {
		return err
	}
	switch e.Lane.Stream {
	case domain.Behaviour, domain.Decision, domain.Outcome:
		r.note(e)
	case domain.Identity:
		return r.People.Observe(e)
	case domain.Policy:
		return r.Catalogue.Observe(e)
	case domain.Quarantine:
		return r.Quarantine.Observe(e)
	}
	return nil
}

func (r *Recall) advance(stream domain.Stream, sequence uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.applied[stream] = max(r.applied[stream], sequence)
}

// Applied is the last sequence of the stream that is remembered.
func (r *Recall) Applied(stream domain.Stream) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied[stream]
}

// CatchUp folds in everything that the streams hold now, whether Follow is running or not. It fails with
// domain.ErrUnavailable when the log does not answer.
func (r *Recall) CatchUp(ctx context.Context, streams ...domain.Stream) error {
	for _, stream := range streams {
		if err := r.load(ctx, stream); err != nil {
			return fmt.Errorf("catch up: %w: %w", domain.ErrUnavailable, err)
		}
	}
	return nil
}

// note remembers whom an envelope is about. Loading and following may both bring one: it counts once.
func (r *Recall) note(e domain.Envelope) {
	r.noting.Lock()
	defer r.noting.Unlock()
	stream := e.Lane.Stream
	if e.Sequence <= r.noted[stream] {
		return
	}
	r.noted[stream] = e.Sequence
	for _, frame := range e.Frames {
		if alias := past.AliasIn(frame); !alias.IsZero() {
			r.signs[stream].Note(alias, e.Sequence)
		}
	}
}

// Stretches are where in BEHAVIOUR, DECISION or OUTCOME, up to the sequence `to`, there may be something about one of the aliases,
// and up to where that is known: what comes after must be read.
func (r *Recall) Stretches(stream domain.Stream, aliases []domain.Alias, to uint64) (stretches []past.Stretch, known uint64) {
	r.noting.RLock()
	defer r.noting.RUnlock()
	return r.signs[stream].Of(aliases, to), r.noted[stream]
}
