package projectionstest

import (
	"context"
	"maps"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.ViewStore = (*MemoryViews)(nil)

// MemoryViews keeps views in memory, and knows what of them would survive a crash.
type MemoryViews struct {
	mu      sync.Mutex
	views   map[domain.Alias][]byte
	cut     domain.Cut
	durable map[domain.Alias][]byte
	held    domain.Cut
	pending []projections.Batch
}

// NewMemoryViews is an empty store.
func NewMemoryViews() *MemoryViews {
	return &MemoryViews{views: map[domain.Alias][]byte{}, durable: map[domain.Alias][]byte{}}
}

// View implements projections.ViewStore.
func (m *MemoryViews) View(a domain.Alias) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blob, known := m.views[a]
	return blob, known
}

// Store implements projections.ViewStore.
func (m *MemoryViews) Store(ctx context.Context, batch projections.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range batch.Views {
		m.views[v.Alias] = v.Blob
	}
	m.cut = batch.Cut
	m.pending = append(m.pending, batch)
	return nil
}

// Checkpoint implements projections.ViewStore.
func (m *MemoryViews) Checkpoint(context.Context) (domain.Cut, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cut, nil
}

// Clear implements projections.ViewStore.
func (m *MemoryViews) Clear(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views, m.durable = map[domain.Alias][]byte{}, map[domain.Alias][]byte{}
	m.cut, m.held, m.pending = domain.Cut{}, domain.Cut{}, nil
	return nil
}

// Crash is the store as a restart finds it: the batches stored up to now reached the disk up to the written-th, the
// first partial views of the one after it did too, and the checkpoint is that of the checked-th (at most written).
func (m *MemoryViews) Crash(written, partial, checked int) *MemoryViews {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := &MemoryViews{durable: maps.Clone(m.durable), held: m.held}
	for i, batch := range m.pending {
		views := batch.Views
		if i == written {
			views = views[:min(partial, len(views))]
		} else if i > written {
			break
		}
		for _, v := range views {
			after.durable[v.Alias] = v.Blob
		}
		if i < min(checked, written) {
			after.held = batch.Cut
		}
	}
	after.views, after.cut = maps.Clone(after.durable), after.held
	return after
}

// Batches is how many batches Crash can tell apart.
func (m *MemoryViews) Batches() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending)
}

// Range implements projections.ViewRange.
func (m *MemoryViews) Range(yield func(domain.Alias, []byte) bool) {
	m.mu.Lock()
	views := maps.Clone(m.views)
	m.mu.Unlock()
	for a, blob := range views {
		if !yield(a, blob) {
			return
		}
	}
}
