package projections

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// The pause before the log is tried again grows from the first to the second.
const firstPause, lastPause = 100 * time.Millisecond, 5 * time.Second

// sessions are what an endless projection consists of: each goes on until something urgent (a rebuild) wants the turn,
// the log is away, or the end.
type sessions struct {
	turn    *turn
	mu      sync.Mutex
	trouble error
}

func newSessions() *sessions { return &sessions{turn: newTurn()} }

// run holds one session after another until the context ends, which is no error. While the log cannot be reached it
// waits and tries again; every other error ends it. caughtUp tells that the trouble is over.
func (s *sessions) run(ctx context.Context, session func(ctx context.Context, caughtUp func()) error) error {
	for pause := firstPause; ; {
		err := s.hold(ctx, session)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			pause = firstPause
			continue
		case !errors.Is(err, domain.ErrUnavailable):
			return err
		}
		s.set(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// hold holds one session; that somebody urgent ended it is no error.
func (s *sessions) hold(ctx context.Context, session func(context.Context, func()) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.turn.take(ctx, false, stop); err != nil {
		return err
	}
	defer s.turn.give()
	err := session(ctx, func() { s.set(nil) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// urgently ends the session, does the work in its place and lets the next one begin.
func (s *sessions) urgently(ctx context.Context, work func() error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.turn.take(ctx, true, stop); err != nil {
		return err
	}
	defer s.turn.give()
	return work()
}

func (s *sessions) set(trouble error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = trouble
}

func (s *sessions) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}
