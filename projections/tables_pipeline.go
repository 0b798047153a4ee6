package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

type envelopes = iter.Seq2[domain.Envelope, error]

// arrival is one decoded envelope.
type arrival struct {
	stream   domain.Stream
	sequence uint64
	events   []domain.Recorded
}

// How many decoded envelopes may wait for the batch in the making: enough to keep a core decoding while the store
// works, little enough to hold in memory.
const arrivalsAhead = 64

// project reads every stream, gathers what arrives into batches and applies them, each stage beside the others: one
// goroutine a stream decodes, one gathers, and this one settles and applies. It returns when all streams have ended
// and everything of them is applied, or with the first error.
func (p *TablesProjector) project(ctx context.Context, from domain.Cut, graph *identity.Graph, least, most int,
	read func(context.Context, domain.Stream) envelopes, done func(domain.Cut)) error {
	ctx, fail := context.WithCancelCause(ctx)
	arrivals := make(chan arrival, arrivalsAhead)
	batches := make(chan *gathering)
	var stages sync.WaitGroup
	defer stages.Wait()
	defer fail(nil)
	stages.Go(func() {
		defer close(arrivals)
		if err := decodeAll(ctx, read, arrivals); err != nil {
			fail(err)
		}
	})
	stages.Go(func() {
		defer close(batches)
		gather(ctx, from, least, most, arrivals, batches)
	})
	cache := newTotalsCache()
	for g := range batches {
		if err := p.apply(ctx, g, cache, graph); err != nil {
			return firstError(ctx, err)
		}
		done(g.batch.To)
	}
	return firstError(ctx, ctx.Err())
}

// firstError is what ended the context, when that is more than its end.
func firstError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

func (p *TablesProjector) apply(ctx context.Context, g *gathering, cache *totalsCache, graph *identity.Graph) error {
	batch, err := g.settle(ctx, p.store, cache, graph)
	if err != nil {
		return err
	}
	if err := p.store.Apply(ctx, batch); err != nil {
		return fmt.Errorf("apply %d events to the tables: %w", batch.Events, err)
	}
	p.applied.store(batch.To)
	return nil
}

// decodeAll decodes every stream, all at once, and returns when all have ended or one has failed.
func decodeAll(ctx context.Context, read func(context.Context, domain.Stream) envelopes, arrivals chan<- arrival) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, domain.Streams)
	for _, s := range domain.AllStreams() {
		go func() { failed <- decode(ctx, s, read(ctx, s), arrivals) }()
	}
	var first error
	for range domain.Streams {
		if err := <-failed; err != nil && first == nil {
			first = err
			stop()
		}
	}
	return first
}

func decode(ctx context.Context, stream domain.Stream, read envelopes, arrivals chan<- arrival) error {
	for e, err := range read {
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		events, err := e.Recorded()
		if err != nil {
			return err
		}
		select {
		case arrivals <- arrival{stream: stream, sequence: e.Sequence, events: events}:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// gather fills a batch until it has the least number of events and the store is free to take it, and no further than
// the most. It ends when the arrivals end, with the last batch taken, or when the context does.
func gather(ctx context.Context, from domain.Cut, least, most int, arrivals <-chan arrival, batches chan<- *gathering) {
	g := newGathering(from)
	for in := arrivals; in != nil || g.batch.From != g.batch.To; {
		take, out := in, batches
		if g.batch.Events >= most {
			take = nil
		}
		if g.batch.From == g.batch.To || (in != nil && g.batch.Events < least) {
			out = nil
		}
		select {
		case a, open := <-take:
			if !open {
				in = nil
				continue
			}
			g.add(a.stream, a.sequence, a.events)
		case out <- g:
			g = newGathering(g.batch.To)
		case <-ctx.Done():
			return
		}
	}
}
