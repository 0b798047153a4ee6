package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain/event"
)

// Events are the events of IDENTITY that an admission stands for, in the order to append them.
func (a *Admission) Events(s Stamp) []*event.Event {
	events := make([]*event.Event, 0, len(a.Marks)+len(a.Links)+len(a.Withheld))
	for _, m := range a.Marks {
		events = append(events, s.marked(m))
	}
	for _, l := range a.Links {
		events = append(events, s.linked(l))
	}
	for _, l := range a.Withheld {
		events = append(events, s.withheld(l))
	}
	return events
}

// event starts the event of a part about an alias.
func (s *Stamp) event(p Part, about Named) *event.Event {
	return &event.Event{
		Id: s.ID(p), Alias: slices.Clone(about.Alias[:]), AliasType: about.Type,
		OccurredMs: s.OccurredMS, ReceivedMs: s.ReceivedMS, Source: s.Source, SourceSeq: s.SourceSeq,
	}
}

func (s *Stamp) marked(m Marking) *event.Event {
	e := s.event(Part{Kind: 'm', First: m.Alias}, m.Named)
	e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{
		Mark: m.Mark.Proto(), Rule: RuleGuards, Reason: m.Reason,
	}}
	return e
}

func (s *Stamp) linked(l Link) *event.Event {
	e := s.event(part('l', l, 0), l.First)
	e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
		Other: slices.Clone(l.Second.Alias[:]), OtherType: l.Second.Type,
		Rule: l.Rule, Posterior: l.Posterior, Evidence: l.Evidence,
	}}
	return e
}

// withheld keeps the times of the claim where it is an older one.
func (s *Stamp) withheld(l Link) *event.Event {
	e := s.event(part('w', l, 0), l.First)
	if l.ReceivedMS != 0 {
		e.OccurredMs, e.ReceivedMs = l.OccurredMS, l.ReceivedMS
	}
	e.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
		Other: slices.Clone(l.Second.Alias[:]), OtherType: l.Second.Type,
		Rule: l.Rule, Posterior: l.Posterior, Evidence: l.Evidence, Guard: l.Guard, GuardType: l.GuardType,
	}}
	return e
}

func (s *Stamp) takenBack(l Link, times int) *event.Event {
	e := s.event(part('u', l, times), l.First)
	e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
		Other: slices.Clone(l.Second.Alias[:]), Rule: RuleGuards, Reason: l.Guard,
	}}
	return e
}

func part(kind byte, l Link, times int) Part {
	return Part{Kind: kind, First: l.First.Alias, Second: l.Second.Alias, Times: times}
}
