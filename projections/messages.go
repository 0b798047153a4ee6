package projections

import (
	"context"
	"fmt"
	"iter"

	"github.com/profferhq/proffer/domain"
)

// message is one message of the log, decoded, or why there are no more.
type message struct {
	stream   domain.Stream
	sequence uint64
	events   []domain.Recorded
	err      error
}

// messagesAhead is how many decoded messages may wait to be folded.
const messagesAhead = 32

// between yields the messages after one cut up to another, stream by stream, decoded ahead in a goroutine of its own.
func between(ctx context.Context, source Source, streams []domain.Stream, read func() *leanDecoder, from, to domain.Cut) iter.Seq[message] {
	decoded := make(chan message, messagesAhead)
	go func() {
		defer close(decoded)
		for _, s := range streams {
			if from[s] < to[s] && !forward(ctx, s, read, source.Read(ctx, s, from[s]+1, to[s]), decoded) {
				return
			}
		}
	}()
	return func(yield func(message) bool) {
		for m := range decoded {
			if !yield(m) {
				return
			}
		}
	}
}

// arriving receives the messages after a cut as they arrive, of all streams.
func arriving(ctx context.Context, source Source, streams []domain.Stream, read func() *leanDecoder, from domain.Cut) <-chan message {
	arrived := make(chan message, messagesAhead)
	for _, s := range streams {
		go forward(ctx, s, read, source.Follow(ctx, s, from[s]+1), arrived)
	}
	return arrived
}

// forward decodes messages and sends them on until they end, fail (which it sends on too) or the context ends. It is
// false when there is no use in going on. Of each event it decodes what is read.
func forward(ctx context.Context, s domain.Stream, read func() *leanDecoder, messages iter.Seq2[domain.Envelope, error], to chan<- message) bool {
	decoder := read()
	for envelope, err := range messages {
		m := message{stream: s, sequence: envelope.Sequence, err: err}
		if err == nil {
			m.events, m.err = decoder.recorded(envelope)
		}
		if m.err != nil {
			m.err = fmt.Errorf("projections: read %v: %w", s, m.err)
		}
		select {
		case to <- m:
		case <-ctx.Done():
			return false
		}
		if m.err != nil {
			return false
		}
	}
	return ctx.Err() == nil
}
