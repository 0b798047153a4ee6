package commands

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// UnlinkPeople takes the links between two identifiers back.
type UnlinkPeople struct {
	First, Second identity.Named
	// Bar keeps the two apart from here on, whatever the evidence: claims that join them in another way are withheld,
	// the latest first.
	Bar    bool
	Change Change
	Look   Look
}

// Unlink takes all links between the two back. It fails with ErrSameAlias, ErrNothingToUnlink, the errors of a change
// and those of the log.
func (x *IdentityChanges) Unlink(ctx context.Context, u UnlinkPeople) (Outcome, error) {
	if u.First.Alias == u.Second.Alias {
		return Outcome{}, ErrSameAlias
	}
	return x.do(ctx, u.intent())
}

func (u UnlinkPeople) intent() intent {
	return intent{
		kind: "unlink", change: u.Change, look: u.Look, again: u.again, decide: u.decide,
		same: func(e *event.Event) bool {
			return between(e, e.GetIdentityUnlinked().GetOther(), u.First, u.Second) ||
				u.Bar && between(e, e.GetIdentityBarred().GetOther(), u.First, u.Second)
		},
	}
}

// again are the aliases of the profile when the two stay joined without their direct links.
func (u UnlinkPeople) again(r *identity.Register) []domain.Alias {
	if !u.Bar || !r.Graph().Linked(u.First.Alias, u.Second.Alias) {
		return nil
	}
	return withNeighbours(r, r.Graph().Aliases(u.First.Alias))
}

// withNeighbours adds what is claimed to belong to the aliases, made or withheld.
func withNeighbours(r *identity.Register, aliases []domain.Alias) []domain.Alias {
	within := map[domain.Alias]bool{}
	out := make([]domain.Alias, 0, len(aliases))
	add := func(list ...domain.Alias) {
		for _, a := range list {
			if !within[a] {
				within[a] = true
				out = append(out, a)
			}
		}
	}
	add(aliases...)
	for _, a := range aliases {
		for _, e := range r.Graph().Edges(a) {
			add(r.Graph().Aliases(e.Other)...)
		}
		for _, w := range r.WithheldOf(a) {
			add(r.Graph().Aliases(w.First.Alias)...)
			add(r.Graph().Aliases(w.Second.Alias)...)
		}
	}
	return out
}

func (u UnlinkPeople) decide(d *draft) error {
	graph := d.register.Graph()
	first, second := d.named(u.First), d.named(u.Second)
	links := graph.Links(first.Alias, second.Alias)
	if links == 0 && !u.Bar {
		return ErrNothingToUnlink
	}
	for range links {
		d.add(first, &event.Event{Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
			Other: bytesOf(second.Alias), Rule: identity.RuleOperator, Reason: d.change.Reason, Actor: d.change.Actor,
		}}})
	}
	if u.Bar && !d.register.Barred(first.Alias, second.Alias) {
		d.bar(first, second, false, identity.RuleOperator)
	}
	if u.Bar && graph.Linked(first.Alias, second.Alias) {
		d.realign()
	}
	return nil
}
