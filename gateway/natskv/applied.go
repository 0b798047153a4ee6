package natskv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// ErrNotInViews: the stream is not folded into views, so waiting for a place in it would never end.
var ErrNotInViews = errors.New("natskv: the stream is not part of the views")

// applied is the cut that readers see, and who waits for it to pass a place.
type applied struct {
	mu      sync.Mutex
	cut     domain.Cut
	waiting []*waiter
	hooks   []func(domain.Cut)
}

type waiter struct {
	stream   domain.Stream
	sequence uint64
	reached  chan struct{}
}

func (a *applied) now() domain.Cut {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cut
}

// advance moves each stream's sequence forward, never back, wakes whoever waited for it and calls the hooks.
func (a *applied) advance(to domain.Cut) {
	a.mu.Lock()
	moved := false
	for s := range to {
		if to[s] > a.cut[s] {
			a.cut[s], moved = to[s], true
		}
	}
	cut, hooks := a.cut, a.hooks
	if moved {
		a.waiting = slices.DeleteFunc(a.waiting, func(w *waiter) bool {
			if cut[w.stream] < w.sequence {
				return false
			}
			close(w.reached)
			return true
		})
	}
	a.mu.Unlock()
	if !moved {
		return
	}
	for _, hook := range hooks {
		hook(cut)
	}
}

// reset is for the start only: what had been loaded could not be trusted.
func (a *applied) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut = domain.Cut{}
}

func (a *applied) add(hook func(domain.Cut)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hooks = append(slices.Clip(a.hooks), hook)
}

func (a *applied) wait(ctx context.Context, place domain.Place) error {
	w := a.register(place)
	if w == nil {
		return nil
	}
	select {
	case <-w.reached:
		return nil
	case <-ctx.Done():
		a.leave(w)
		return fmt.Errorf("natskv: wait for the views to reach %v: %w", place, context.Cause(ctx))
	}
}

// register is nil when the place is reached already.
func (a *applied) register(place domain.Place) *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cut[place.Stream] >= place.Position.Sequence {
		return nil
	}
	w := &waiter{stream: place.Stream, sequence: place.Position.Sequence, reached: make(chan struct{})}
	a.waiting = append(a.waiting, w)
	return w
}

func (a *applied) leave(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(other *waiter) bool { return other == w })
}
