package commands

import (
	"context"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// run matches until another model comes into effect, which it returns with the sequence to go on from, or until the
// context ends.
func (s *matchSession) run(ctx context.Context) (*event.MatchModelChanged, uint64, error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := s.persist(within, s.begin); err != nil {
		return nil, 0, err
	}
	model, from, err := s.loop(within, s.feed(within, cancel))
	if err != nil {
		s.storeAtEnd(ctx)
	}
	if cause := context.Cause(within); err != nil && cause != nil {
		err = cause
	}
	return model, from, err
}

// loop takes in what is there and works in between. It fails only when the context ends.
func (s *matchSession) loop(ctx context.Context, feed <-chan domain.Envelope) (*event.MatchModelChanged, uint64, error) {
	tick := time.NewTicker(s.of.ports.CheckpointEvery)
	defer tick.Stop()
	for {
		s.tell()
		e, there, err := s.next(ctx, feed, tick.C)
		if err != nil {
			return nil, 0, err
		}
		if !there {
			if err := s.persist(ctx, s.work); err != nil {
				return nil, 0, err
			}
			continue
		}
		model, err := s.observe(ctx, e)
		if model != nil || err != nil {
			return model, e.Sequence + 1, err
		}
	}
}

// start is a stream and the sequence to follow it from.
type start struct {
	stream domain.Stream
	from   uint64
}

// starts are the streams that the session follows.
func (s *matchSession) starts() []start {
	starts := []start{{domain.Identity, 1}}
	if s.watching() {
		starts = append(starts, start{domain.Behaviour, s.seenFrom})
	}
	return starts
}

// feedAhead is how many envelopes are read ahead.
const feedAhead = 4

// feed follows the streams; the channel closes when the context has ended. When following fails, the context ends with
// the failure as its cause.
func (s *matchSession) feed(ctx context.Context, cancel context.CancelCauseFunc) <-chan domain.Envelope {
	feed := make(chan domain.Envelope, feedAhead)
	var following sync.WaitGroup
	for _, start := range s.starts() {
		following.Go(func() {
			if err := s.follow(ctx, start, feed); err != nil {
				cancel(err)
			}
		})
	}
	go func() {
		following.Wait()
		close(feed)
	}()
	return feed
}

func (s *matchSession) follow(ctx context.Context, of start, feed chan<- domain.Envelope) error {
	for e, err := range s.of.ports.History.Follow(ctx, of.stream, of.from) {
		if err != nil {
			return err
		}
		select {
		case feed <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// next is the next envelope that is there, or none when there is something to do; it waits while there is neither. It
// fails only when the context ends.
func (s *matchSession) next(ctx context.Context, feed <-chan domain.Envelope, tick <-chan time.Time) (e domain.Envelope, there bool, err error) {
	waiting := s.applied < s.loaded || len(s.unindexed)+len(s.unmatched) == 0
	for {
		if !waiting {
			select {
			case <-tick:
				return e, false, s.persist(ctx, s.store)
			case e, there = <-feed:
				return e, there, ctx.Err()
			default:
				return e, false, ctx.Err()
			}
		}
		select {
		case <-tick:
			if err := s.persist(ctx, s.store); err != nil {
				return e, false, err
			}
		case e, there = <-feed:
			return e, there, ctx.Err()
		}
	}
}
