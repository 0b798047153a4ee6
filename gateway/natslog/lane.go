package natslog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// envelopeOverhead is more than an envelope adds to its frames: header, count and closing hash.
const envelopeOverhead = 128

// anyTerm and anyEnd are the conditions of an append without one.
const (
	anyTerm = math.MaxUint64
	anyEnd  = math.MaxUint64
)

// call is one Append or Enqueue: frames that stay together.
type call struct {
	frames [][]byte
	size   int // of the frames in an envelope, at most
	// end is where the stream must end still, for it to be appended at all: then it is an envelope of its own.
	end  uint64
	done chan struct{}
	at   domain.Position
	err  error
}

// sizedAlready spares encoding what proto.Size has just found out.
var sizedAlready = proto.MarshalOptions{UseCachedSize: true}

// newCall encodes the events in the caller's goroutine and checks that they can be one envelope of the lane.
func newCall(id domain.Lane, events []*event.Event) (*call, error) {
	if len(events) == 0 {
		return nil, errors.New("no events are given")
	}
	if len(events) > domain.MaxEnvelopeEvents {
		return nil, fmt.Errorf("%w: %d events (at most %d)", domain.ErrTooLarge, len(events), domain.MaxEnvelopeEvents)
	}
	size := 0
	for i, e := range events {
		if s, known := domain.StreamOf(e); known && s != id.Stream {
			return nil, fmt.Errorf("event %d belongs to %s", i, s)
		}
		size += proto.Size(e)
	}
	c := &call{frames: make([][]byte, len(events)), end: anyEnd, done: make(chan struct{})}
	buffer := make([]byte, 0, size) // one for all: they go together, and nobody else may change them
	for i, e := range events {
		longer, err := sizedAlready.MarshalAppend(buffer, e)
		if err != nil {
			return nil, fmt.Errorf("encode event %d: %w", i, err)
		}
		c.frames[i] = longer[len(buffer):len(longer):len(longer)]
		c.size += domain.FrameSize(len(c.frames[i]))
		buffer = longer
	}
	if c.size+envelopeOverhead > domain.MaxEnvelopeBytes {
		return nil, fmt.Errorf("%w: %d bytes (at most %d)", domain.ErrTooLarge, c.size, domain.MaxEnvelopeBytes-envelopeOverhead)
	}
	return c, nil
}

// Wait implements Pending.
func (c *call) Wait(ctx context.Context) (domain.Position, error) {
	select {
	case <-c.done:
		return c.at, c.err
	default:
	}
	select {
	case <-c.done:
		return c.at, c.err
	case <-ctx.Done():
		return domain.Position{}, fmt.Errorf("natslog: wait for the append: %w", context.Cause(ctx))
	}
}

// lane is this process's end of one lane. Its goroutine lives only while something is queued.
type lane struct {
	log     *Log
	id      domain.Lane
	subject string
	// alone: the stream's last message is the lane's, as far as is known: it has no other lane. To fence with that
	// spares the server loading the lane's last message at each append. Guarded by turn.
	alone  bool
	counts *counters

	// turn is held by whoever talks to the server about this lane: the draining goroutine or a take-over.
	turn chan struct{}
	// The rest is guarded by turn: the last message this process knows of (nil before the first look), whether
	// it must look again, and its envelopes whose outcome it did not learn.
	end     *laneEnd
	unsure  bool
	unknown []domain.Hash
	buffer  []byte // for the next envelope

	mu       sync.Mutex
	queue    []*call
	bytes    int // of the queue and of the batch under way
	draining bool
	lost     bool
	term     uint64
}

// laneEnd is the last message of a lane: its sequence (0 for none) and its envelope's hash.
type laneEnd struct {
	sequence uint64
	hash     domain.Hash
}

func newLane(l *Log, id domain.Lane) *lane {
	alone := l.lanes == 1 && id == domain.LaneOf(id.Stream, domain.Alias{}, 1) && id.Stream <= domain.Outcome
	return &lane{log: l, id: id, subject: id.Subject(), alone: alone, counts: &l.counts[id.Stream], turn: make(chan struct{}, 1)}
}

// enqueue puts the call at the lane's end and sees to it that somebody drains the lane.
func (ln *lane) enqueue(c *call, term uint64) error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	switch {
	case ln.lost:
		return domain.ErrLaneLost
	case term != anyTerm && term != ln.term:
		return fmt.Errorf("%w: something before it failed", domain.ErrLaneLost)
	case ln.bytes > 0 && ln.bytes+c.size > ln.log.options.QueueBytes:
		ln.counts.refused.Add(1)
		return fmt.Errorf("%w: the lane's queue is full", domain.ErrUnavailable)
	}
	if !ln.draining {
		if !ln.log.begin() {
			return fmt.Errorf("%w: the log is closed", domain.ErrUnavailable)
		}
		ln.draining = true
		go ln.drain()
	}
	ln.queue = append(ln.queue, c)
	ln.bytes += c.size
	ln.counts.queuedBytes.Add(int64(c.size))
	return nil
}

// drain publishes what has gathered, again and again, until nothing is left: while one envelope is under way
// the next gathers, which is all there is to group commit.
func (ln *lane) drain() {
	defer ln.log.working.Done()
	ln.turn <- struct{}{}
	defer func() { <-ln.turn }()
	for {
		// Whoever is ready to run may be about to append: they go first, and ride along. On idle cores this is nothing.
		runtime.Gosched()
		batch := ln.take()
		if batch == nil {
			return
		}
		ln.commit(batch)
	}
}

// take removes the calls of the next envelope from the queue; nil, and the end of draining, when there is none.
func (ln *lane) take() []*call {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	size, events, n := envelopeOverhead, 0, 0
	for _, c := range ln.queue {
		alone := c.end != anyEnd || ln.queue[0].end != anyEnd
		if n > 0 && (alone || size+c.size > domain.MaxEnvelopeBytes || events+len(c.frames) > domain.MaxEnvelopeEvents) {
			break
		}
		size, events, n = size+c.size, events+len(c.frames), n+1
	}
	if n == 0 {
		ln.draining = false
		ln.queue = nil
		return nil
	}
	batch := ln.queue[:n:n]
	ln.queue = ln.queue[n:]
	return batch
}

// commit publishes one batch and tells its callers, and then those who follow the stream.
func (ln *lane) commit(batch []*call) {
	var frames [][]byte
	if len(batch) == 1 {
		frames = batch[0].frames
	} else {
		for _, c := range batch {
			frames = append(frames, c.frames...)
		}
	}
	envelope, err := ln.publish(frames, batch[0].end)
	if err != nil {
		ln.fail(batch, fmt.Errorf("natslog: append to %s: %w", ln.id.Stream, err))
		return
	}
	ln.counts.envelopes.Add(1)
	ln.counts.events.Add(uint64(len(frames)))
	ln.counts.bytes.Add(uint64(len(ln.buffer)))
	ln.counts.fullAt.Store(0)
	index := uint32(0)
	for _, c := range batch {
		c.at = domain.Position{Sequence: envelope.Sequence, Index: index}
		index += uint32(len(c.frames))
	}
	ln.mu.Lock()
	ln.leave(batch)
	ln.mu.Unlock()
	for _, c := range batch {
		close(c.done)
	}
	ln.log.hand(envelope)
}

// leave takes the calls out of the books; the caller holds mu.
func (ln *lane) leave(calls []*call) {
	size := 0
	for _, c := range calls {
		size += c.size
	}
	ln.bytes -= size
	ln.counts.queuedBytes.Add(-int64(size))
}

// fail ends the batch and everything queued behind it with the error, and begins a new term.
func (ln *lane) fail(batch []*call, err error) {
	ln.mu.Lock()
	calls := append(batch, ln.queue...)
	ln.queue = nil
	ln.term++
	switch {
	case errors.Is(err, domain.ErrLaneLost):
		ln.lost = true
		ln.counts.lost.Add(1)
	case errors.Is(err, domain.ErrLogFull):
		ln.counts.fullAt.Store(time.Now().UnixNano())
	}
	ln.leave(calls)
	ln.mu.Unlock()
	ln.counts.failed.Add(uint64(len(calls)))
	for _, c := range calls {
		c.err = err
		close(c.done)
	}
}

// takeOver reads the lane's end and opens the lane again.
func (ln *lane) takeOver(ctx context.Context) (uint64, error) {
	select {
	case ln.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the lane: %w", context.Cause(ctx))
	}
	defer func() { <-ln.turn }()
	end, err := ln.log.end(ctx, ln.id)
	if err != nil {
		return 0, err
	}
	ln.advance(end.sequence, end.hash)
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.lost = false
	ln.term++
	return end.sequence, nil
}
