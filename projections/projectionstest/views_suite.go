package projectionstest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// ViewStoreHarness opens the same store again and again: each open sees what the one before had made durable when it
// was closed, which Open does for it.
type ViewStoreHarness struct {
	Open func(t *testing.T) projections.ViewStore
}

// RunViewStoreSuite checks what a projector relies on; every ViewStore must pass it.
func RunViewStoreSuite(t *testing.T, harness func(t *testing.T) ViewStoreHarness) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, ViewStoreHarness)
	}{
		{"EmptyStoreHasNothing", emptyStoreHasNothing},
		{"StoredIsVisibleAtOnce", storedIsVisibleAtOnce},
		{"LaterReplacesEarlier", laterReplacesEarlier},
		{"OthersAreReadWhileABatchIsStored", othersAreReadWhileStoring},
		{"ReopenedHoldsAll", reopenedHoldsAll},
		{"ReopenedAfterManyRounds", reopenedAfterManyRounds},
		{"ClearBeginsAnew", clearBeginsAnew},
		{"ClearedStaysClearedWhenReopened", clearedStaysCleared},
		{"StoreEndsWithItsContext", storeEndsWithItsContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, harness(t))
		})
	}
}

// ViewAlias is the n-th of many different aliases, spread over all partitions.
func ViewAlias(n int) domain.Alias {
	var random [10]byte
	copy(random[2:], fmt.Sprintf("%08d", n))
	return domain.NewAlias(time.UnixMilli(int64(n)), random)
}

func views(from, to int, content string) []projections.View {
	var list []projections.View
	for n := from; n < to; n++ {
		list = append(list, projections.View{Alias: ViewAlias(n), Blob: fmt.Appendf(nil, "%s of %d", content, n)})
	}
	return list
}

func cutAt(behaviour, identity uint64) (c domain.Cut) {
	c[domain.Behaviour], c[domain.Identity] = behaviour, identity
	return c
}

func store(t *testing.T, s projections.ViewStore, cut domain.Cut, more bool, list []projections.View) {
	t.Helper()
	if err := s.Store(t.Context(), projections.Batch{Views: list, Cut: cut, More: more}); err != nil {
		t.Fatal(err)
	}
}

func wantViews(t *testing.T, s projections.ViewStore, want []projections.View) {
	t.Helper()
	for _, v := range want {
		blob, known := s.View(v.Alias)
		if !known || string(blob) != string(v.Blob) {
			t.Fatalf("View gives %q, %v, want %q", blob, known, v.Blob)
		}
	}
}

func wantCheckpoint(t *testing.T, s projections.ViewStore, want domain.Cut) {
	t.Helper()
	cut, err := s.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, cut); diff != "" {
		t.Fatalf("checkpoint (-want +got):\n%s", diff)
	}
}

func emptyStoreHasNothing(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	if blob, known := s.View(ViewAlias(1)); known || blob != nil {
		t.Fatal("an empty store has a view")
	}
}

func storedIsVisibleAtOnce(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(1, 0), false, views(0, 10, "one"))
	wantViews(t, s, views(0, 10, "one"))
}

func laterReplacesEarlier(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(1, 0), false, views(0, 10, "one"))
	store(t, s, cutAt(2, 0), false, views(5, 15, "two"))
	wantViews(t, s, append(views(0, 5, "one"), views(5, 15, "two")...))
}

// The race detector says whether a store minds.
func othersAreReadWhileStoring(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(1, 0), true, views(0, 300, "one"))
	stored := make(chan error, 1)
	go func() {
		stored <- s.Store(t.Context(), projections.Batch{Cut: cutAt(2, 0), Views: views(300, 3000, "two")})
	}()
	wantViews(t, s, views(0, 300, "one"))
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	wantViews(t, s, append(views(0, 300, "one"), views(300, 3000, "two")...))
}

func reopenedHoldsAll(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(1, 0), true, views(0, 300, "one"))
	store(t, s, cutAt(2, 7), false, views(100, 400, "two"))
	s = h.Open(t)
	wantCheckpoint(t, s, cutAt(2, 7))
	wantViews(t, s, append(views(0, 100, "one"), views(100, 400, "two")...))
}

func reopenedAfterManyRounds(t *testing.T, h ViewStoreHarness) {
	want := domain.Cut{}
	for round := range 3 {
		s := h.Open(t)
		wantCheckpoint(t, s, want)
		for i := range 20 {
			want = cutAt(uint64(round*20+i+1), uint64(i))
			store(t, s, want, false, views(i, i+3, fmt.Sprint(round, i)))
		}
	}
	s := h.Open(t)
	wantCheckpoint(t, s, want)
	wantViews(t, s, views(19, 22, "2 19"))
	wantViews(t, s, views(0, 1, "2 0"))
}

func clearBeginsAnew(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(3, 0), false, views(0, 50, "old"))
	if err := s.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, known := s.View(ViewAlias(1)); known {
		t.Fatal("a cleared store has a view")
	}
	store(t, s, cutAt(1, 0), true, views(0, 5, "new"))
	store(t, s, cutAt(3, 0), false, views(3, 8, "newer"))
	wantViews(t, s, append(views(0, 3, "new"), views(3, 8, "newer")...))
	s = h.Open(t)
	wantCheckpoint(t, s, cutAt(3, 0))
	if _, known := s.View(ViewAlias(20)); known {
		t.Fatal("a view from before Clear is back")
	}
}

func clearedStaysCleared(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(3, 0), false, views(0, 50, "old"))
	if err := s.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	if _, known := s.View(ViewAlias(1)); known {
		t.Fatal("a cleared store has a view when opened again")
	}
}

func storeEndsWithItsContext(t *testing.T, h ViewStoreHarness) {
	s := h.Open(t)
	wantCheckpoint(t, s, domain.Cut{})
	store(t, s, cutAt(1, 0), false, views(0, 3, "one"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Store(ctx, projections.Batch{Views: views(0, 3, "two"), Cut: cutAt(2, 0)}); err == nil {
		wantViews(t, s, views(0, 3, "two"))
		return
	}
	wantViews(t, s, views(0, 3, "one"))
}
