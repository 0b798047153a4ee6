package commands

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// MarkAlias says how the links of one exact identifier count.
type MarkAlias struct {
	About  identity.Named
	Mark   identity.Mark
	Change Change
	Look   Look
}

// Mark blocks an identifier, says that it is shared, or lifts either; guards leave it as the operator decided. It fails
// with ErrMarkInvalid, the errors of a change and those of the log.
func (x *IdentityChanges) Mark(ctx context.Context, m MarkAlias) (Outcome, error) {
	if m.Mark > identity.Blocked || m.About.Alias.IsZero() {
		return Outcome{}, ErrMarkInvalid
	}
	return x.do(ctx, m.intent())
}

func (m MarkAlias) intent() intent {
	return intent{
		kind: "mark", change: m.Change, look: m.Look, again: m.again, decide: m.decide,
		same: func(e *event.Event) bool {
			return string(e.GetAlias()) == string(m.About.Alias[:]) && e.GetAliasMarked().GetMark() == m.Mark.Proto()
		},
	}
}

// again are the aliases of all the people on which the identifier was seen.
func (m MarkAlias) again(r *identity.Register) []domain.Alias {
	if m.decided(r) {
		return nil
	}
	return withNeighbours(r, r.Graph().Aliases(m.About.Alias))
}

// decided says whether the identifier is marked so by an operator already.
func (m MarkAlias) decided(r *identity.Register) bool {
	now, said := r.MarkOf(m.About.Alias)
	if !said {
		return m.Mark == identity.Unmarked
	}
	return now.Mark == m.Mark && now.Rule == identity.RuleOperator
}

func (m MarkAlias) decide(d *draft) error {
	if m.decided(d.register) {
		return nil
	}
	d.add(m.About, &event.Event{Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{
		Mark: m.Mark.Proto(), Rule: identity.RuleOperator, Reason: d.change.Reason, Actor: d.change.Actor,
	}}})
	d.realign()
	return nil
}
