package commands

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// queue is what was decided about the graph and is not in the log yet, in the order of the decisions. One append is
// under way at a time and takes along all that has gathered: so the order of the log is the order of the decisions,
// and when an append fails everything decided after it falls with it, the latest first.
type queue struct {
	waiting   []*unit
	appending bool
}

// sender is one part's end of the log; the pointer tells the parts apart.
type sender struct{ log SharedLog }

// unit is events that stand next to one another in one envelope: what one item says, or one change of an operator.
type unit struct {
	round  *round
	events []*event.Event
	// at is where the first stands, once the round has ended well.
	at domain.Position
}

// round is the units of one call.
type round struct {
	sender *sender
	left   int
	ended  chan struct{}
	// err is set before ended closes.
	err error
}

// wait returns when all of the round is durable, or why it is not. When the context ends first the append goes on.
func (r *round) wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// graphLane is the lane of everything that the guards decide on: the graph has one order.
func graphLane(lanes int) domain.Lane { return domain.LaneOf(domain.Identity, domain.Alias{}, lanes) }

// begin starts a round; what is added to it is appended in that order. The caller holds the lock until run.
func (p *People) begin(s *sender) *round { return &round{sender: s, ended: make(chan struct{})} }

// add applies a unit's events and puts them into the queue; the caller holds the lock.
func (p *People) add(r *round, events ...*event.Event) *unit {
	u := &unit{round: r, events: events}
	for _, e := range events {
		p.register.Take(e)
	}
	r.left++
	p.queue.waiting = append(p.queue.waiting, u)
	return u
}

// run has the round appended; the caller holds the lock.
func (p *People) run(r *round) {
	if r.left == 0 {
		close(r.ended)
		return
	}
	if !p.queue.appending {
		p.queue.appending = true
		go p.appendAll()
	}
}

// pending is the latest round that is not in the log yet, nil when there is none: who relies on what the register
// says has to wait for it. The caller holds the lock.
func (p *People) pending() *round {
	if n := len(p.queue.waiting); n > 0 {
		return p.queue.waiting[n-1].round
	}
	return nil
}

// appendAll appends until nothing waits. The log bounds how long an append may take.
func (p *People) appendAll() {
	for {
		p.mu.Lock()
		batch := p.queue.next()
		if len(batch) == 0 {
			p.queue.waiting, p.queue.appending = nil, false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		s := batch[0].round.sender
		lane := graphLane(s.log.Lanes())
		var events []*event.Event
		for _, u := range batch {
			events = append(events, u.events...)
		}
		at, err := s.log.Append(context.Background(), lane, events...)
		p.mu.Lock()
		if err != nil {
			p.fail(fmt.Errorf("append to %s: %w", lane.Subject(), err))
		} else {
			p.done(batch, at)
		}
		p.mu.Unlock()
	}
}

// next is the units at the front that fit one envelope and go through one sender; the first goes alone if it must.
// They stay in the queue until the append has ended.
func (q *queue) next() []*unit {
	size, count := 0, 0
	for n, u := range q.waiting {
		for _, e := range u.events {
			size += domain.FrameSize(proto.Size(e))
		}
		count += len(u.events)
		if n > 0 && (size > envelopeRoom || count > domain.MaxEnvelopeEvents || u.round.sender != q.waiting[0].round.sender) {
			return q.waiting[:n:n]
		}
	}
	return q.waiting
}

// done places the units at the front; the caller holds the lock. The register learns their places when the log
// comes by.
func (p *People) done(batch []*unit, at domain.Position) {
	for _, u := range batch {
		u.at = at
		at.Index += uint32(len(u.events))
		if u.round.left--; u.round.left == 0 {
			close(u.round.ended)
		}
	}
	p.queue.waiting = p.queue.waiting[len(batch):]
}

// fail takes back all that waits, the latest first: it was decided on a past that did not come to be. The caller
// holds the lock.
func (p *People) fail(err error) {
	waiting := p.queue.waiting
	p.queue.waiting = nil
	if unsure(err) || errors.Is(err, domain.ErrLaneLost) {
		p.doubtful()
	}
	for n := len(waiting) - 1; n >= 0; n-- {
		for e := len(waiting[n].events) - 1; e >= 0; e-- {
			p.register.Drop(waiting[n].events[e])
		}
		if r := waiting[n].round; r.err == nil {
			r.err = err
			close(r.ended)
		}
	}
}
