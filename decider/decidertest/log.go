// Package decidertest has in-memory implementations of the decider's ports, which tests can hold up, break and run
// behind, and people with readable names.
package decidertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Log is a log in memory: Lanes and Source of the decider. The zero value is not ready; use NewLog.
type Log struct {
	// Now is when an append happens; nil is the machine's clock. It is set before the first append.
	Now func() time.Time

	lanes int

	mu      sync.Mutex
	times   [domain.Streams][]time.Time // of the envelopes
	streams [domain.Streams][]domain.Envelope
	grown   chan struct{} // closed at the next append
	byLane  map[domain.Lane]*memoryLane
	held    bool
}

type memoryLane struct {
	prev  domain.Hash
	last  uint64
	term  uint64
	lost  bool
	queue []*appended
	fault *Fault
	gate  *gate
}

// gate is where a take-over waits.
type gate struct{ reached, open chan struct{} }

// Fault is what happens to the next publication in a lane.
type Fault struct {
	// Err is what its callers are told.
	Err error
	// Lands: the events are in the log all the same (a lost acknowledgement).
	Lands bool
}

type appended struct {
	frames [][]byte
	done   chan struct{}
	at     domain.Position
	err    error
}

// Wait is the Wait of decider.Pending.
func (a *appended) Wait(ctx context.Context) (domain.Position, error) {
	select {
	case <-a.done:
		return a.at, a.err
	default:
	}
	select {
	case <-a.done:
		return a.at, a.err
	case <-ctx.Done():
		return domain.Position{}, context.Cause(ctx)
	}
}

// NewLog is an empty log whose streams about people have that many lanes.
func NewLog(lanes int) *Log {
	return &Log{lanes: lanes, grown: make(chan struct{}), byLane: map[domain.Lane]*memoryLane{}}
}

// Lanes is how many lanes the streams about people have.
func (l *Log) Lanes() int { return l.lanes }

// Hold lets appends wait until Flush or Release.
func (l *Log) Hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = true
}

// Release publishes what waits, and from then on at once.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	for id := range l.byLane {
		l.flush(id)
	}
}

// Flush publishes what waits in a lane of DECISION, in one envelope, and says how many calls that were.
func (l *Log) Flush(id domain.Lane) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush(id)
}

// FailNext breaks the next publication in a lane.
func (l *Log) FailNext(id domain.Lane, f Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lane(id).fault = &f
}

// Steal appends as another owner of the lane would: this process's next append is refused.
func (l *Log) Steal(id domain.Lane, events ...*event.Event) error {
	frames, err := encode(events)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publish(id, frames)
	l.lane(id).lost = true
	return nil
}

// Append makes events durable in a lane of any stream.
func (l *Log) Append(_ context.Context, id domain.Lane, events ...*event.Event) (domain.Position, error) {
	frames, err := encode(events)
	if err != nil {
		return domain.Position{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return domain.Position{Sequence: l.publish(id, frames)}, nil
}

// EnqueueIn is that of decider.Lanes.
func (l *Log) EnqueueIn(id domain.Lane, term uint64, events ...*event.Event) (interface {
	Wait(ctx context.Context) (domain.Position, error)
}, error) {
	frames, err := encode(events)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := l.lane(id)
	if lane.term != term {
		return nil, domain.ErrLaneLost
	}
	a := &appended{frames: frames, done: make(chan struct{})}
	lane.queue = append(lane.queue, a)
	if !l.held {
		l.flush(id)
	}
	return a, nil
}

// Term is that of decider.Lanes.
func (l *Log) Term(id domain.Lane) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lane(id).term, nil
}

// HoldTakeOver lets the next take-over of a lane wait: reached is closed when it does, and open lets it go on.
func (l *Log) HoldTakeOver(id domain.Lane) (reached <-chan struct{}, open func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	l.lane(id).gate = g
	return g.reached, func() { close(g.open) }
}

func (l *Log) pass(ctx context.Context, id domain.Lane) error {
	l.mu.Lock()
	g := l.lane(id).gate
	l.lane(id).gate = nil
	l.mu.Unlock()
	if g == nil {
		return nil
	}
	close(g.reached)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TakeOver is that of decider.Lanes.
func (l *Log) TakeOver(ctx context.Context, id domain.Lane) (uint64, error) {
	if err := l.pass(ctx, id); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(id)
	lane := l.lane(id)
	lane.lost = false
	lane.term++
	return lane.last, nil
}

// flush publishes a lane's queue in one envelope; the caller holds mu.
func (l *Log) flush(id domain.Lane) int {
	lane := l.lane(id)
	queue := lane.queue
	if len(queue) == 0 {
		return 0
	}
	lane.queue = nil
	fault := lane.fault
	lane.fault = nil
	if lane.lost {
		fault = &Fault{Err: domain.ErrLaneLost}
	}
	if fault != nil {
		lane.term++
		if fault.Lands {
			l.publish(id, queue[0].frames)
		}
	} else {
		l.publishAll(id, queue)
	}
	for _, a := range queue {
		if fault != nil {
			a.err = fmt.Errorf("publish: %w", fault.Err)
		}
		close(a.done)
	}
	return len(queue)
}

func (l *Log) publishAll(id domain.Lane, queue []*appended) {
	var frames [][]byte
	for _, a := range queue {
		a.at.Index = uint32(len(frames))
		frames = append(frames, a.frames...)
	}
	sequence := l.publish(id, frames)
	for _, a := range queue {
		a.at.Sequence = sequence
	}
}

func (l *Log) publish(id domain.Lane, frames [][]byte) uint64 {
	lane := l.lane(id)
	data, _ := domain.EncodeEnvelope(nil, lane.prev, frames)
	envelope, err := domain.DecodeEnvelope(data)
	if err != nil {
		panic(err) // the codec cannot read what it wrote
	}
	stream := &l.streams[id.Stream]
	envelope.Lane, envelope.Sequence = id, uint64(len(*stream))+1
	*stream = append(*stream, envelope)
	l.times[id.Stream] = append(l.times[id.Stream], l.now())
	lane.prev, lane.last = envelope.Hash, envelope.Sequence
	close(l.grown)
	l.grown = make(chan struct{})
	return envelope.Sequence
}

func (l *Log) lane(id domain.Lane) *memoryLane {
	lane, known := l.byLane[id]
	if !known {
		lane = &memoryLane{}
		l.byLane[id] = lane
	}
	return lane
}

func encode(events []*event.Event) ([][]byte, error) {
	if len(events) == 0 {
		return nil, errors.New("decidertest: no events")
	}
	frames := make([][]byte, len(events))
	for i, e := range events {
		frame, err := proto.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("decidertest: encode: %w", err)
		}
		frames[i] = frame
	}
	return frames, nil
}
