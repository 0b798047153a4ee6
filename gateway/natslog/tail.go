package natslog

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// How much of a stream's end is kept for those who follow it. Who falls further behind reads by himself until he has
// caught up.
const (
	tailBytes     = 4 << 20
	tailEnvelopes = 1024
)

// A tail that is handed what this process appends reads the stream where something is missing: at first, when what
// follows it has not come within missingFor (lanes of one stream may overtake one another), and every lookEvery.
const (
	missingFor = 50 * time.Millisecond
	lookEvery  = time.Second
	// earlyEnvelopes is how many that came early are kept; those beyond are read.
	earlyEnvelopes = 256
)

// tail has the end of a stream once for all who follow it: the server delivers each message once, and it is checked
// and decoded once; or, where nobody else appends, it is handed over by who has appended it.
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
	// handed is nil for a tail that reads everything. It has a token when something is missing.
	handed chan struct{}
	next   uint64 // the sequence that comes next, of a tail that is handed
	early  map[uint64]domain.Envelope
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
		if l.options.Alone {
			t.handed, t.next, t.early = make(chan struct{}, 1), next, map[uint64]domain.Envelope{}
			go func() { t.end(t.complete(ctx, l)) }()
		} else {
			r := &reader{log: l, stream: stream, next: next, live: true, waits: true}
			go func() { t.end(t.read(ctx, r)) }()
		}
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

// hand gives an acknowledged envelope to those who follow its stream.
func (l *Log) hand(e domain.Envelope) {
	if !l.options.Alone {
		return
	}
	l.tailing.Lock()
	t := l.tails[e.Lane.Stream]
	l.tailing.Unlock()
	if t != nil {
		t.take(e)
	}
}

// take takes an envelope that was appended: at once when it is the next, otherwise when those before it have come.
func (t *tail) take(e domain.Envelope) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Sequence > t.next {
		if len(t.early) < earlyEnvelopes {
			t.early[e.Sequence] = e
		}
		select {
		case t.handed <- struct{}{}:
		default:
		}
		return
	}
	t.put(e)
}

// put takes an envelope that was read or is the next, and those that came early and follow it; t.mu is held.
func (t *tail) put(e domain.Envelope) {
	for known := e.Sequence >= t.next; known; e, known = t.early[t.next] {
		delete(t.early, e.Sequence)
		t.next = e.Sequence + 1
		t.push(e)
	}
	for sequence := range t.early { // what was read came early too
		if sequence < t.next {
			delete(t.early, sequence)
		}
	}
}

// missing says whether something came early and waits for what is before it.
func (t *tail) missing() (next uint64, missing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, len(t.early) > 0
}

// complete reads what a tail that is handed envelopes lacks, until the context ends.
func (t *tail) complete(ctx context.Context, l *Log) error {
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-t.handed:
			if came, err := t.comes(ctx); came || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		next, _ := t.missing()
		if err := t.read(ctx, &reader{log: l, stream: t.stream, next: next, to: End, waits: true}); err != nil {
			return err
		}
		look.Reset(lookEvery)
	}
}

// comes waits a little for what is missing.
func (t *tail) comes(ctx context.Context) (bool, error) {
	waited := time.NewTimer(missingFor)
	defer waited.Stop()
	for {
		if _, missing := t.missing(); !missing {
			return true, nil
		}
		select {
		case <-t.handed:
		case <-waited.C:
			_, missing := t.missing()
			return !missing, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func (t *tail) read(ctx context.Context, r *reader) error {
	return r.run(ctx, func(e domain.Envelope, _ error) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.handed != nil {
			t.put(e)
		} else {
			t.push(e)
		}
		return true
	})
}

// end is why there is nothing more to follow.
func (t *tail) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	close(t.changed)
}

// push adds an envelope; t.mu is held.
func (t *tail) push(e domain.Envelope) {
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
