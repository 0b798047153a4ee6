package projections

import (
	"context"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// reachedCut is the cut a projection has reached, for many to read and to wait for.
type reachedCut struct {
	mu      sync.Mutex
	cut     domain.Cut
	changed chan struct{}
	next    *failure
}

// failure is one that keeps a projection from going on: err is set when it has happened.
type failure struct {
	happened chan struct{}
	err      error
}

func newReachedCut() *reachedCut {
	return &reachedCut{changed: make(chan struct{}), next: &failure{happened: make(chan struct{})}}
}

func (r *reachedCut) load() domain.Cut {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

func (r *reachedCut) store(cut domain.Cut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	close(r.changed)
	r.changed = make(chan struct{})
}

// fail ends the waits under way with the error.
func (r *reachedCut) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next.err = err
	close(r.next.happened)
	r.next = &failure{happened: make(chan struct{})}
}

func (r *reachedCut) wait(ctx context.Context, cut domain.Cut) error {
	r.mu.Lock()
	next := r.next
	r.mu.Unlock()
	for {
		r.mu.Lock()
		reached, changed := covers(r.cut, cut), r.changed
		r.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-next.happened:
			return next.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// covers says whether a cut holds everything that another does.
func covers(cut, other domain.Cut) bool {
	for s := range cut {
		if cut[s] < other[s] {
			return false
		}
	}
	return true
}
