package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// leaveOut drops the aliases that are marked as meaning nobody. An item that has no other is refused.
func (in *Ingest) leaveOut(c *call) {
	people := in.ports.Recall.People
	people.mu.RLock()
	defer people.mu.RUnlock()
	graph := people.register.Graph()
	for i, ok := range c.checked {
		if ok == nil || len(ok.ids) == 0 {
			continue
		}
		n := ok.people()
		kept := 0
		for k := range ok.ids {
			if k < n && graph.Mark(c.aliases[i][k]) == identity.Blocked {
				continue
			}
			ok.ids[kept], c.aliases[i][kept] = ok.ids[k], c.aliases[i][k]
			kept++
		}
		left := n - (len(ok.ids) - kept)
		ok.ids, c.aliases[i] = ok.ids[:kept], c.aliases[i][:kept]
		if !enough(ok.item, left) {
			c.checked[i], c.aliases[i] = nil, nil
			c.verdicts[i] = rejection(ok.item, Refuse(ReasonIdentifierBlocked, "identifiers", blockedMessage))
		}
	}
}

// people is how many of the identifiers are the person's: a group comes after them.
func (c *checked) people() int {
	if c.group {
		return len(c.ids) - 1
	}
	return len(c.ids)
}

// link makes durable what the new items say about who is one person and about consent, and finds whom each is about.
// Where the register has it already, it waits for those who are still appending it. It returns the streams left in doubt.
func (in *Ingest) link(ctx context.Context, c *call) ([]domain.Stream, error) {
	people, callers := in.ports.Recall.People, ctx
	open, relied := people.known(c)
	if len(open) == 0 && relied == nil {
		return nil, nil
	}
	if len(open) > 0 {
		r, err := in.admit(ctx, c, open)
		if err != nil {
			return nil, err
		}
		if relied = r; relied == nil {
			return nil, nil
		}
		// What this call says is waited for to its end, which the log bounds: whether a link item is in must be known.
		ctx = context.WithoutCancel(ctx)
	}
	if err := relied.wait(ctx); err != nil {
		return doubtful(graphLane(c.t.lanes), err), fmt.Errorf("link: %w", err)
	}
	in.placeLinks(c)
	return nil, in.followed(callers, c)
}

// known sorts the new items that name several identifiers or state consents: what they say is in the register, or open.
// With the former comes the round to wait for, nil when all of the register is durable.
func (p *People) known(c *call) (open []int, relied *round) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	says, changing := false, false
	for i, ok := range c.checked {
		if ok == nil || !c.claims[i].isNew() || ok.people() < 2 && len(ok.item.Consents) == 0 {
			continue
		}
		says = true
		// What was so before the call may not be so any more when an item of it has changed a consent.
		changing = changing || ok.item.Type == TypeConsent || len(p.stated(c, i)) > 0
		if p.linksOpen(c, i) || changing && len(ok.item.Consents) > 0 {
			open = append(open, i)
		}
	}
	if says {
		relied = p.pending()
	}
	return open, relied
}

// linksOpen says whether an item may say something new about who is one person; the caller holds the lock, or reads
// under it.
func (p *People) linksOpen(c *call, i int) bool {
	ok := c.checked[i]
	return ok.people() > 1 && (ok.item.Type == TypeLink || !p.oneProfile(c.aliases[i][:ok.people()]))
}

func (p *People) oneProfile(aliases []domain.Alias) bool {
	graph := p.register.Graph()
	for _, a := range aliases[1:] {
		if !graph.Linked(aliases[0], a) {
			return false
		}
	}
	return true
}

// admit lets the guards decide on the open items, in order, and has the outcome appended. The round is what to wait
// for: nil when nothing is being appended.
func (in *Ingest) admit(ctx context.Context, c *call, open []int) (*round, error) {
	people := in.ports.Recall.People
	people.turn.RLock()
	defer people.turn.RUnlock()
	if err := people.lockCertain(ctx, in.ports.Log, in.ports.Recall); err != nil {
		return nil, err
	}
	defer people.mu.Unlock()
	r := people.begin(in.sender)
	for _, i := range open {
		in.admitItem(c, r, i)
	}
	if r.left == 0 {
		return people.pending(), nil
	}
	people.run(r)
	return r, nil
}

// lockCertain takes the lock when the register is certain.
func (p *People) lockCertain(ctx context.Context, log SharedLog, recall *Recall) error {
	for {
		if err := p.certain(ctx, log, recall); err != nil {
			return err
		}
		p.mu.Lock()
		if _, streams := p.doubt.now(); len(streams) == 0 {
			return nil
		}
		p.mu.Unlock()
	}
}

// admitItem decides on one item; the caller holds the lock.
func (in *Ingest) admitItem(c *call, r *round, i int) {
	people, ok := in.ports.Recall.People, c.checked[i]
	if people.linksOpen(c, i) {
		in.admitLinks(c, r, i)
	}
	if len(ok.item.Consents) > 0 {
		in.state(c, r, i)
	}
}

func (in *Ingest) admitLinks(c *call, r *round, i int) {
	people, ok := in.ports.Recall.People, c.checked[i]
	statement := c.statement(i)
	admission := people.register.Admit(statement)
	events := admission.Events(c.stamp(i))
	if ok.item.Type == TypeLink {
		events = c.explicit(people.register, i, events)
	}
	people.alarm(&admission)
	if len(events) > 0 {
		u := people.add(r, events...)
		if ok.item.Type == TypeLink {
			c.events[i].unit = u
		}
	}
	c.about(people.register.Graph(), i, admission.Who.Alias)
}

// statement is what an item says about who is one person.
func (c *call) statement(i int) identity.Claim {
	ok := c.checked[i]
	named := make([]identity.Named, ok.people())
	for k := range named {
		named[k] = identity.Named{Alias: c.aliases[i][k], Type: ok.ids[k].Type}
	}
	return identity.Claim{
		Named: named, Rule: linkRule(ok.item), AtMS: c.t.receivedMS, Posterior: 1,
		Evidence: &event.LinkEvidence{Message: slices.Clone(c.messages[i][:])}, // the graph keeps it: not with all of the event
	}
}

func (c *call) stamp(i int) identity.Stamp {
	message := c.events[i].event
	return identity.Stamp{
		ID:         func(p identity.Part) []byte { return decidedID(message.GetId(), p) },
		OccurredMS: message.GetOccurredMs(), ReceivedMS: message.GetReceivedMs(),
		Source: message.GetSource(), SourceSeq: message.GetSourceSeq(),
	}
}

// explicit are the events of a link item: the first link, made or withheld, is the item's own event. A statement of
// what is known already is evidence too, and is kept; one that is withheld already adds nothing, and the item is a
// duplicate.
func (c *call) explicit(register *identity.Register, i int, events []*event.Event) []*event.Event {
	for _, e := range events {
		if e.GetIdentityLinked() != nil || e.GetIdentityWithheld() != nil {
			e.Id, e.Named = c.events[i].event.GetId(), c.events[i].event.GetNamed()
			c.events[i].event = e
			return events
		}
	}
	named := c.statement(i).Named
	if !register.Graph().Linked(named[0].Alias, named[1].Alias) {
		c.events[i].event, c.claims[i].known = nil, true
		return events
	}
	again := identity.Admission{Links: []identity.Link{{
		First: named[0], Second: named[1], Rule: identity.RuleAlias, Posterior: 1, Evidence: c.statement(i).Evidence,
	}}}
	own := again.Events(c.stamp(i))
	own[0].Id, own[0].Named = c.events[i].event.GetId(), c.events[i].event.GetNamed()
	c.events[i].event = own[0]
	return append(events, own...)
}

// about makes the item's event one of the person that it means: the first identifier, unless the guards left that out.
func (c *call) about(graph *identity.Graph, i int, who domain.Alias) {
	ok, aliases := c.checked[i], c.aliases[i]
	if ok.item.Type == TypeLink || who.IsZero() || graph.Linked(aliases[0], who) {
		return
	}
	for k := range ok.people() {
		if aliases[k] == who {
			aliases[0], aliases[k] = aliases[k], aliases[0]
			ok.ids[0], ok.ids[k] = ok.ids[k], ok.ids[0]
			lane := c.events[i].lane
			c.events[i] = c.translation(i).main(ok, aliases)
			c.events[i].lane = lane
			return
		}
	}
}

// placeLinks says where the own events of items that are decided on stand now that they are durable.
func (in *Ingest) placeLinks(c *call) {
	var claims []*claim
	for i := range c.events {
		e := &c.events[i]
		if e.unit == nil {
			continue
		}
		e.at = e.unit.at
		for k, own := range e.unit.events {
			if own == e.event {
				e.at.Index += uint32(k)
			}
		}
		claims = append(claims, &c.claims[i])
	}
	if len(claims) > 0 {
		in.ports.Recall.Seen.commit(c.source, claims, c.t.receivedMS)
	}
}
