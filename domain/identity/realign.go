package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Realignment is the difference between the present and what other guards give. It is the same whether it is only
// shown or applied.
type Realignment struct {
	// Marks are to be set (Shared) or lifted (Unmarked).
	Marks []Marking
	// TakenBack are the links to take back, with how often.
	TakenBack []Link
	// Links are claims that were withheld and are admitted now.
	Links []Link
	// Withheld are the claims that are withheld from now on, or for another reason.
	Withheld []Link
	// Regroupings are the profiles that become others.
	Regroupings []Regrouping
	// Affected are the aliases whose profile gets another id, ascending.
	Affected []domain.Alias
	// Splits is how many profiles lose members to another; Merges how many are made of several.
	Splits, Merges int
	// Profiles is by how much the number of profiles grows.
	Profiles int
}

// Empty says whether there is nothing to append.
func (r *Realignment) Empty() bool {
	return len(r.Marks)+len(r.TakenBack)+len(r.Links)+len(r.Withheld) == 0
}

// Events are the events of IDENTITY that bring the present in line, in the order to append them: at no moment is
// anybody joined whom neither the earlier guards nor the new ones join. After a crash half-way the rest is found by
// realigning again.
func (r *Realignment) Events(s Stamp) []*event.Event {
	var events []*event.Event
	for _, l := range r.TakenBack {
		for n := range l.Times {
			events = append(events, s.takenBack(l, n))
		}
	}
	for _, l := range r.Withheld {
		events = append(events, s.withheld(l))
	}
	for _, m := range r.Marks {
		if m.Mark != Unmarked {
			events = append(events, s.marked(m))
		}
	}
	for _, l := range r.Links {
		events = append(events, s.linked(l))
	}
	for _, m := range r.Marks {
		if m.Mark == Unmarked {
			events = append(events, s.marked(m))
		}
	}
	return events
}

// Realign plays all claims again, in the order of the log, under guards that had always held, and tells the difference
// to the present; nil guards are those in effect. The events are what an operator is about to append (bars, marks,
// unlinks, links; each with its id): the difference is what must follow them. What operators took back stays taken
// back, what they marked stays marked, and bars and blocked aliases hold from the beginning. Claims itself does not
// change.
func (c *Claims) Realign(guards *Guards, events ...*event.Event) Realignment {
	p := playing{claims: c, known: map[cell]int{}}
	entries := c.take(events)
	p.begin(guards)
	for group := range grouped(c.entries) {
		p.play(group)
	}
	for group := range grouped(entries) {
		p.play(group)
	}
	r := p.difference()
	seeds := p.seeds(&r, events)
	c.drop(events)
	r.regroup(c.present.graph, p.wanted.graph, seeds)
	return r
}

// take applies an operator's events for the time being and returns what they claim or take back.
func (c *Claims) take(events []*event.Event) []entry {
	apart := Claims{present: c.present, takenBack: map[cell]bool{}, told: map[told]bool{}}
	var entries []entry
	for _, e := range events {
		if !c.concerns(e) {
			continue
		}
		entry, ok := apart.entry(e)
		c.present.Take(e)
		if ok && apart.stands(entry) {
			entries = append(entries, entry)
		}
	}
	return entries
}

func (c *Claims) drop(events []*event.Event) {
	for _, e := range events {
		c.present.Drop(e)
	}
}

// playing is one way through the claims.
type playing struct {
	claims *Claims
	wanted *Register
	// pairs are all that was claimed, in the order of the log; known is where in it.
	pairs []Link
	known map[cell]int
}

// begin starts from what does not depend on the order of claims.
func (p *playing) begin(guards *Guards) {
	present := p.claims.present
	if guards == nil {
		guards = present.guards.guards
	}
	if p.claims.within != nil {
		guards = guards.withoutSharing()
	}
	p.wanted = NewRegisterUnder(guards)
	for a, m := range present.marks {
		if m.Rule != RuleGuards || m.Mark == Blocked || p.claims.within != nil {
			p.wanted.installMark(a, m)
		}
	}
	for key, s := range present.pairs() {
		if s.bar != nil {
			p.wanted.installSaid(key, said{bar: s.bar})
		}
	}
}

// play admits the claims of one message, or takes a pair back. What guards did is no claim: it only says which pairs
// are to be compared.
func (p *playing) play(group []entry) {
	e := &group[0]
	switch e.kind {
	case entryTakenBack:
		p.takeBack(pairOf(e.first, e.second))
	case entryTold:
		for i := range group {
			p.pair(p.linkOf(&group[i]))
		}
	default:
		p.claim(group)
	}
}

func (p *playing) takeBack(key cell) {
	s := p.wanted.read(key).said
	s.withheld = nil
	p.wanted.installLinks(key, 0)
	p.wanted.installSaid(key, s)
}

func (p *playing) claim(group []entry) {
	e := &group[0]
	claim := Claim{Rule: e.rule, AtMS: e.receivedMS, Posterior: e.posterior, Evidence: e.evidence}
	for i := range group {
		p.pair(p.linkOf(&group[i]))
		claim.Named = append(claim.Named, p.named(group[i].first), p.named(group[i].second))
	}
	a := p.wanted.Admit(claim)
	p.absorb(a, e)
	for i := range group {
		p.settle(&group[i], a.Withheld)
	}
}

// settle brings a claimed pair in line of which the admission said nothing, because it has another star: within one
// person it is linked, since it may be what joins them later; otherwise it is withheld for the reason of the message.
func (p *playing) settle(e *entry, withheld []Link) {
	g := p.wanted.graph
	if g.Links(e.first, e.second) > 0 {
		return
	}
	if g.Linked(e.first, e.second) {
		p.link(p.linkOf(e))
	} else if s := p.wanted.said[e.first][e.second]; len(withheld) > 0 && (s == nil || s.withheld == nil) {
		l := p.linkOf(e)
		l.Guard, l.GuardType = withheld[0].Guard, withheld[0].GuardType
		p.withhold(l)
	}
}

func (p *playing) withhold(l Link) {
	key := pairOf(l.First.Alias, l.Second.Alias)
	s := p.wanted.read(key).said
	s.withheld = &Withheld{Link: l}
	p.wanted.installSaid(key, s)
}

func (p *playing) named(a domain.Alias) Named {
	return Named{Alias: a, Type: p.claims.present.graph.Type(a)}
}

func (p *playing) linkOf(e *entry) Link {
	return Link{
		First: p.named(e.first), Second: p.named(e.second), Rule: e.rule, Posterior: e.posterior, Evidence: e.evidence,
		OccurredMS: e.occurredMS, ReceivedMS: e.receivedMS,
	}
}

// pair remembers what was claimed of a pair; the earliest claim stands for it.
func (p *playing) pair(l Link) {
	key := pairOf(l.First.Alias, l.Second.Alias)
	if _, known := p.known[key]; !known {
		p.known[key] = len(p.pairs)
		p.pairs = append(p.pairs, l)
	}
}

// absorb makes an admission take effect in what is wanted.
func (p *playing) absorb(a Admission, e *entry) {
	for _, m := range a.Marks {
		p.wanted.installMark(m.Alias, &Marked{Marking: m, Rule: RuleGuards})
	}
	for _, l := range a.Links {
		p.pair(l)
		p.link(l)
	}
	for _, l := range a.Withheld {
		l.OccurredMS, l.ReceivedMS = e.occurredMS, e.receivedMS
		p.withhold(l)
	}
}

func (p *playing) link(l Link) {
	n, m := p.wanted.graph.link(l.First.Alias, l.Second.Alias)
	p.wanted.graph.typed(n, l.First.Type)
	p.wanted.graph.typed(m, l.Second.Type)
	p.wanted.supersede(pairOf(l.First.Alias, l.Second.Alias))
}
