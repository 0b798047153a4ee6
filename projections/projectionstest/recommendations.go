package projectionstest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.RecommendationStore = (*MemoryLists)(nil)

// MemoryLists keeps pages of lists in memory. It names the pages that were emptied, as a store may. The zero value is ready.
type MemoryLists struct {
	mu       sync.Mutex
	pages    map[int]storedLists
	revision uint64
}

type storedLists struct {
	page     projections.RecommendationPage
	revision uint64
}

// Pages implements projections.RecommendationStore.
func (m *MemoryLists) Pages(context.Context) ([]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.pages)), nil
}

// LoadPage implements projections.RecommendationStore.
func (m *MemoryLists) LoadPage(_ context.Context, number int) (projections.RecommendationPage, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.pages[number]
	return stored.page, stored.revision, nil
}

// StorePage implements projections.RecommendationStore.
func (m *MemoryLists) StorePage(_ context.Context, number int, page projections.RecommendationPage, revision uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pages[number].revision != revision {
		return projections.ErrPageChanged
	}
	if m.pages == nil {
		m.pages = map[int]storedLists{}
	}
	if len(page.Lists) == 0 {
		m.pages[number] = storedLists{}
		return nil
	}
	m.revision++
	m.pages[number] = storedLists{page, m.revision}
	return nil
}

// RunRecommendationStoreSuite checks a store that is empty; every RecommendationStore must pass it.
func RunRecommendationStoreSuite(t *testing.T, s projections.RecommendationStore) {
	t.Helper()
	wantPages(t, s, nil)
	one := projections.RecommendationPage{Learned: projections.Learned{AtMS: -5, People: 3, Items: 4}, Lists: []projections.RecommendationList{
		{Profile: domain.Alias{1}, Sequence: 1 << 60, Aliases: 1 << 63, Items: []projections.ListedItem{
			{Item: projections.Item{Item: "tea", Score: 0.1 + 0.2}, Bought: true}, {Item: projections.Item{Item: "a\x00cup, ü", Score: 0}},
		}},
		{Profile: domain.Alias{2}, Sequence: 7},
		{Profile: domain.Alias{255}, Items: []projections.ListedItem{{Item: projections.Item{Item: "tea", Score: 1e-300}}}},
	}}
	other := projections.RecommendationPage{Lists: one.Lists[2:]}
	wantLists(t, s, 0, projections.RecommendationPage{}, 0)
	first := storeLists(t, s, 0, one, 0)
	last := storeLists(t, s, projections.ListPages-1, other, 0)
	wantPages(t, s, nil, 0, projections.ListPages-1)
	for _, outdated := range []uint64{0, first + last + 1} {
		if err := s.StorePage(t.Context(), 0, other, outdated); !errors.Is(err, projections.ErrPageChanged) {
			t.Errorf("store under revision %d: %v", outdated, err)
		}
	}
	wantLists(t, s, 0, one, first)
	second := storeLists(t, s, 0, other, first)
	if err := s.StorePage(t.Context(), 0, projections.RecommendationPage{}, first); !errors.Is(err, projections.ErrPageChanged) {
		t.Errorf("remove what has changed: %v", err)
	}
	if err := s.StorePage(t.Context(), 0, projections.RecommendationPage{}, second); err != nil {
		t.Fatal(err)
	}
	wantPages(t, s, []int{0}, projections.ListPages-1)
	wantLists(t, s, 0, projections.RecommendationPage{}, 0)
	wantLists(t, s, projections.ListPages-1, other, last)
	storeLists(t, s, 0, one, 0) // again after it was removed
	wantPages(t, s, nil, 0, projections.ListPages-1)
}

func storeLists(t *testing.T, s projections.RecommendationStore, number int, page projections.RecommendationPage, revision uint64) uint64 {
	t.Helper()
	if err := s.StorePage(t.Context(), number, page, revision); err != nil {
		t.Fatal(err)
	}
	got, stored, err := s.LoadPage(t.Context(), number)
	if err != nil || stored == revision {
		t.Fatalf("revision %d after %d: %v", stored, revision, err)
	}
	if diff := cmp.Diff(page, got); diff != "" {
		t.Fatalf("page %d (-stored +loaded):\n%s", number, diff)
	}
	return stored
}

func wantLists(t *testing.T, s projections.RecommendationStore, number int, want projections.RecommendationPage, revision uint64) {
	t.Helper()
	got, at, err := s.LoadPage(t.Context(), number)
	if err != nil || at != revision {
		t.Fatalf("page %d has revision %d, want %d: %v", number, at, revision, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page %d (-want +got):\n%s", number, diff)
	}
}

// wantPages are named, and no others but perhaps those that were emptied.
func wantPages(t *testing.T, s projections.RecommendationStore, emptied []int, want ...int) {
	t.Helper()
	got, err := s.Pages(t.Context())
	if err != nil || !slices.IsSorted(got) {
		t.Fatalf("pages %v: %v", got, err)
	}
	got = slices.DeleteFunc(got, func(number int) bool { return slices.Contains(emptied, number) })
	if !slices.Equal(got, want) {
		t.Fatalf("pages %v, want %v, and perhaps %v", got, want, emptied)
	}
}
