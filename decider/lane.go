package decider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// lane is this decider's hold on one lane of DECISION: its decisions are made one at a time.
type lane struct {
	id domain.Lane

	// mu is held for one decision, some tens of microseconds. It is a mutex because a busy lane must not wait for the
	// scheduler to wake the next in line, decision after decision; nothing under it waits for I/O.
	mu    sync.Mutex
	term  uint64
	nowMS int64 // of its latest decision; time never runs backwards in a lane
	// mending: somebody reads the lane to its end; nobody else uses it meanwhile.
	mending bool

	// broken: an append failed, or the lane was never taken over; it must be mended first.
	broken atomic.Bool
	mender chan struct{} // holds one token while somebody mends

	acked uint64 // its last sequence known here; guarded by contacts.mu
}

func newLane(id domain.Lane) *lane {
	l := &lane{id: id, mender: make(chan struct{}, 1)}
	l.broken.Store(true)
	return l
}

// take waits for the lane; when it is broken it is mended first. The caller gives it back.
func (d *Decider) take(ctx context.Context, l *lane) error {
	for {
		l.mu.Lock()
		if !l.mending && !l.broken.Load() {
			return nil
		}
		l.mu.Unlock()
		if err := d.mend(ctx, l); err != nil {
			return err
		}
	}
}

func (l *lane) give() { l.mu.Unlock() }

// mend waits for its turn to mend and mends a lane that is still broken then.
func (d *Decider) mend(ctx context.Context, l *lane) error {
	select {
	case l.mender <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the lane: %w", context.Cause(ctx))
	}
	defer func() { <-l.mender }()
	if !l.broken.Load() {
		return nil
	}
	l.setMending(true)
	defer l.setMending(false)
	return d.readToEnd(ctx, l)
}

func (l *lane) setMending(to bool) {
	l.mu.Lock()
	l.mending = to
	l.mu.Unlock()
}

// readToEnd takes the lane over and reads what it holds beyond what is known here, so that every append made here has
// an outcome and every contact in the lane is known. An append that landed later still would make the next one fail.
func (d *Decider) readToEnd(ctx context.Context, l *lane) error {
	last, err := d.lanes.TakeOver(ctx, l.id)
	if err != nil {
		return fmt.Errorf("take over %s: %w", l.id.Subject(), err)
	}
	for _, r := range d.contacts.openIn(l) {
		select {
		case <-d.contacts.end(r):
		case <-ctx.Done():
			return fmt.Errorf("wait for the lane's appends: %w", context.Cause(ctx))
		}
	}
	if l.term, err = d.lanes.Term(l.id); err != nil {
		return fmt.Errorf("take over %s: %w", l.id.Subject(), err)
	}
	l.broken.Store(false)
	if err := d.discover(ctx, l, last); err != nil {
		l.broken.Store(true)
		return err
	}
	d.contacts.dismiss(l)
	return nil
}

// discover reads the lane from behind what is known here up to a sequence.
func (d *Decider) discover(ctx context.Context, l *lane, last uint64) error {
	known := d.contacts.ackedIn(l)
	if last <= known {
		return nil
	}
	for envelope, err := range d.source.Read(ctx, domain.Decision, known+1, last) {
		if err != nil {
			return fmt.Errorf("read %s: %w", l.id.Subject(), err)
		}
		if envelope.Lane != l.id {
			continue
		}
		events, err := envelope.Events()
		if err != nil {
			return fmt.Errorf("read %s: %w", l.id.Subject(), err)
		}
		l.observe(events)
		d.contacts.discover(l, envelope.Sequence, reservationsOf(l, events))
	}
	return nil
}

// observe keeps the lane's time ahead of its decisions.
func (l *lane) observe(events []*event.Event) {
	for _, e := range events {
		if decision := e.GetDecision(); !decision.GetExternal() {
			l.nowMS = max(l.nowMS, decision.GetNowMs())
		}
	}
}

// enqueue reserves the contacts among the events and fixes their place in the lane; the caller holds the lane.
func (d *Decider) enqueue(l *lane, events ...*event.Event) (appending, error) {
	rs := reservationsOf(l, events)
	d.contacts.reserve(rs)
	p, err := d.lanes.EnqueueIn(l.id, l.term, events...)
	if err != nil {
		d.contacts.fail(rs, true)
		if errors.Is(err, domain.ErrLaneLost) {
			l.broken.Store(true)
		}
		return appending{}, err
	}
	return appending{lane: l, reservations: rs, pending: p}, nil
}

// appending is an append under way with the contacts that it carries.
type appending struct {
	lane         *lane
	reservations []*reservation
	pending      Pending
}

// wait returns the position when the append is durable. When the caller's context ends first, the append goes on and
// its contacts are settled in the background.
func (d *Decider) wait(ctx context.Context, a appending) (domain.Position, error) {
	at, err := a.pending.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		d.background.Go(func() {
			at, err := a.pending.Wait(context.WithoutCancel(ctx))
			d.finish(a, at, err)
		})
		return at, err
	}
	d.finish(a, at, err)
	return at, err
}

// finish settles an append's contacts by its outcome.
func (d *Decider) finish(a appending, at domain.Position, err error) {
	if err == nil {
		d.contacts.settle(a.lane, a.reservations, at)
		return
	}
	a.lane.broken.Store(true)
	d.contacts.fail(a.reservations, nothingAppended(err))
}

// nothingAppended says whether an error of the log is certain.
func nothingAppended(err error) bool {
	return errors.Is(err, domain.ErrLaneLost) || errors.Is(err, domain.ErrTooLarge) || errors.Is(err, domain.ErrLogFull)
}
