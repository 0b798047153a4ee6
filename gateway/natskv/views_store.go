package natskv

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.ViewStore = (*Views)(nil)

// ErrNotWriter: these views were opened to be watched.
var ErrNotWriter = errors.New("natskv: the views were not opened for writing")

// View is the newest blob for the projector: of the generation it folds, whether or not readers see it yet.
func (v *Views) View(a domain.Alias) ([]byte, bool) { return v.written().blob(a) }

// written is the generation that is being written.
func (v *Views) written() *memory {
	if m := v.staging.Load(); m != nil {
		return m
	}
	return v.serving.Load()
}

// Store implements projections.ViewStore. It waits while more than maxUnwritten aliases are not in the buckets yet. It
// fails with ErrNotWriter, with ErrAnotherWriter once another process has written, or with the context's cause.
func (v *Views) Store(ctx context.Context, batch projections.Batch) error {
	if !v.options.Writer {
		return ErrNotWriter
	}
	if err := v.queue.room(ctx); err != nil {
		return err
	}
	m := v.written()
	changed := make([]domain.Alias, 0, len(batch.Views))
	for _, view := range batch.Views {
		if m.put(view.Alias, view.Blob) {
			changed = append(changed, view.Alias)
		}
	}
	v.queue.add(m, changed, batch.Cut, batch.More)
	v.turn.Lock()
	defer v.turn.Unlock()
	if m == v.serving.Load() || !batch.More {
		v.reached(m.generation, batch.Cut)
	}
	return nil
}

// Checkpoint implements projections.ViewStore. It waits until the buckets are loaded. Buckets that lost views, stem
// from another incarnation or were being cleared are cleared, for readers too.
func (v *Views) Checkpoint(ctx context.Context) (domain.Cut, error) {
	if !v.options.Writer {
		return domain.Cut{}, ErrNotWriter
	}
	select {
	case <-v.ready:
	case <-ctx.Done():
		return domain.Cut{}, fmt.Errorf("natskv: load the views: %w", context.Cause(ctx))
	}
	cut, reason := v.resumable()
	if reason == "" {
		return cut, nil
	}
	v.options.Logger.Warn("the views are folded again from the log", "reason", reason)
	if err := v.Clear(ctx); err != nil {
		return domain.Cut{}, err
	}
	v.turn.Lock()
	defer v.turn.Unlock()
	v.serving.Store(v.staging.Swap(nil))
	v.applied.reset()
	return domain.Cut{}, nil
}

// resumable is the least cut of the buckets' checkpoints, or why they cannot be trusted.
func (v *Views) resumable() (cut domain.Cut, reason string) {
	if v.staging.Load() != nil {
		return domain.Cut{}, ""
	}
	counts := v.countDurable(v.serving.Load())
	for i, b := range v.buckets {
		b.mu.Lock()
		held, at, damaged, unread := b.held, b.at, b.damaged, b.unread
		b.mu.Unlock()
		switch {
		case damaged:
			return cut, "a checkpoint cannot be read"
		case unread:
			return cut, "a page cannot be read"
		case held.generation != v.serving.Load().generation:
			return cut, "they were being cleared"
		case at == 0 && counts[i] > 0:
			return cut, "a bucket has no checkpoint"
		case counts[i] < held.views, !b.pages.has(held.pages):
			return cut, "a bucket has lost views"
		case at != 0 && held.incarnation != v.options.Incarnation:
			return cut, "the operating system was started again"
		case at != 0 && held.schema != viewSchema():
			return cut, "they are of another schema"
		}
		if i == 0 {
			cut = held.cut
		}
		cut = least(cut, held.cut)
	}
	return cut, ""
}

// Clear implements projections.ViewStore: it empties the buckets and begins a new generation.
func (v *Views) Clear(ctx context.Context) error {
	if !v.options.Writer {
		return ErrNotWriter
	}
	release, err := v.queue.suspend(ctx)
	if err != nil {
		return err
	}
	defer release()
	next := v.written().generation + 1
	for _, b := range v.buckets {
		if err := b.stream.Purge(ctx); err != nil {
			return fmt.Errorf("natskv: clear bucket %s: %w", b.name, unavailable(err))
		}
		b.mu.Lock()
		b.held, b.at, b.damaged, b.unread = checkpoint{}, 0, false, false
		b.mu.Unlock()
		b.pages = pages{}
		begun := checkpoint{generation: next, incarnation: v.options.Incarnation, schema: viewSchema()}
		ack, err := v.js.Publish(ctx, b.prefix+checkpointKey, begun.encode(), jetstream.WithExpectLastSequencePerSubject(0))
		if err != nil {
			return fmt.Errorf("natskv: begin bucket %s anew: %w", b.name, unavailable(err))
		}
		b.mu.Lock()
		b.held, b.at = begun, ack.Sequence
		b.mu.Unlock()
	}
	v.staging.Store(newMemory(next))
	return nil
}
