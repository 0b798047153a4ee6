package projectionstest

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.CountStore = (*MemoryCounts)(nil)

// MemoryCounts keeps one Counts in memory.
type MemoryCounts struct {
	mu     sync.Mutex
	counts projections.Counts
}

// LoadCounts implements projections.CountStore.
func (m *MemoryCounts) LoadCounts(context.Context) (projections.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts.Clone(), nil
}

// StoreCounts implements projections.CountStore.
func (m *MemoryCounts) StoreCounts(_ context.Context, counts projections.Counts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts = counts.Clone()
	return nil
}

// RunCountStoreSuite checks a store that is empty; every CountStore must pass it.
func RunCountStoreSuite(t *testing.T, s projections.CountStore) {
	t.Helper()
	for _, want := range []projections.Counts{
		{},
		{Cut: domain.Cut{1, 2, 3, 4, 5, 1 << 40}, Events: map[string]uint64{"viewed": 7}},
		{Cut: domain.Cut{9}, Events: map[string]uint64{"viewed": 8, "unknown": 1 << 60}},
	} {
		if want.Events != nil {
			if err := s.StoreCounts(t.Context(), want); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.LoadCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("counts (-stored +loaded):\n%s", diff)
		}
	}
}
