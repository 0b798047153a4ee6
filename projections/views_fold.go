package projections

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
)

// A batch ends when its activities are estimated to take so much memory, in bytes: the least while the events of an alias
// stand together, which stays in the processor's caches and is used again by the next batch; the most once aliases come
// back, since each batch decodes and encodes them again. Following, it ends long before, when nothing more has arrived.
const (
	leastWeight = 4 << 20
	mostWeight  = 256 << 20
)

// Estimates of memory: an activity, what decoding makes of a blob's byte, and an event.
const (
	activityWeight = 1024
	blobWeight     = 5
	eventWeight    = 96
)

// fewSpare foldings wait for a larger batch when a smaller one did not need them.
const fewSpare = 64

// viewsBatch folds what has arrived.
type viewsBatch struct {
	store  ViewStore
	layout *feature.Layout
	// share is whose activities it holds.
	share   share
	folding map[domain.Alias]*folding
	// order is the same in the order of begin, and last the one folded into before, which often comes again.
	order  []*folding
	last   *folding
	cut    domain.Cut
	weight int
	// limit is the weight at which the batch is full, and most how far it goes; returned counts the aliases that an earlier
	// batch had, too.
	limit, most, returned int
	// spare are of batches before, to be used again.
	spare   []*folding
	scratch []byte
}

// folding is one alias's activity in the making.
type folding struct {
	alias   domain.Alias
	folder  feature.Folder
	changed bool
}

// decoder decodes what the fold reads.
func (p *ViewsProjector) decoder() *leanDecoder { return activityDecoder(p.layout) }

func newViewsBatch(store ViewStore, layout *feature.Layout, cut domain.Cut, of share) *viewsBatch {
	return &viewsBatch{
		store: store, layout: layout, share: of, cut: cut, limit: leastWeight, most: mostWeight / max(1, of.of),
		folding: map[domain.Alias]*folding{},
	}
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
		if m.stream != domain.Identity {
			continue
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
	raw := r.Event.GetAlias()
	if len(raw) != len(domain.Alias{}) {
		return nil // an event about no person
	}
	f := b.last
	if a := domain.Alias(raw); f == nil || f.alias != a {
		if !b.share.has(a) {
			return nil
		}
		var err error
		if f, err = b.foldingOf(a); err != nil {
			return err
		}
		b.last = f
	}
	if f.folder.Fold(r) {
		f.changed = true
		b.weight += eventWeight
	}
	return nil
}

// foldingOf is an alias's activity; when it is new to the batch, what the store has of it is decoded.
func (b *viewsBatch) foldingOf(a domain.Alias) (*folding, error) {
	if f, known := b.folding[a]; known {
		return f, nil
	}
	f := b.begin(a)
	blob, known := b.store.View(a)
	if !known {
		f.folder.Restart()
	} else if err := f.folder.Resume(b.layout, blob); err != nil {
		return nil, fmt.Errorf("projections: fold a view: %w", err)
	} else {
		b.returned++
	}
	b.folding[a] = f
	b.order = append(b.order, f)
	b.weight += activityWeight + blobWeight*len(blob)
	return f, nil
}

// begin is a folding of an alias; what its folder holds may be of another one before.
func (b *viewsBatch) begin(a domain.Alias) *folding {
	last := len(b.spare) - 1
	if last < 0 {
		return &folding{alias: a, folder: *feature.NewFolder(b.layout.Empty())}
	}
	f := b.spare[last]
	b.spare = b.spare[:last]
	f.alias, f.changed = a, false
	return f
}

// full says whether the batch must be stored before more is taken.
func (b *viewsBatch) full() bool { return b.weight >= b.limit }

// end encodes the views that changed, and begins the next batch.
func (b *viewsBatch) end() []View {
	views := make([]View, 0, len(b.order))
	for _, f := range b.order {
		if f.changed {
			b.scratch = f.folder.AppendEncode(b.scratch[:0])
			views = append(views, View{Alias: f.alias, Blob: bytes.Clone(b.scratch)})
		}
	}
	b.next()
	return views
}

// next begins the next batch.
func (b *viewsBatch) next() {
	if b.full() && b.returned > len(b.order)/4 {
		b.limit = b.most
	}
	b.spare = slices.Delete(b.spare, min(len(b.spare), fewSpare), len(b.spare))
	if b.weight < 2*leastWeight {
		b.spare = append(b.spare, b.order...)
	}
	clear(b.folding)
	clear(b.order)
	b.order, b.last, b.weight, b.returned = b.order[:0], nil, 0, 0
}

// follow folds what arrives, one batch after another: whatever has gathered while the batch before was stored.
func (p *ViewsProjector) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := newViewsBatch(p.store, p.layout, p.Applied(), share{})
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
		if err := p.stored(ctx, Batch{Views: batch.end(), Cut: batch.cut}); err != nil {
			return err
		}
	}
}

// stored hands on what has been folded.
func (p *ViewsProjector) stored(ctx context.Context, batch Batch) error {
	if err := p.store.Store(ctx, batch); err != nil {
		return fmt.Errorf("projections: store views: %w", err)
	}
	p.setApplied(batch.Cut)
	return nil
}
