package projectionstest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
)

var _ projections.Source = (*StreamLog)(nil)

// StreamLog is a log in memory: real envelopes, chained by lane, without anybody who owns a lane.
type StreamLog struct {
	mu      sync.Mutex
	streams [domain.Streams][]domain.Envelope
	last    map[domain.Lane]domain.Hash
	grown   chan struct{}
	down    bool
}

// NewStreamLog is an empty log.
func NewStreamLog() *StreamLog {
	return &StreamLog{last: map[domain.Lane]domain.Hash{}, grown: make(chan struct{})}
}

// Append writes the events in one envelope and returns its sequence.
func (l *StreamLog) Append(lane domain.Lane, events ...*event.Event) uint64 {
	frames := make([][]byte, len(events))
	for i, e := range events {
		frame, err := proto.Marshal(e)
		if err != nil {
			panic("projectionstest: " + err.Error())
		}
		frames[i] = frame
	}
	return l.AppendFrames(lane, frames...)
}

// AppendFrames writes events that are encoded, or damaged, in one envelope and returns its sequence.
func (l *StreamLog) AppendFrames(lane domain.Lane, frames ...[]byte) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, hash := domain.EncodeEnvelope(nil, l.last[lane], frames)
	envelope, err := domain.DecodeEnvelope(data)
	if err != nil {
		panic("projectionstest: " + err.Error())
	}
	l.last[lane] = hash
	envelope.Lane, envelope.Sequence = lane, uint64(len(l.streams[lane.Stream])+1)
	l.streams[lane.Stream] = append(l.streams[lane.Stream], envelope)
	close(l.grown)
	l.grown = make(chan struct{})
	return envelope.Sequence
}

// SetDown makes every call fail with domain.ErrUnavailable, or work again.
func (l *StreamLog) SetDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	close(l.grown)
	l.grown = make(chan struct{})
}

// LoseEnd forgets the envelopes of a stream after a sequence, as a log on a damaged disk does.
func (l *StreamLog) LoseEnd(s domain.Stream, after uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range slices.Backward(l.streams[s][after:]) {
		l.last[e.Lane] = e.Prev
	}
	l.streams[s] = l.streams[s][:after]
}

// at is an envelope; without one, grown tells when there may be.
func (l *StreamLog) at(s domain.Stream, sequence uint64) (e domain.Envelope, ok bool, grown <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return e, false, nil, fmt.Errorf("projectionstest: %w", domain.ErrUnavailable)
	}
	if sequence > uint64(len(l.streams[s])) {
		return e, false, l.grown, nil
	}
	return l.streams[s][sequence-1], true, nil, nil
}

// Read implements projections.Source.
func (l *StreamLog) Read(ctx context.Context, s domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for sequence := from; sequence <= to && ctx.Err() == nil; sequence++ {
			e, ok, _, err := l.at(s, sequence)
			if err != nil {
				yield(e, err)
				return
			}
			if !ok || !yield(e, nil) {
				return
			}
		}
	}
}

// Follow implements projections.Source.
func (l *StreamLog) Follow(ctx context.Context, s domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for sequence := from; ctx.Err() == nil; {
			e, ok, grown, err := l.at(s, sequence)
			if err != nil {
				yield(e, err)
				return
			}
			if ok {
				if !yield(e, nil) {
					return
				}
				sequence++
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// Last implements projections.Source.
func (l *StreamLog) Last(_ context.Context, s domain.Stream) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return 0, fmt.Errorf("projectionstest: %w", domain.ErrUnavailable)
	}
	return uint64(len(l.streams[s])), nil
}
