package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// unreadable says that a stored view is of another schema or damaged: then all are folded again.
func unreadable(err error) bool {
	return errors.Is(err, feature.ErrActivitySchema) || errors.Is(err, feature.ErrActivityCorrupt)
}

// catchUp folds the log up to what it holds now, from the beginning when what is stored cannot be read.
func (p *ViewsProjector) catchUp(ctx context.Context, progress Progress) error {
	err := p.resume(ctx)
	if err == nil {
		err = p.foldToEnd(ctx, false, progress)
	}
	if !unreadable(err) {
		return err
	}
	return p.foldToEnd(ctx, true, progress)
}

func (p *ViewsProjector) rebuild(ctx context.Context, progress Progress) error {
	if err := p.resume(ctx); err != nil {
		return err
	}
	return p.foldToEnd(ctx, true, progress)
}

// mostShares is how many workers fold at most: more than reading the log keeps busy.
const mostShares = 4

// foldToEnd folds what the log holds now, after what has been folded or anew: each core the events of its share of the
// aliases, from the same chunks.
func (p *ViewsProjector) foldToEnd(ctx context.Context, anew bool, progress Progress) error {
	from := p.Applied()
	if anew {
		from = domain.Cut{}
	}
	targets, err := ends(ctx, p.source, viewStreams())
	if err != nil {
		return err
	}
	if err := endLost(from, targets); err != nil {
		return fmt.Errorf("projections: fold views: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shares := min(runtime.GOMAXPROCS(0), mostShares)
	chunks := ahead(ctx, p.source, viewStreams(), from, targets, shares)
	if anew { // while the log is being read already
		if err := p.forget(ctx); err != nil {
			return err
		}
	}
	c := catchingUp{projector: p, from: from, targets: targets, progress: progress}
	for range shares {
		c.stored = append(c.stored, from)
	}
	var working sync.WaitGroup
	for n := range shares {
		working.Go(func() {
			if err := c.fold(ctx, share{number: n, of: shares}, chunks[n]); err != nil {
				cancel(err)
			}
		})
	}
	working.Wait()
	return context.Cause(ctx)
}

// catchingUp is what the workers that fold one stretch of the log have in common.
type catchingUp struct {
	projector     *ViewsProjector
	from, targets domain.Cut
	progress      Progress

	mu sync.Mutex
	// stored is the cut up to which each share is in the store, and ended how many shares are complete.
	stored []domain.Cut
	ended  int
}

// fold folds one share of the aliases to the end.
func (c *catchingUp) fold(ctx context.Context, of share, chunks <-chan []undecoded) error {
	p, decoder := c.projector, c.projector.decoder()
	decoder.share = of
	batch := newViewsBatch(p.store, p.layout, c.from, of)
	total := distance(c.from, c.targets)
	for m := range decoder.messages(chunks) {
		if m.err != nil {
			return m.err
		}
		if err := batch.take(m); err != nil {
			return err
		}
		if batch.full() {
			if err := c.store(ctx, of, batch, false); err != nil {
				return err
			}
		}
		if c.progress != nil && of.number == 0 {
			c.progress(distance(c.from, batch.cut), total)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if left := distance(batch.cut, c.targets); left > 0 {
		return fmt.Errorf("projections: the log ended %d messages before its end: %w", left, domain.ErrUnavailable)
	}
	return c.store(ctx, of, batch, true)
}

// store takes a share's batch. The cut is what every share has stored; more follows until all have ended.
func (c *catchingUp) store(ctx context.Context, of share, batch *viewsBatch, last bool) error {
	cut, views := batch.cut, batch.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored[of.number] = cut
	if last {
		c.ended++
	}
	for _, s := range c.stored {
		cut = cut.Least(s)
	}
	return c.projector.stored(ctx, Batch{Views: views, Cut: cut, More: c.ended < len(c.stored)})
}
