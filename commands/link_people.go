package commands

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// LinkPeople says that two identifiers are one person's.
type LinkPeople struct {
	First, Second identity.Named
	// LiftBars takes the bars back that keep their profiles apart.
	LiftBars bool
	Change   Change
	Look     Look
}

// Link links two people. Limits of types do not hold for it. It fails with ErrSameAlias, ErrBarred,
// ErrProfileTooLarge, ErrBlocked, the errors of a change and those of the log.
func (x *IdentityChanges) Link(ctx context.Context, l LinkPeople) (Outcome, error) {
	if l.First.Alias == l.Second.Alias {
		return Outcome{}, ErrSameAlias
	}
	return x.do(ctx, l.intent())
}

func (l LinkPeople) intent() intent {
	return intent{
		kind: "link", change: l.Change, look: l.Look, decide: l.decide,
		same: func(e *event.Event) bool {
			return between(e, e.GetIdentityLinked().GetOther(), l.First, l.Second) ||
				l.LiftBars && e.GetIdentityBarred().GetLifted() // the two were linked, and only bars were in the way
		},
	}
}

// between says whether an event about an alias and another is one about these two.
func between(e *event.Event, other []byte, first, second identity.Named) bool {
	a, b := string(e.GetAlias()), string(other)
	x, y := string(first.Alias[:]), string(second.Alias[:])
	return a == x && b == y || a == y && b == x
}

func (l LinkPeople) decide(d *draft) error {
	graph := d.register.Graph()
	first, second := d.named(l.First), d.named(l.Second)
	if graph.Mark(first.Alias) == identity.Blocked || graph.Mark(second.Alias) == identity.Blocked {
		return ErrBlocked
	}
	bars := d.register.BarsBetween(first.Alias, second.Alias)
	if len(bars) > 0 && !l.LiftBars {
		return ErrBarred
	}
	joined := graph.Linked(first.Alias, second.Alias) || graph.Links(first.Alias, second.Alias) > 0
	if joined && len(bars) == 0 {
		return nil
	}
	if !joined {
		d.link(first, second, identity.RuleOperator, 1)
	}
	for _, b := range bars {
		d.bar(b.First, b.Second, true, identity.RuleOperator)
	}
	return d.admissible(first, second)
}

// link adds a link that an operator asks for.
func (d *draft) link(first, second identity.Named, rule string, posterior float64) {
	d.add(first, &event.Event{Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
		Other: bytesOf(second.Alias), OtherType: second.Type, Rule: rule, Posterior: posterior,
		Evidence: &event.LinkEvidence{Actor: d.change.Actor, Reason: d.change.Reason},
	}}})
}

func bytesOf(a domain.Alias) []byte { return a[:] }

// admissible fails when the profile that the draft makes of two aliases breaks a guard that holds for explicit
// statements.
func (d *draft) admissible(first, second identity.Named) error {
	if len(d.register.BarsBetween(first.Alias, second.Alias)) > 0 {
		return ErrBarred
	}
	guards, _ := d.register.Guards()
	if d.register.Graph().Size(first.Alias) > guards.ProfileMost() {
		return ErrProfileTooLarge
	}
	return nil
}

// bar adds a bar between two, or lifts it.
func (d *draft) bar(first, second identity.Named, lifted bool, rule string) {
	second = d.named(second)
	d.add(first, &event.Event{Body: &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
		Other: bytesOf(second.Alias), OtherType: second.Type, Lifted: lifted, Rule: rule,
		Reason: d.change.Reason, Actor: d.change.Actor,
	}}})
}
