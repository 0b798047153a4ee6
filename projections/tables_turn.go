package projections

import (
	"context"
	"sync"
)

// turn lets one piece of work at a time at the tables. Urgent work (a rebuild) ends the other at its next step and
// goes first.
type turn struct {
	mu      sync.Mutex
	free    *sync.Cond
	busy    bool
	urgent  int
	stopNow context.CancelFunc
}

func newTurn() *turn {
	t := &turn{}
	t.free = sync.NewCond(&t.mu)
	return t
}

// takeTurn runs the work when it is its turn. Work that is not urgent gets a context that urgent work ends.
func (p *TablesProjector) takeTurn(ctx context.Context, urgent bool, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := p.turn.take(ctx, urgent, stop); err != nil {
		return err
	}
	defer p.turn.give()
	return work(ctx)
}

func (t *turn) take(ctx context.Context, urgent bool, stop context.CancelFunc) error {
	wake := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.free.Broadcast()
	})
	defer wake()
	t.mu.Lock()
	defer t.mu.Unlock()
	if urgent {
		t.urgent++
		defer func() { t.urgent-- }()
		if t.stopNow != nil {
			t.stopNow()
		}
	}
	for ctx.Err() == nil && (t.busy || (!urgent && t.urgent > 0)) {
		t.free.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.busy = true
	if !urgent {
		t.stopNow = stop
	}
	return nil
}

func (t *turn) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy, t.stopNow = false, nil
	t.free.Broadcast()
}
