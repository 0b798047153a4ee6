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

// How much may wait: chunks of envelopes read, each of so many bytes and at most an envelope more, and decoded messages to
// be folded. Reading comes in bursts, between which folding goes on with the chunks that wait.
const (
	aheadBytes    = 256 << 10
	aheadChunks   = 32
	envelopeBytes = 256 // beside its frames
	messagesAhead = 32
)

// between yields the messages after one cut up to another, stream by stream. They are decoded where they are folded,
// always into the same memory: a message's events are the caller's until it asks for the next.
func between(ctx context.Context, source Source, streams []domain.Stream, read func() *leanDecoder, from, to domain.Cut) iter.Seq[message] {
	chunks, decoder, memory := ahead(ctx, source, streams, from, to), read(), new(slab)
	return func(yield func(message) bool) {
		for chunk := range chunks {
			for _, u := range chunk {
				if !yield(decoder.message(memory, u)) {
					return
				}
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

// ahead reads and checks the envelopes after one cut up to another, stream by stream, in a goroutine of its own. They end
// with the first error, which is among them, or early with the context.
func ahead(ctx context.Context, source Source, streams []domain.Stream, from, to domain.Cut) <-chan []undecoded {
	r := readAhead{chunks: make(chan []undecoded, aheadChunks)}
	go func() {
		defer close(r.chunks)
		for _, s := range streams {
			if from[s] < to[s] && !r.read(ctx, s, source.Read(ctx, s, from[s]+1, to[s])) {
				break
			}
		}
		r.send(ctx)
	}()
	return r.chunks
}

// readAhead puts together what is sent at once.
type readAhead struct {
	chunks chan []undecoded
	chunk  []undecoded
	bytes  int
}

// read takes envelopes until they end, fail or the context ends; false when there is no use in going on.
func (r *readAhead) read(ctx context.Context, s domain.Stream, envelopes iter.Seq2[domain.Envelope, error]) bool {
	for envelope, err := range envelopes {
		r.chunk = append(r.chunk, undecoded{stream: s, envelope: envelope, err: err})
		if err != nil {
			return false
		}
		r.bytes += envelopeBytes
		for _, frame := range envelope.Frames {
			r.bytes += len(frame)
		}
		if r.bytes >= aheadBytes && !r.send(ctx) {
			return false
		}
	}
	return ctx.Err() == nil
}

// send hands on what has been put together; false when nobody waits for it any more.
func (r *readAhead) send(ctx context.Context) bool {
	select {
	case r.chunks <- r.chunk:
		r.chunk, r.bytes = nil, 0
		return true
	case <-ctx.Done():
		return false
	}
}

// message decodes what is read of each event, into memory that is the message's until it is used again.
func (d *leanDecoder) message(memory *slab, u undecoded) message {
	m := message{stream: u.stream, sequence: u.envelope.Sequence, err: u.err, memory: memory}
	if m.err == nil {
		m.events, m.err = d.recorded(memory, u.envelope)
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
