package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
)

// A batch ends when its activities are estimated to take so much memory, in bytes. While catching up this decides how
// often an alias is decoded and encoded again; following, batches end long before, when nothing more has arrived.
const batchWeight = 256 << 20

// Estimates of memory: an activity, what decoding makes of a blob's byte, and an event.
const (
	activityWeight = 1024
	blobWeight     = 5
	eventWeight    = 96
)

// viewsBatch folds what has arrived.
type viewsBatch struct {
	store   ViewStore
	folding map[domain.Alias]*folding
	cut     domain.Cut
	weight  int
	scratch []byte
}

type folding struct {
	folder  *feature.Folder
	changed bool
}

func newViewsBatch(store ViewStore, cut domain.Cut) *viewsBatch {
	return &viewsBatch{store: store, cut: cut, folding: map[domain.Alias]*folding{}}
}

// take folds one message. An event that stands in a stream it does not belong to is about no one.
func (b *viewsBatch) take(m message) error {
	for _, r := range m.events {
		if s, known := domain.StreamOf(r.Event); !known || s != m.stream {
			continue
		}
		if err := b.fold(r); err != nil {
			return err
		}
		if mirrored, ok := identity.Mirror(r); ok {
			if err := b.fold(mirrored); err != nil {
				return err
			}
		}
	}
	b.cut[m.stream] = m.sequence
	return nil
}

func (b *viewsBatch) fold(r domain.Recorded) error {
	a, err := domain.AliasFromBytes(r.Event.GetAlias())
	if err != nil {
		return nil // an event about no person
	}
	f, known := b.folding[a]
	if !known {
		if f, err = b.begin(a); err != nil {
			return err
		}
	}
	if f.folder.Fold(r) {
		f.changed = true
		b.weight += eventWeight
	}
	return nil
}

// begin decodes what the store has of an alias.
func (b *viewsBatch) begin(a domain.Alias) (*folding, error) {
	var activity feature.Activity
	blob, known := b.store.View(a)
	if known {
		var err error
		if activity, err = feature.Decode(blob); err != nil {
			return nil, fmt.Errorf("projections: fold a view: %w", err)
		}
	}
	f := &folding{folder: feature.NewFolder(activity)}
	b.folding[a] = f
	b.weight += activityWeight + blobWeight*len(blob)
	return f, nil
}

// full says whether the batch must be stored before more is taken.
func (b *viewsBatch) full() bool { return b.weight >= batchWeight }

// flush encodes and stores each alias that changed, and begins the next batch.
func (b *viewsBatch) flush(ctx context.Context, more bool) error {
	batch := Batch{Cut: b.cut, More: more, Views: make([]View, 0, len(b.folding))}
	for a, f := range b.folding {
		if f.changed {
			b.scratch = f.folder.AppendEncode(b.scratch[:0])
			batch.Views = append(batch.Views, View{Alias: a, Blob: bytes.Clone(b.scratch)})
		}
	}
	clear(b.folding)
	b.weight = 0
	if err := b.store.Store(ctx, batch); err != nil {
		return fmt.Errorf("projections: store views: %w", err)
	}
	return nil
}

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
	total := distance(begun, targets)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := newViewsBatch(p.store, begun)
	for m := range between(ctx, p.source, viewStreams(), activityDecoder, begun, targets) {
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
	return p.flush(ctx, batch, false)
}

// follow folds what arrives, one batch after another: whatever has gathered while the batch before was stored.
func (p *ViewsProjector) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := newViewsBatch(p.store, p.Applied())
	arrived := arriving(ctx, p.source, viewStreams(), activityDecoder, batch.cut)
	for {
		var m message
		select {
		case m = <-arrived:
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
			if batch.full() {
				break
			}
			select {
			case m = <-arrived:
			default:
				waiting = false
			}
		}
		if err := p.flush(ctx, batch, false); err != nil {
			return err
		}
	}
}

func (p *ViewsProjector) flush(ctx context.Context, batch *viewsBatch, more bool) error {
	if err := batch.flush(ctx, more); err != nil {
		return err
	}
	p.setApplied(batch.cut)
	return nil
}
