package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// remembering keeps in memory what people did, for recommendations, habits and lifetime values: from the first question on. A server that
// nobody asks remembers nothing.
type remembering struct {
	log   projections.Behaving
	last  func(context.Context, domain.Stream) (uint64, error)
	apply []func(domain.Envelope) error

	asked sync.Once
	begin chan struct{}

	mu      sync.Mutex
	applied uint64
	moved   chan struct{}
	// reached: what the log held at some question was all remembered.
	reached bool
}

func newRemembering(log interface {
	projections.Behaving
	Last(context.Context, domain.Stream) (uint64, error)
}, apply ...func(domain.Envelope) error) *remembering {
	return &remembering{log: log, last: log.Last, apply: apply, begin: make(chan struct{}), moved: make(chan struct{})}
}

// retryRemembering is how long after a failure of the log it is followed again.
const retryRemembering = time.Second

// run waits for the first question and follows the log from then on, until the context ends. What was applied already
// changes nothing.
func (m *remembering) run(ctx context.Context) error {
	select {
	case <-m.begin:
	case <-ctx.Done():
		return nil
	}
	for {
		err := projections.RememberBehaviour(ctx, m.log, append(m.apply, m.advance)...)
		if ctx.Err() != nil {
			return nil
		}
		slog.Warn("what people did is remembered no further: trying again", "error", err)
		select {
		case <-time.After(retryRemembering):
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *remembering) advance(e domain.Envelope) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Sequence > m.applied {
		m.applied = e.Sequence
		close(m.moved)
		m.moved = make(chan struct{})
	}
	return nil
}

// ask begins, without waiting for anything; false until what the log held at some question is all remembered.
func (m *remembering) ask() bool {
	m.asked.Do(func() { close(m.begin) })
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reached
}

// upToNow returns when all that the log holds at the time of the call is remembered, or with the context's error.
func (m *remembering) upToNow(ctx context.Context) error {
	m.ask()
	end, err := m.last(ctx, domain.Behaviour)
	if err != nil {
		return err
	}
	for {
		m.mu.Lock()
		reached, moved := m.applied >= end, m.moved
		m.reached = m.reached || reached
		m.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
