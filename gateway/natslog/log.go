package natslog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Options of a log. The zero value is a log on one node with its stored lanes, or DefaultLanes when it is new.
type Options struct {
	// Lanes is the lane count of the streams about people, 1 to domain.Partitions, fixed when the log is created.
	// 0 takes the stored count, or DefaultLanes.
	Lanes int
	// Replicas of the streams; 0 is 1.
	Replicas int
	// Bulk is the connection for reading; nil is the one for appending. A connection of its own keeps
	// acknowledgements from queueing behind bulk reads.
	Bulk *nats.Conn
	// Alone: no other process appends. What this one appends is then handed to its followers from memory, once it is
	// acknowledged. Should something else stand in a stream all the same, followers see it within lookEvery.
	Alone bool
	// Patience bounds how long an append is tried before it fails with domain.ErrUnavailable; 0 is 10 s, which
	// outlasts an election of a stream's leader.
	Patience time.Duration
	// QueueBytes bounds what may wait in one lane; 0 is 16 MiB. Beyond it Enqueue fails with domain.ErrUnavailable.
	QueueBytes int
}

const (
	defaultPatience   = 10 * time.Second
	defaultQueueBytes = 16 << 20
)

// check fills the defaults in.
func (o Options) check() (Options, error) {
	if o.Lanes < 0 || o.Lanes > domain.Partitions {
		return o, fmt.Errorf("%d lanes (want 1 to %d, or 0 for the stored count)", o.Lanes, domain.Partitions)
	}
	if o.Replicas < 0 || o.Replicas > 5 {
		return o, fmt.Errorf("%d replicas (want 1 to 5)", o.Replicas)
	}
	if o.Patience < 0 || o.QueueBytes < 0 {
		return o, errors.New("patience and queue bytes cannot be negative")
	}
	o.Replicas = max(o.Replicas, 1)
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = defaultQueueBytes
	}
	return o, nil
}

// Log is the six streams and this process's appenders. It is safe for concurrent use.
type Log struct {
	nc, bulk *nats.Conn
	js       jetstream.JetStream // over nc
	bulkJS   jetstream.JetStream // over bulk
	streams  [domain.Streams]jetstream.Stream
	lanes    int
	options  Options
	counts   [domain.Streams]counters

	mu      sync.Mutex
	byLane  map[domain.Lane]*lane
	closed  bool
	working sync.WaitGroup

	tailing sync.Mutex
	tails   [domain.Streams]*tail
}

// Open creates the streams, or checks that they are as this version wants them (ErrStreamDiffers otherwise).
// The connections stay the caller's: close the log first.
func Open(ctx context.Context, nc *nats.Conn, o Options) (*Log, error) {
	o, err := o.check()
	if err != nil {
		return nil, fmt.Errorf("natslog: open: %w", err)
	}
	if nc.MaxPayload() < maxPayload {
		return nil, fmt.Errorf("natslog: open: the server takes messages of %d bytes (want max_payload %d)", nc.MaxPayload(), maxPayload)
	}
	l := &Log{nc: nc, bulk: o.Bulk, options: o, byLane: map[domain.Lane]*lane{}}
	if l.bulk == nil {
		l.bulk = nc
	}
	if l.js, err = jetstream.New(nc); err != nil {
		return nil, fmt.Errorf("natslog: open: %w", err)
	}
	if l.bulkJS, err = jetstream.New(l.bulk); err != nil {
		return nil, fmt.Errorf("natslog: open: %w", err)
	}
	if l.streams, l.lanes, err = openStreams(ctx, l.js, o); err != nil {
		return nil, fmt.Errorf("natslog: open: %w", err)
	}
	return l, nil
}

// Lanes is how many lanes the streams about people have.
func (l *Log) Lanes() int { return l.lanes }

// Pending is an append whose place in its lane is fixed and whose outcome is awaited. It is an alias of the
// plain interface, so that a port may name the same type without naming this package.
type Pending = interface {
	// Wait returns the position of the first event once all are durable. Its errors are those of Append. When the
	// context ends first, the append goes on and its outcome is unknown to the caller; Wait may be called again.
	Wait(ctx context.Context) (domain.Position, error)
}

// Append makes the events durable in one envelope of the lane, in order and next to one another, and returns
// the position of the first. It fails with
//   - domain.ErrTooLarge: they do not fit one envelope; nothing was appended;
//   - domain.ErrLaneLost: another owner appends to the lane; nothing was appended, and nothing will be until TakeOver;
//   - domain.ErrLogFull: the server's store or limit is full; nothing was appended;
//   - domain.ErrUnavailable (and the context's error): the outcome is unknown. Append the same events again,
//     with the same ids.
func (l *Log) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	p, err := l.Enqueue(lane, events...)
	if err != nil {
		return domain.Position{}, err
	}
	return p.Wait(ctx)
}

// AppendAt is Append under the condition that the stream ends at that sequence still, 0 for an empty one; otherwise it fails
// with domain.ErrLaneLost and appends nothing. What is decided on all that a stream holds is appended by it: nothing in any
// lane comes in between.
func (l *Log) AppendAt(ctx context.Context, lane domain.Lane, end uint64, events ...*event.Event) (domain.Position, error) {
	p, err := l.enqueue(lane, anyTerm, end, events)
	if err != nil {
		return domain.Position{}, err
	}
	return p.Wait(ctx)
}

// Enqueue fixes the events' place in the lane, after everything enqueued before, and returns without waiting
// for the server: it may be called under a lock that guards the order. When something enqueued earlier fails,
// everything enqueued behind it fails too, so that an order is never kept with a hole in it.
func (l *Log) Enqueue(id domain.Lane, events ...*event.Event) (Pending, error) {
	return l.enqueue(id, anyTerm, anyEnd, events)
}

// EnqueueIn is Enqueue under the condition that nothing of the lane has failed since Term returned this term;
// otherwise it fails with domain.ErrLaneLost and appends nothing. An owner whose events depend on the ones it
// enqueued before (a decision counts the contacts of earlier decisions) uses it: after a failure it calls
// TakeOver, reads the lane up to its end, and goes on in the new term.
func (l *Log) EnqueueIn(id domain.Lane, term uint64, events ...*event.Event) (Pending, error) {
	return l.enqueue(id, term, anyEnd, events)
}

func (l *Log) enqueue(id domain.Lane, term, end uint64, events []*event.Event) (Pending, error) {
	c, err := newCall(id, events)
	if err != nil {
		return nil, fmt.Errorf("natslog: append to %s: %w", id.Stream, err)
	}
	c.end = end
	ln, err := l.lane(id)
	if err != nil {
		return nil, fmt.Errorf("natslog: append to %s: %w", id.Stream, err)
	}
	if err := ln.enqueue(c, term); err != nil {
		return nil, fmt.Errorf("natslog: append to %s: %w", id.Stream, err)
	}
	return c, nil
}

// Term counts the failures of a lane in this process; see EnqueueIn.
func (l *Log) Term(id domain.Lane) (uint64, error) {
	ln, err := l.lane(id)
	if err != nil {
		return 0, fmt.Errorf("natslog: term of %s: %w", id.Stream, err)
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return ln.term, nil
}

// TakeOver makes this process the lane's owner again, after domain.ErrLaneLost or at a change of owners: it
// waits for what is under way here, reads the lane's end from the leader and returns its sequence (0 for an
// empty lane). A former owner is refused from this process's next append on. Its term is a new one.
func (l *Log) TakeOver(ctx context.Context, id domain.Lane) (uint64, error) {
	ln, err := l.lane(id)
	if err != nil {
		return 0, fmt.Errorf("natslog: take over %s: %w", id.Stream, err)
	}
	last, err := ln.takeOver(ctx)
	if err != nil {
		return 0, fmt.Errorf("natslog: take over %s: %w", id.Stream, err)
	}
	return last, nil
}

// lane finds or makes the lane's state.
func (l *Log) lane(id domain.Lane) (*lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("%w: the log is closed", domain.ErrUnavailable)
	}
	ln, ok := l.byLane[id]
	if !ok {
		if err := checkLane(id); err != nil {
			return nil, err
		}
		ln = newLane(l, id)
		l.byLane[id] = ln
	}
	return ln, nil
}

// checkLane refuses what would not be a subject of its stream.
func checkLane(id domain.Lane) error {
	if int(id.Stream) >= domain.Streams {
		return errors.New("no such stream")
	}
	if back, err := domain.ParseSubject(id.Subject()); err != nil || back != id || !plainSubject(id.Key) {
		return errors.New("the lane's key is not a subject")
	}
	return nil
}

// plainSubject refuses empty tokens, wildcards and white space.
func plainSubject(key string) bool {
	last := byte('.')
	for i := range len(key) {
		c := key[i]
		if c <= ' ' || c == '*' || c == '>' || c == 0x7f || (c == '.' && last == '.') {
			return false
		}
		last = c
	}
	return last != '.'
}

// begin counts a goroutine in, unless the log is closed.
func (l *Log) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.working.Add(1)
	return true
}

// Close refuses new appends and returns when all that was enqueued has its outcome, which takes as long as
// Options.Patience when the server is away.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.working.Wait()
}

// counters are one stream's figures since the log was opened.
type counters struct {
	envelopes, events, bytes, retries, recovered, lost, failed, refused atomic.Uint64
	queuedBytes, publishNanos                                           atomic.Int64
	// fullAt is when the last append was refused for lack of room, in Unix nanoseconds; 0 once one succeeded since.
	fullAt atomic.Int64
}
