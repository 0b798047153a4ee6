package leasetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/profferhq/proffer/gateway/lease"
)

// RunStoreSuite runs the conformance suite on an empty store.
func RunStoreSuite(t *testing.T, s lease.Store) {
	t.Helper()
	holds := func(work, holder string, revision uint64) {
		t.Helper()
		if got, at, err := s.Load(t.Context(), work); got != holder || at != revision || err != nil {
			t.Fatalf("%s is held by %q at %d, %v; want %q at %d", work, got, at, err, holder, revision)
		}
	}
	stores := func(work, holder string, revision uint64) uint64 {
		t.Helper()
		next, err := s.Store(t.Context(), work, holder, revision)
		if err != nil || next <= revision {
			t.Fatalf("%s of %s after %d: revision %d, %v", holder, work, revision, next, err)
		}
		return next
	}
	refuses := func(work, holder string, revision uint64) {
		t.Helper()
		if _, err := s.Store(t.Context(), work, holder, revision); !errors.Is(err, lease.ErrTaken) {
			t.Fatalf("%s of %s after %d: %v, want %v", holder, work, revision, err, lease.ErrTaken)
		}
	}
	holds("match", "", 0)
	refuses("match", "a", 7)
	first := stores("match", "a", 0)
	holds("match", "a", first)
	refuses("match", "b", 0)
	holds("move", "", 0)
	stores("move", "b", 0)
	second := stores("match", "a", first)
	refuses("match", "b", first)
	holds("match", "a", second)
	third := stores("match", "", second)
	holds("match", "", third)

	var taking sync.WaitGroup
	var mu sync.Mutex
	var won []string
	for n := range 8 {
		taking.Go(func() {
			who := fmt.Sprint(n)
			if _, err := s.Store(t.Context(), "match", who, third); err == nil {
				mu.Lock()
				won = append(won, who)
				mu.Unlock()
			} else if !errors.Is(err, lease.ErrTaken) {
				t.Error(err)
			}
		})
	}
	taking.Wait()
	if holder, _, err := s.Load(t.Context(), "match"); len(won) != 1 || holder != won[0] || err != nil {
		t.Errorf("%v took it at once; it is held by %q, %v", won, holder, err)
	}
}
