package commandstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Pending is an append whose place in its lane is fixed; see Log.
type Pending = interface {
	// Wait returns the position of the first event once all are durable.
	Wait(ctx context.Context) (domain.Position, error)
}

// MemoryLog is one owner's end of a log in memory, with the envelopes, chains, fences and errors of the real
// one. One call is one envelope. It is safe for concurrent use.
type MemoryLog struct {
	store *store

	mu   sync.Mutex
	ends map[domain.Lane]end
	lost map[domain.Lane]bool
	term map[domain.Lane]uint64
	down bool
}

// store is what owners share.
type store struct {
	lanes int

	mu      sync.Mutex
	streams [domain.Streams][]message
	ends    map[domain.Lane]end
	changed chan struct{} // closed and replaced by every append
}

type message struct {
	lane domain.Lane
	data []byte
}

// end is the last message of a lane.
type end struct {
	sequence uint64
	hash     domain.Hash
}

// NewMemoryLog makes an empty log with that many lanes (1 to domain.Partitions).
func NewMemoryLog(lanes int) *MemoryLog {
	s := &store{lanes: lanes, ends: map[domain.Lane]end{}, changed: make(chan struct{})}
	return newOwner(s)
}

func newOwner(s *store) *MemoryLog {
	return &MemoryLog{store: s, ends: map[domain.Lane]end{}, lost: map[domain.Lane]bool{}, term: map[domain.Lane]uint64{}}
}

// Rival is another owner's end of the same log.
func (l *MemoryLog) Rival() *MemoryLog { return newOwner(l.store) }

// SetDown makes the log unavailable for this owner, or available again. What is appended meanwhile fails with
// domain.ErrUnavailable and is not in the log.
func (l *MemoryLog) SetDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

// Put stores bytes as the lane's next message past every check: how a test damages a log.
func (l *MemoryLog) Put(lane domain.Lane, data []byte) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	hash := domain.Hash{}
	if env, err := domain.DecodeEnvelope(data); err == nil {
		hash = env.Hash
	}
	l.store.put(lane, data, hash)
}

// Lanes is how many lanes the streams about people have.
func (l *MemoryLog) Lanes() int { return l.store.lanes }

// Append stores the events in one envelope of the lane. Its errors are those of commands.Log.
func (l *MemoryLog) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if err := ctx.Err(); err != nil {
		return domain.Position{}, err
	}
	p, err := l.Enqueue(lane, events...)
	if err != nil {
		return domain.Position{}, err
	}
	return p.Wait(ctx)
}

// AppendAt is Append under the condition that the stream ends at that sequence still.
func (l *MemoryLog) AppendAt(ctx context.Context, lane domain.Lane, end uint64, events ...*event.Event) (domain.Position, error) {
	p, err := l.enqueue(lane, nil, &end, events)
	if err != nil {
		return domain.Position{}, err
	}
	return p.Wait(ctx)
}

// Enqueue stores the events at once; Wait returns their position.
func (l *MemoryLog) Enqueue(lane domain.Lane, events ...*event.Event) (Pending, error) {
	return l.enqueue(lane, nil, nil, events)
}

// EnqueueIn is Enqueue under the condition that nothing of the lane has failed since Term returned this term.
func (l *MemoryLog) EnqueueIn(lane domain.Lane, term uint64, events ...*event.Event) (Pending, error) {
	return l.enqueue(lane, &term, nil, events)
}

func (l *MemoryLog) enqueue(lane domain.Lane, term, end *uint64, events []*event.Event) (Pending, error) {
	frames, err := encode(lane, events)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost[lane] || (term != nil && *term != l.term[lane]) {
		return nil, domain.ErrLaneLost
	}
	if l.down {
		l.term[lane]++
		return nil, domain.ErrUnavailable
	}
	at, err := l.append(lane, end, frames)
	if err != nil {
		l.term[lane]++
	}
	return outcome{at, err}, nil
}

// Term counts the failures of a lane at this owner.
func (l *MemoryLog) Term(lane domain.Lane) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term[lane], nil
}

// outcome is a Pending that is decided.
type outcome struct {
	at  domain.Position
	err error
}

// Wait implements Pending.
func (o outcome) Wait(context.Context) (domain.Position, error) { return o.at, o.err }

// encode checks what the real log checks.
func encode(lane domain.Lane, events []*event.Event) ([][]byte, error) {
	if len(events) == 0 {
		return nil, errors.New("commandstest: no events are given")
	}
	frames, size := make([][]byte, len(events)), 0
	for i, e := range events {
		if s, known := domain.StreamOf(e); known && s != lane.Stream {
			return nil, fmt.Errorf("commandstest: event %d belongs to %s", i, s)
		}
		frame, err := proto.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("commandstest: encode event %d: %w", i, err)
		}
		frames[i] = frame
		size += domain.FrameSize(len(frame))
	}
	if len(events) > domain.MaxEnvelopeEvents || size+envelopeOverhead > domain.MaxEnvelopeBytes {
		return nil, domain.ErrTooLarge
	}
	return frames, nil
}

// envelopeOverhead is more than an envelope adds to its frames: header, count and closing hash.
const envelopeOverhead = 128

// append is the fenced publish; the caller holds the owner's lock.
func (l *MemoryLog) append(lane domain.Lane, streamEnd *uint64, frames [][]byte) (domain.Position, error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	known, ok := l.ends[lane]
	if !ok {
		known = l.store.ends[lane]
	}
	if known != l.store.ends[lane] || (streamEnd != nil && *streamEnd != uint64(len(l.store.streams[lane.Stream]))) {
		l.lost[lane] = true
		return domain.Position{}, domain.ErrLaneLost
	}
	data, hash := domain.EncodeEnvelope(nil, known.hash, frames)
	l.ends[lane] = l.store.put(lane, data, hash)
	return domain.Position{Sequence: l.ends[lane].sequence}, nil
}

// put stores a message and wakes the followers; the caller holds the store's lock.
func (s *store) put(lane domain.Lane, data []byte, hash domain.Hash) end {
	s.streams[lane.Stream] = append(s.streams[lane.Stream], message{lane: lane, data: data})
	e := end{sequence: uint64(len(s.streams[lane.Stream])), hash: hash}
	s.ends[lane] = e
	close(s.changed)
	s.changed = make(chan struct{})
	return e
}

// TakeOver makes this the lane's owner and returns the lane's last sequence.
func (l *MemoryLog) TakeOver(_ context.Context, lane domain.Lane) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.down {
		return 0, domain.ErrUnavailable
	}
	l.ends[lane], l.lost[lane] = l.store.ends[lane], false
	l.term[lane]++
	return l.ends[lane].sequence, nil
}

// Last is the stream's last sequence; 0 when it is empty.
func (l *MemoryLog) Last(_ context.Context, stream domain.Stream) (uint64, error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return uint64(len(l.store.streams[stream])), nil
}

// At returns one envelope, checksum checked; domain.ErrNoEntry when there is none.
func (l *MemoryLog) At(_ context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error) {
	m, _, ok := l.store.at(stream, sequence)
	if !ok {
		return domain.Envelope{}, domain.ErrNoEntry
	}
	return m.decode(sequence)
}

// at finds a message; when there is none yet, the channel says when to look again.
func (s *store) at(stream domain.Stream, sequence uint64) (message, <-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sequence == 0 || sequence > uint64(len(s.streams[stream])) {
		return message{}, s.changed, false
	}
	return s.streams[stream][sequence-1], nil, true
}

func (m message) decode(sequence uint64) (domain.Envelope, error) {
	env, err := domain.DecodeEnvelope(m.data)
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("commandstest: %w: %s/%d", err, m.lane.Stream, sequence)
	}
	env.Sequence, env.Lane = sequence, m.lane
	return env, nil
}

// Read returns the stream's envelopes from one sequence to another, both included; math.MaxUint64 reads to
// what is the end now.
func (l *MemoryLog) Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return l.read(ctx, stream, from, to, nil)
}

// ReadLane is Read for one lane.
func (l *MemoryLog) ReadLane(ctx context.Context, lane domain.Lane, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return l.read(ctx, lane.Stream, from, to, &lane)
}

func (l *MemoryLog) read(ctx context.Context, stream domain.Stream, from, to uint64, only *domain.Lane) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		last, _ := l.Last(ctx, stream)
		from := max(from, 1)
		to := to
		switch {
		case to == math.MaxUint64:
			to = last
		case to > last && to >= from:
			yield(domain.Envelope{}, fmt.Errorf("commandstest: %w: it ends at %d", domain.ErrNoEntry, last))
			return
		}
		w := walk{only: only, strict: from == 1, chain: map[domain.Lane]domain.Hash{}}
		for sequence := from; sequence <= to; sequence++ {
			if ctx.Err() != nil {
				yield(domain.Envelope{}, context.Cause(ctx))
				return
			}
			m, _, _ := l.store.at(stream, sequence)
			if !w.step(m, sequence, yield) {
				return
			}
		}
	}
}

// Follow returns the stream's envelopes from one sequence on as they come, until the context ends.
func (l *MemoryLog) Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		sequence := max(from, 1)
		w := walk{strict: sequence == 1, chain: map[domain.Lane]domain.Hash{}}
		for ctx.Err() == nil {
			m, changed, ok := l.store.at(stream, sequence)
			if !ok {
				select {
				case <-changed:
				case <-ctx.Done():
				}
				continue
			}
			if !w.step(m, sequence, yield) {
				return
			}
			sequence++
		}
	}
}

// walk checks the chains along one pass.
type walk struct {
	only   *domain.Lane
	strict bool
	chain  map[domain.Lane]domain.Hash
}

// step hands one message on; false ends the pass.
func (w *walk) step(m message, sequence uint64, yield func(domain.Envelope, error) bool) bool {
	if w.only != nil && *w.only != m.lane {
		return true
	}
	env, err := m.decode(sequence)
	if err != nil {
		yield(domain.Envelope{}, err)
		return false
	}
	before, known := w.chain[m.lane]
	if (known || w.strict) && env.Prev != before {
		yield(domain.Envelope{}, fmt.Errorf("commandstest: %w: %s/%d", domain.ErrChainBroken, m.lane.Stream, sequence))
		return false
	}
	w.chain[m.lane] = env.Hash
	return yield(env, nil)
}
