package commands

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// ReviewMatch is a person's answer to a proposed match.
type ReviewMatch struct {
	First, Second identity.Named
	// Confirmed links the two; otherwise they are barred from one another.
	Confirmed bool
	Change    Change
	Look      Look
}

// Review answers a proposed match; the answer is a label for the quality of matching, too. It fails with ErrSameAlias,
// ErrNotProposed, ErrBarred, ErrProfileTooLarge, the errors of a change and those of the log.
func (x *IdentityChanges) Review(ctx context.Context, m ReviewMatch) (Outcome, error) {
	if m.First.Alias == m.Second.Alias {
		return Outcome{}, ErrSameAlias
	}
	return x.do(ctx, m.intent())
}

func (m ReviewMatch) intent() intent {
	return intent{
		kind: "review", change: m.Change, look: m.Look, again: m.again, decide: m.decide,
		same: func(e *event.Event) bool {
			return between(e, e.GetMatchReviewed().GetOther(), m.First, m.Second) && e.GetMatchReviewed().GetConfirmed() == m.Confirmed
		},
	}
}

func (m ReviewMatch) again(r *identity.Register) []domain.Alias {
	if m.Confirmed || !r.Graph().Linked(m.First.Alias, m.Second.Alias) {
		return nil
	}
	return withNeighbours(r, r.Graph().Aliases(m.First.Alias))
}

func (m ReviewMatch) decide(d *draft) error {
	proposed, open := d.register.Proposed(m.First.Alias, m.Second.Alias)
	if !open {
		if was, reviewed := d.register.Reviewed(m.First.Alias, m.Second.Alias); reviewed && was.Confirmed == m.Confirmed {
			return nil
		}
		return ErrNotProposed
	}
	first, second := d.named(proposed.First), d.named(proposed.Second)
	d.add(first, &event.Event{Body: &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
		Other: bytesOf(second.Alias), OtherType: second.Type, Confirmed: m.Confirmed, Posterior: proposed.Posterior,
		Reason: d.change.Reason, Actor: d.change.Actor,
	}}})
	if !m.Confirmed {
		if !d.register.Barred(first.Alias, second.Alias) {
			d.bar(first, second, false, identity.RuleReview)
		}
		if d.register.Graph().Linked(first.Alias, second.Alias) {
			d.realign()
		}
		return nil
	}
	if !d.register.Graph().Linked(first.Alias, second.Alias) {
		d.link(first, second, identity.RuleReview, proposed.Posterior)
	}
	return d.admissible(first, second)
}
