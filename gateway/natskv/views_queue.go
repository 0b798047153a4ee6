package natskv

import (
	"context"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// maxUnwritten is how many aliases may wait to be written before Store waits: what a crash makes the next start fold
// again, and memory for their names.
const maxUnwritten = 1 << 18

// writeQueue is what Store has taken and the buckets do not have yet.
type writeQueue struct {
	mu      sync.Mutex
	pending pendingWrites
	busy    int // aliases of the round being written
	more    bool
	failed  error
	// work has a token when there may be something to write; changed is closed and renewed when less is waiting.
	work    chan struct{}
	changed chan struct{}
	// writing is held while a round is written: the turn to touch the buckets.
	writing chan struct{}
}

// pendingWrites are the aliases changed in a memory, once each, and the cut it then stands at.
type pendingWrites struct {
	memory  *memory
	aliases []domain.Alias
	cut     domain.Cut
	moved   bool
}

func (q *writeQueue) init() {
	q.work = make(chan struct{}, 1)
	q.changed = make(chan struct{})
	q.writing = make(chan struct{}, 1)
}

// add queues changed aliases; more holds them back until there are many or the last of them has come.
func (q *writeQueue) add(m *memory, changed []domain.Alias, cut domain.Cut, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending.memory = m
	q.pending.aliases = append(q.pending.aliases, changed...)
	q.pending.moved = q.pending.moved || cut != q.pending.cut
	q.pending.cut = cut
	q.more = more
	if !q.held() {
		q.wake()
	}
}

// held says whether it is better to wait for more before writing.
func (q *writeQueue) held() bool { return q.more && len(q.pending.aliases) < maxUnwritten/2 }

func (q *writeQueue) wake() {
	select {
	case q.work <- struct{}{}:
	default:
	}
}

// take is the next round to write; false when there is nothing, or more is to come first.
func (q *writeQueue) take() (pendingWrites, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.pending.moved && len(q.pending.aliases) == 0 || q.held() {
		return pendingWrites{}, false
	}
	round := q.pending
	q.busy = len(round.aliases)
	q.pending = pendingWrites{memory: round.memory, cut: round.cut}
	return round, true
}

// done ends a round; an error ends all writing for good.
func (q *writeQueue) done(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = 0
	if err != nil {
		q.failed = err
	}
	q.tell()
}

// tell wakes whoever waits for less to be waiting; the caller holds the lock.
func (q *writeQueue) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// idle says whether everything is written.
func (q *writeQueue) idle() bool {
	return q.busy == 0 && !q.pending.moved && len(q.pending.aliases) == 0
}

func (q *writeQueue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending.aliases) + q.busy
}

// room waits until few enough aliases are unwritten.
func (q *writeQueue) room(ctx context.Context) error {
	return q.until(ctx, func() bool { return len(q.pending.aliases)+q.busy < maxUnwritten })
}

// flushed waits until everything is written.
func (q *writeQueue) flushed(ctx context.Context) error {
	q.mu.Lock()
	q.more = false
	q.wake()
	q.mu.Unlock()
	return q.until(ctx, q.idle)
}

// until waits for a condition that is evaluated under the lock whenever a round ends.
func (q *writeQueue) until(ctx context.Context, met func() bool) error {
	for {
		q.mu.Lock()
		ok, failed, changed := met(), q.failed, q.changed
		q.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case ok:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("natskv: write views: %w", context.Cause(ctx))
		}
	}
}

// suspend waits for the round being written, forgets what is pending and keeps others from writing until released.
func (q *writeQueue) suspend(ctx context.Context) (release func(), err error) {
	select {
	case q.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("natskv: clear views: %w", context.Cause(ctx))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = pendingWrites{}
	q.tell()
	return func() { <-q.writing }, nil
}
