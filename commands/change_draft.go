package commands

import (
	"bytes"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// draft is the events of one change while they are decided: each is applied at once, so that the next is decided on
// it, and taken back unless the change is written.
type draft struct {
	register *identity.Register
	claims   *identity.Claims
	change   Change
	id       eventID
	nowMS    int64
	events   []*event.Event
	// following: the event that says the change is in the log already.
	following bool
	// realigned is what followed, when claims were played again.
	realigned identity.Realignment
}

func (d *draft) shown(in intent) {
	if in.effect != nil {
		in.effect(d)
	}
	if in.look != nil {
		in.look(d.register)
	}
}

// add applies an event of the draft; the first is the one that says the change.
func (d *draft) add(about identity.Named, e *event.Event) {
	e.Id = slices.Clone(d.id[:])
	if n := len(d.events); n > 0 || d.following {
		e.Id = d.id.follower(identity.Part{Kind: 'o', First: about.Alias, Times: n})
	}
	if !about.Alias.IsZero() {
		e.Alias, e.AliasType = slices.Clone(about.Alias[:]), d.named(about).Type
	}
	e.OccurredMs, e.ReceivedMs, e.Source = d.nowMS, d.nowMS, OwnSource
	d.take(e)
}

func (d *draft) take(events ...*event.Event) {
	for _, e := range events {
		d.register.Take(e)
	}
	d.events = append(d.events, events...)
}

// drop takes the draft back.
func (d *draft) drop() {
	for n := len(d.events) - 1; n >= 0; n-- {
		d.register.Drop(d.events[n])
	}
}

// named completes the type of an alias from what its links said.
func (d *draft) named(n identity.Named) identity.Named {
	if n.Type == "" {
		n.Type = d.register.Graph().Type(n.Alias)
	}
	return n
}

// stamp is for what the guards decide because of the change.
func (d *draft) stamp() identity.Stamp {
	return identity.Stamp{
		ID:         func(p identity.Part) []byte { return d.id.follower(p) },
		OccurredMS: d.nowMS, ReceivedMS: d.nowMS, Source: OwnSource,
	}
}

// realign adds what must follow for the claims to be as if the draft's events had always held.
func (d *draft) realign() {
	if d.claims == nil {
		return
	}
	d.realigned = d.claims.Realign(nil, d.events...)
	d.take(d.realigned.Events(d.stamp())...)
}

// close marks the last of several events, by its id: what the log lacks of a change is seen by that.
func (d *draft) close() {
	n := len(d.events) - 1
	if n == 0 && !d.following {
		return
	}
	last := d.events[n]
	d.register.Drop(last)
	last.Id = d.id.lastFollower()
	d.register.Take(last)
}

// draftUnit is how many events of a change too large for one envelope are kept together.
const draftUnit = 500

// units are the events as they are appended: all in one envelope if they fit. The first has more than the event that
// says the change, so that a change that was cut off is told from one that nothing follows.
func (d *draft) units() [][]*event.Event {
	if envelopeOf(d.events) == len(d.events) {
		return [][]*event.Event{d.events}
	}
	return slices.Collect(slices.Chunk(d.events, draftUnit))
}

// follower is the id of an event that follows from the change: it starts as all of them do.
func (id eventID) follower(p identity.Part) []byte {
	sum := decidedSum(id[:], p)
	return append(id.following(), sum[:8]...)
}

func (id eventID) lastFollower() []byte {
	return append(id.following(), bytes.Repeat([]byte{0xff}, 8)...)
}

// following is how the ids of the events that follow from the change start.
func (id eventID) following() []byte {
	sum := decidedSum(id[:], identity.Part{})
	return sum[8:16:16]
}

// changed is an operator's change as the log has it.
type changed struct {
	event *event.Event
	at    domain.Position
	// followed counts what the log has of the events that follow from it.
	followed followed
}

// followed counts events that follow from a change.
type followed struct {
	events                    int
	last                      bool
	linked, takenBack, shared int
}

// follows says whether an event with that id follows from the change.
func (c *changed) follows(id eventID) bool {
	return bytes.HasPrefix(id[:], eventID(c.event.GetId()).following())
}

// cutOff says whether the log has only a part of what follows from the change.
func (c *changed) cutOff() bool { return c.followed.events > 0 && !c.followed.last }

func (f *followed) count(e *event.Event) {
	f.events++
	f.last = f.last || bytes.HasSuffix(e.GetId(), bytes.Repeat([]byte{0xff}, 8))
	switch {
	case e.GetIdentityLinked() != nil:
		f.linked++
	case e.GetIdentityUnlinked() != nil:
		f.takenBack++
	case e.GetAliasMarked().GetMark() == event.AliasMarked_MARK_SHARED:
		f.shared++
	}
}
