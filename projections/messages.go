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
	// memory that the events are in.
	memory *slab
}

// How many messages may wait: envelopes to be decoded, and decoded ones to be folded.
const (
	envelopesAhead = 64
	messagesAhead  = 32
)

// between yields the messages after one cut up to another, stream by stream. They are read and checked ahead in a
// goroutine of their own, and decoded where they are folded, always into the same memory: a message's events are the
// caller's until it asks for the next.
func between(ctx context.Context, source Source, streams []domain.Stream, read func() *leanDecoder, from, to domain.Cut) iter.Seq[message] {
	ahead := make(chan undecoded, envelopesAhead)
	go func() {
		defer close(ahead)
		for _, s := range streams {
			if from[s] < to[s] && !readAhead(ctx, s, source.Read(ctx, s, from[s]+1, to[s]), ahead) {
				return
			}
		}
	}()
	decoder, memory := read(), new(slab)
	return func(yield func(message) bool) {
		for u := range ahead {
			if !yield(decoder.message(memory, u)) {
				return
			}
		}
	}
}

// undecoded is one envelope of a stream, or why there are no more.
type undecoded struct {
	stream   domain.Stream
	envelope domain.Envelope
	err      error
}

// readAhead sends envelopes on until they end, fail (which it sends on too) or the context ends. It is false when there
// is no use in going on.
func readAhead(ctx context.Context, s domain.Stream, envelopes iter.Seq2[domain.Envelope, error], to chan<- undecoded) bool {
	for envelope, err := range envelopes {
		select {
		case to <- undecoded{stream: s, envelope: envelope, err: err}:
		case <-ctx.Done():
			return false
		}
		if err != nil {
			return false
		}
	}
	return ctx.Err() == nil
}

// message decodes what is read of each event, into memory that is the message's until it is used again.
func (d *leanDecoder) message(memory *slab, u undecoded) message {
	m := message{stream: u.stream, sequence: u.envelope.Sequence, err: u.err, memory: memory}
	if m.err == nil {
		m.events, m.err = d.recordedIn(memory, u.envelope)
	}
	if m.err != nil {
		m.err = fmt.Errorf("projections: read %v: %w", u.stream, m.err)
	}
	return m
}

// arrivals are messages as they arrive, of all streams.
type arrivals struct {
	messages chan message
	spare    chan *slab
}

// arriving receives the messages after a cut. Who has folded one is done with it.
func arriving(ctx context.Context, source Source, streams []domain.Stream, read func() *leanDecoder, from domain.Cut) arrivals {
	a := arrivals{messages: make(chan message, messagesAhead), spare: make(chan *slab, messagesAhead)}
	for _, s := range streams {
		go a.forward(ctx, s, read, source.Follow(ctx, s, from[s]+1))
	}
	return a
}

// done gives the memory of a message's events back.
func (a arrivals) done(m message) {
	select {
	case a.spare <- m.memory:
	default:
	}
}

func (a arrivals) memory() *slab {
	select {
	case s := <-a.spare:
		return s
	default:
		return new(slab)
	}
}

// forward decodes messages and sends them on until they end, fail (which it sends on too) or the context ends.
func (a arrivals) forward(ctx context.Context, s domain.Stream, read func() *leanDecoder, envelopes iter.Seq2[domain.Envelope, error]) {
	decoder := read()
	for envelope, err := range envelopes {
		m := decoder.message(a.memory(), undecoded{stream: s, envelope: envelope, err: err})
		select {
		case a.messages <- m:
		case <-ctx.Done():
			return
		}
		if m.err != nil {
			return
		}
	}
}
