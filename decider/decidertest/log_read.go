package decidertest

import (
	"context"
	"fmt"
	"iter"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Last is that of decider.Source.
func (l *Log) Last(_ context.Context, s domain.Stream) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.streams[s])), nil
}

// Read is that of decider.Source.
func (l *Log) Read(ctx context.Context, s domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for n := from; n <= to; n++ {
			envelope, _, there := l.at(s, n)
			if !there {
				yield(domain.Envelope{}, fmt.Errorf("%w: nothing at %d", domain.ErrUnavailable, n))
				return
			}
			if err := ctx.Err(); err != nil {
				yield(domain.Envelope{}, err)
				return
			}
			if !yield(envelope, nil) {
				return
			}
		}
	}
}

// Follow is that of decider.Source.
func (l *Log) Follow(ctx context.Context, s domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for n := from; ctx.Err() == nil; {
			envelope, grown, there := l.at(s, n)
			if there {
				if n++; !yield(envelope, nil) {
					return
				}
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// At is that of decider.Entries.
func (l *Log) At(_ context.Context, s domain.Stream, n uint64) (domain.Envelope, error) {
	envelope, _, there := l.at(s, n)
	if !there {
		return domain.Envelope{}, fmt.Errorf("%w: nothing at %d", domain.ErrNoEntry, n)
	}
	return envelope, nil
}

func (l *Log) at(s domain.Stream, n uint64) (domain.Envelope, <-chan struct{}, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 0 || n > uint64(len(l.streams[s])) {
		return domain.Envelope{}, l.grown, false
	}
	return l.streams[s][n-1], nil, true
}

// Rewrite replaces an envelope of the log, as somebody who tampers with it would; its chain then no longer holds.
func (l *Log) Rewrite(s domain.Stream, sequence uint64, events ...*event.Event) error {
	frames, err := encode(events)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams[s][sequence-1].Frames = frames
	return nil
}
