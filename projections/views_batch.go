package projections

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

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
	store   ViewStore
	layout  *feature.Layout
	folding map[domain.Alias]*folding
	// order is the same in the order of begin, and last the one folded into before, which often comes again.
	order  []*folding
	last   *folding
	cut    domain.Cut
	weight int
	// limit is the weight at which the batch is full; returned counts its aliases that an earlier batch had, too.
	limit, returned int
	// spare are of batches before, to be used again.
	spare []*folding
	// storing is the batch before while it is encoded and stored; nil when it has been.
	storing *storing
}

// folding is one alias's activity in the making.
type folding struct {
	alias   domain.Alias
	folder  feature.StoredFolder
	changed bool
}

func newViewsBatch(store ViewStore, layout *feature.Layout, cut domain.Cut) *viewsBatch {
	return &viewsBatch{store: store, layout: layout, cut: cut, limit: leastWeight, folding: map[domain.Alias]*folding{}}
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
		var err error
		if f, err = b.foldingOf(a); err != nil {
			return err
		}
		b.last = f
	}
	changed, err := f.folder.Fold(r)
	if err != nil {
		return fmt.Errorf("projections: fold a view: %w", err)
	}
	if changed {
		f.changed = true
		b.weight += eventWeight
	}
	return nil
}

// foldingOf is an alias's activity; when it is new to the batch, as the store has it.
func (b *viewsBatch) foldingOf(a domain.Alias) (*folding, error) {
	if f, known := b.folding[a]; known {
		return f, nil
	}
	if err := b.settled(a); err != nil {
		return nil, err
	}
	f := b.begin(a)
	blob, known := b.store.View(a)
	if err := f.folder.Resume(b.layout, blob); err != nil {
		return nil, fmt.Errorf("projections: fold a view: %w", err)
	}
	if known {
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
		return &folding{alias: a}
	}
	f := b.spare[last]
	b.spare = b.spare[:last]
	f.alias, f.changed = a, false
	return f
}

// full says whether the batch must be stored before more is taken.
func (b *viewsBatch) full() bool { return b.weight >= b.limit }

// flush encodes and stores each alias that changed, and begins the next batch.
func (b *viewsBatch) flush(ctx context.Context, more bool) error {
	batch := Batch{Cut: b.cut, More: more, Views: encodeChanged(b.order)}
	b.next()
	return storeViews(ctx, b.store, batch)
}

func storeViews(ctx context.Context, store ViewStore, batch Batch) error {
	if err := store.Store(ctx, batch); err != nil {
		return fmt.Errorf("projections: store views: %w", err)
	}
	return nil
}

// adapt lets batches be large once aliases come back.
func (b *viewsBatch) adapt() {
	if b.full() && b.returned > len(b.order)/4 {
		b.limit = mostWeight
	}
}

// standTogether says whether the events of an alias do, as far as is known.
func (b *viewsBatch) standTogether() bool { return b.limit == leastWeight }

// next begins the next batch.
func (b *viewsBatch) next() {
	b.adapt()
	b.spare = slices.Delete(b.spare, min(len(b.spare), fewSpare), len(b.spare))
	if b.weight < 2*leastWeight {
		b.spare = append(b.spare, b.order...)
	}
	clear(b.folding)
	clear(b.order)
	b.order, b.last, b.weight, b.returned = b.order[:0], nil, 0, 0
}

// encodeTogether is how many views are worth a goroutine that encodes them.
const encodeTogether = 1024

// encodeChanged encodes the activities that changed, many of them on every core.
func encodeChanged(all []*folding) []View {
	workers := min(runtime.GOMAXPROCS(0), 1+len(all)/encodeTogether)
	if workers == 1 {
		return encodeSome(all)
	}
	parts := make([][]View, workers)
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() { parts[w] = encodeSome(all[w*len(all)/workers : (w+1)*len(all)/workers]) })
	}
	working.Wait()
	return slices.Concat(parts...)
}

func encodeSome(some []*folding) []View {
	views := make([]View, 0, len(some))
	var scratch []byte
	for _, f := range some {
		if f.changed {
			scratch = f.folder.AppendEncode(scratch[:0])
			views = append(views, View{Alias: f.alias, Blob: bytes.Clone(scratch)})
		}
	}
	return views
}
