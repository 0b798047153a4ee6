package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// isNew says whether this call appends the claim's event.
func (c *claim) isNew() bool { return !c.known && c.other == nil }

// translate makes the events of all items and what they claim, refused items included.
func (in *Ingest) translate(c *call) {
	c.events = make([]pendingEvent, len(c.items))
	c.claims = make([]claim, len(c.items))
	for i := range c.items {
		t := c.translation(i)
		if c.checked[i] == nil {
			c.events[i] = in.refused(c, t, i)
		} else {
			c.events[i] = in.accepted(c, t, i)
		}
		if e := c.events[i]; e.event == nil {
			c.claims[i].known = true
		} else {
			c.claims[i] = claim{id: eventID(e.event.GetId()), seq: e.event.GetSourceSeq(), named: e.event.GetNamed(), lane: e.lane}
		}
	}
}

func (c *call) translation(i int) translation {
	t := c.t
	t.message = c.messages[i]
	return t
}

// accepted is the item's own event. An offer that is defined so already has none.
func (in *Ingest) accepted(c *call, t translation, i int) pendingEvent {
	main := t.main(c.checked[i], c.aliases[i])
	if o := main.event.GetOfferDefined().GetOffer(); o != nil && in.defined(c, o) {
		return pendingEvent{}
	}
	return main
}

// defined says whether the offer is defined so already, in the log or earlier in this call.
func (in *Ingest) defined(c *call, o *event.Offer) bool {
	digest := digestOf(o)
	if known, ok := c.offers[o.GetId()]; ok && known == digest {
		return true
	} else if !ok && in.ports.Recall.Catalogue.Defined(o) {
		return true
	}
	if c.offers == nil {
		c.offers = map[string]domain.Hash{}
	}
	c.offers[o.GetId()] = digest
	return false
}

// refused is the quarantine's event; its original is sealed later, if the event is new.
func (in *Ingest) refused(c *call, t translation, i int) pendingEvent {
	it, v := &c.items[i], c.verdicts[i]
	return pendingEvent{
		lane: domain.QuarantineLane(c.source),
		event: &event.Event{
			Id: partID(t.message, partQuarantine), OccurredMs: t.receivedMS, ReceivedMs: t.receivedMS,
			Source: c.source, SourceSeq: it.SourceSeq, Named: it.named(),
			Body: &event.Event_Quarantined{Quarantined: &event.Quarantined{
				Reason: v.Reason, Field: v.Field, Message: v.Message, Format: it.Format,
			}},
		},
	}
}

// claim reserves the events' ids. Where an earlier append ended in doubt, it first waits until the log has told
// what became of it.
func (in *Ingest) claim(ctx context.Context, c *call) (*reservation, error) {
	seen := in.ports.Recall.Seen
	if err := in.ports.Recall.People.certain(ctx, in.ports.Log, in.ports.Recall); err != nil {
		return nil, err
	}
	for {
		doubted, streams := in.doubt.now()
		if len(streams) > 0 {
			if err := in.ports.Recall.CatchUp(ctx, streams...); err != nil {
				return nil, err
			}
			in.doubt.clear(doubted)
		}
		r := newReservation()
		seen.reserve(c.source, c.claims, r)
		if again, streams := in.doubt.now(); again == doubted || len(streams) == 0 {
			return r, nil
		}
		seen.end(c.claims, r, true)
		for i := range c.claims {
			c.claims[i].known, c.claims[i].other = c.events[i].event == nil, nil
		}
	}
}

// awaitOthers waits for the calls that are appending the same messages: a duplicate is acknowledged only when the
// first is durable.
func (in *Ingest) awaitOthers(ctx context.Context, c *call) error {
	for i := range c.claims {
		other := c.claims[i].other
		if other == nil {
			continue
		}
		select {
		case <-other.ended:
		case <-ctx.Done():
			return fmt.Errorf("wait for the same message in another call: %w", ctx.Err())
		}
		if other.failed {
			return fmt.Errorf("the same message failed in another call: %w", domain.ErrUnavailable)
		}
	}
	return nil
}

// batch is what goes to one lane, in order.
type batch struct {
	lane   domain.Lane
	events []*pendingEvent
	claims []*claim
}

// append makes what the items say about who is one person durable, then seals and appends what is new, the lanes side
// by side: an item that is in the log has said all it had to say. It returns the streams of which it is unknown whether
// they took it.
func (in *Ingest) append(ctx context.Context, c *call) (unknown []domain.Stream, err error) {
	if unknown, err := in.link(ctx, c); err != nil {
		return unknown, err
	}
	room := in.sealRooms.lend()
	defer in.sealRooms.takeBack(room)
	if err := in.seal(ctx, c, room); err != nil {
		return nil, err
	}
	batches := c.batches()
	if len(batches) == 1 {
		err := in.appendLane(ctx, c, batches[0])
		return doubtful(batches[0].lane, err), err
	}
	errs := make([]error, len(batches))
	var wg sync.WaitGroup
	for i, b := range batches {
		wg.Go(func() { errs[i] = in.appendLane(ctx, c, b) })
	}
	wg.Wait()
	for i, e := range errs {
		unknown = append(unknown, doubtful(batches[i].lane, e)...)
	}
	return unknown, cmp.Or(errs...)
}

// doubtful is the lane's stream when the error leaves open whether its events are in the log.
func doubtful(lane domain.Lane, err error) []domain.Stream {
	if !unsure(err) {
		return nil
	}
	return []domain.Stream{lane.Stream}
}

// unsure says whether the error of an append leaves open whether its events are in the log.
func unsure(err error) bool {
	return err != nil && !errors.Is(err, domain.ErrTooLarge) && !errors.Is(err, domain.ErrLaneLost) && !errors.Is(err, domain.ErrLogFull)
}

func (c *call) batches() []*batch {
	var out []*batch
	at := map[domain.Lane]*batch{}
	for i := range c.events {
		e, cl := &c.events[i], &c.claims[i]
		if e.graph || !cl.isNew() {
			continue
		}
		b := at[e.lane]
		if b == nil {
			b = &batch{lane: e.lane}
			at[e.lane], out = b, append(out, b)
		}
		b.events, b.claims = append(b.events, e), append(b.claims, cl)
	}
	return out
}

// appendLane appends a lane's events in as few envelopes as hold them, one after the other, and commits each.
func (in *Ingest) appendLane(ctx context.Context, c *call, b *batch) error {
	events := make([]*event.Event, len(b.events))
	for i, e := range b.events {
		events[i] = e.event
	}
	for from := 0; from < len(events); {
		to := from + envelopeOf(events[from:])
		at, err := in.ports.Log.Append(ctx, b.lane, events[from:to]...)
		if errors.Is(err, domain.ErrLaneLost) && b.lane == graphLane(c.t.lanes) {
			in.ports.Recall.People.doubtful()
		}
		if err != nil {
			return fmt.Errorf("append to %s: %w", b.lane.Subject(), err)
		}
		for k, e := range b.events[from:to] {
			e.at = domain.Position{Sequence: at.Sequence, Index: at.Index + uint32(k)}
			if b.lane.Stream == domain.Policy {
				in.ports.Recall.Catalogue.apply(b.lane, domain.Recorded{At: e.at, Event: e.event})
			}
		}
		in.ports.Recall.Seen.commit(c.source, b.claims[from:to], c.t.receivedMS)
		from = to
	}
	return nil
}
