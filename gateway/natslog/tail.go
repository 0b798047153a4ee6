package natslog

import (
	"context"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// How much of a stream's end is kept for those who follow it. Who falls further behind reads by himself until he has
// caught up.
const (
	tailBytes     = 4 << 20
	tailEnvelopes = 1024
)

// tail reads the end of a stream once for all who follow it: the server delivers each message once, and it is checked
// and decoded once.
type tail struct {
	stream    domain.Stream
	followers int // guarded by Log.tailing
	stop      context.CancelFunc

	mu sync.Mutex
	// recent are the last envelopes read, ascending. An entry never changes: followers share them.
	recent  []domain.Envelope
	bytes   int
	dropped uint64 // the last sequence that is no longer in recent
	err     error
	changed chan struct{}
}

// join makes the caller one of those who follow the stream's end, from a sequence that is at the end or close to it.
func (l *Log) join(stream domain.Stream, next uint64) *tail {
	l.tailing.Lock()
	defer l.tailing.Unlock()
	t := l.tails[stream]
	if t == nil || t.failed() {
		ctx, stop := context.WithCancel(context.Background())
		t = &tail{stream: stream, stop: stop, dropped: next - 1, changed: make(chan struct{})}
		l.tails[stream] = t
		go t.run(ctx, &reader{log: l, stream: stream, next: next, live: true, waits: true})
	}
	t.followers++
	return t
}

// leave ends the reading with the last follower.
func (l *Log) leave(t *tail) {
	l.tailing.Lock()
	defer l.tailing.Unlock()
	if t.followers--; t.followers > 0 {
		return
	}
	t.stop()
	if l.tails[t.stream] == t {
		l.tails[t.stream] = nil
	}
}

func (t *tail) run(ctx context.Context, r *reader) {
	err := r.run(ctx, func(e domain.Envelope, _ error) bool {
		t.push(e)
		return true
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	close(t.changed)
}

func (t *tail) push(e domain.Envelope) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent = append(t.recent, e)
	t.bytes += sizeOf(e)
	for len(t.recent) > 1 && (t.bytes > tailBytes || len(t.recent) > tailEnvelopes) {
		t.bytes -= sizeOf(t.recent[0])
		t.dropped = t.recent[0].Sequence
		t.recent = t.recent[1:]
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

func sizeOf(e domain.Envelope) int {
	n := envelopeOverhead
	for _, f := range e.Frames {
		n += len(f)
	}
	return n
}

func (t *tail) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err != nil
}

// from waits for the envelopes from a sequence on. It returns none and no error when they are no longer kept.
func (t *tail) from(ctx context.Context, next uint64) ([]domain.Envelope, error) {
	for {
		envelopes, changed, kept, err := t.look(next)
		if len(envelopes) > 0 || !kept {
			return envelopes, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (t *tail) look(next uint64) (envelopes []domain.Envelope, changed <-chan struct{}, kept bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next <= t.dropped {
		return nil, nil, false, nil
	}
	i, _ := slices.BinarySearchFunc(t.recent, next, func(e domain.Envelope, next uint64) int {
		if e.Sequence < next {
			return -1
		}
		return 1
	})
	return t.recent[i:len(t.recent):len(t.recent)], t.changed, true, t.err
}

// followTail hands the stream's envelopes on as they come: those that are there by a reading of its own, which waits
// while the server is away, and then those of the tail.
func (r *reader) followTail(ctx context.Context, yield func(domain.Envelope, error) bool) error {
	for {
		if err := r.run(ctx, yield); err != nil {
			return err
		}
		if err := r.shareTail(ctx, yield); err != nil {
			return err
		}
		r.to = End
	}
}

// shareTail returns nil when the reader has fallen behind what the tail keeps.
func (r *reader) shareTail(ctx context.Context, yield func(domain.Envelope, error) bool) error {
	t := r.log.join(r.stream, r.next)
	defer r.log.leave(t)
	for {
		envelopes, err := t.from(ctx, r.next)
		if err != nil || len(envelopes) == 0 {
			return err
		}
		for _, e := range envelopes {
			if e.Sequence != r.next {
				if err := r.jump(ctx, e.Sequence); err != nil {
					return err
				}
			}
			if err := r.check(e.Lane.Subject(), e); err != nil {
				return err
			}
			if !yield(e, nil) {
				return errStopped
			}
			r.next = e.Sequence + 1
		}
	}
}
