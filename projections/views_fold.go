package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// decoder decodes what the fold reads.
func (p *ViewsProjector) decoder() *leanDecoder { return activityDecoder(p.layout) }

// unreadable says that a stored view is of another schema or damaged: then all are folded again.
func unreadable(err error) bool {
	return errors.Is(err, feature.ErrActivitySchema) || errors.Is(err, feature.ErrActivityCorrupt)
}

// catchUp folds the log up to what it holds now, from the beginning when what is stored cannot be read.
func (p *ViewsProjector) catchUp(ctx context.Context, progress Progress) error {
	err := p.resume(ctx)
	if err == nil {
		err = p.foldToEnd(ctx, progress)
	}
	if !unreadable(err) {
		return err
	}
	if err := p.forget(ctx); err != nil {
		return err
	}
	return p.foldToEnd(ctx, progress)
}

func (p *ViewsProjector) foldToEnd(ctx context.Context, progress Progress) error {
	targets, err := ends(ctx, p.source, viewStreams())
	if err != nil {
		return err
	}
	begun := p.Applied()
	if err := endLost(begun, targets); err != nil {
		return fmt.Errorf("projections: fold views: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := newViewsBatch(p.store, p.layout, begun)
	if err := p.foldBetween(ctx, batch, begun, targets, progress); err != nil {
		cancel()
		_ = batch.settle() // so that nothing is stored any more; why it ends is known
		return err
	}
	return p.flush(ctx, batch, false)
}

// foldBetween folds the log after one cut up to another. The last batch is left to be stored.
func (p *ViewsProjector) foldBetween(ctx context.Context, batch *viewsBatch, begun, targets domain.Cut, progress Progress) error {
	total := distance(begun, targets)
	for m := range between(ctx, p.source, viewStreams(), p.decoder, begun, targets) {
		if m.err != nil {
			return m.err
		}
		if err := batch.take(m); err != nil {
			return err
		}
		if batch.full() {
			if err := p.flush(ctx, batch, true); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(distance(begun, batch.cut), total)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if left := distance(batch.cut, targets); left > 0 {
		return fmt.Errorf("projections: the log ended %d messages before its end: %w", left, domain.ErrUnavailable)
	}
	return nil
}

// follow folds what arrives, one batch after another: whatever has gathered while the batch before was stored.
func (p *ViewsProjector) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := newViewsBatch(p.store, p.layout, p.Applied())
	arrived := arriving(ctx, p.source, viewStreams(), p.decoder, batch.cut)
	for {
		var m message
		select {
		case m = <-arrived.messages:
		case <-ctx.Done():
			return nil
		}
		for waiting := true; waiting; {
			if m.err != nil {
				return m.err
			}
			if err := batch.take(m); err != nil {
				return err
			}
			arrived.done(m)
			if batch.full() {
				break
			}
			select {
			case m = <-arrived.messages:
			default:
				waiting = false
			}
		}
		if err := p.flush(ctx, batch, false); err != nil {
			return err
		}
	}
}

// flush stores a batch; one of many, whose aliases hardly come back, while the next is folded.
func (p *ViewsProjector) flush(ctx context.Context, batch *viewsBatch, more bool) error {
	if more && batch.standTogether() {
		return batch.storeBehind(ctx, p.setApplied)
	}
	if err := batch.settle(); err != nil {
		return err
	}
	if err := batch.flush(ctx, more); err != nil {
		return err
	}
	p.setApplied(batch.cut)
	return nil
}
