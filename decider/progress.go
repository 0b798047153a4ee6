package decider

import (
	"context"
	"fmt"
	"sync"
)

// progress is how far a stream was followed, and who waits for it. The zero progress is at the beginning.
type progress struct {
	mu      sync.Mutex
	reached uint64
	moved   chan struct{} // closed at the next advance; nil while nobody waits
}

func (p *progress) advance(to uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to <= p.reached {
		return
	}
	p.reached = to
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// wait returns when the sequence is reached, or with the context's error.
func (p *progress) wait(ctx context.Context, sequence uint64) error {
	for {
		moved := p.next(sequence)
		if moved == nil {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for the log to be followed: %w", context.Cause(ctx))
		}
	}
}

func (p *progress) next(sequence uint64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reached >= sequence {
		return nil
	}
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return p.moved
}
