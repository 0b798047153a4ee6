package projections

import (
	"maps"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// pairOf reads whom an event about two aliases is about; false when it is about one, or about no two aliases.
func pairOf(e *event.Event) (Pair, bool) {
	other, _, _ := identity.OtherOf(e)
	first, second := aliasOf(e.GetAlias()), aliasOf(other)
	if first.IsZero() || second.IsZero() || first == second {
		return Pair{}, false
	}
	if second.Compare(first) < 0 {
		first, second = second, first
	}
	return Pair{Alias: first, Other: second}, true
}

// pairsOf lists the pairs that the events are about, each once, ascending.
func pairsOf(events []domain.Recorded) []Pair {
	found := map[Pair]bool{}
	for _, r := range events {
		if pair, ok := pairOf(r.Event); ok {
			found[pair] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), Pair.Compare)
}

// foldPairs takes the events into the rows of their pairs. It returns the rows that are worth keeping, ascending:
// the taking back of what nothing claimed leaves none.
func foldPairs(stored map[Pair]PairRow, events []domain.Recorded) []PairRow {
	for _, r := range events {
		pair, ok := pairOf(r.Event)
		if !ok {
			continue
		}
		row := stored[pair]
		row.Pair = pair
		if row.fold(placeOf(r), r.Event) {
			stored[pair] = row
		}
	}
	return slices.SortedFunc(maps.Values(stored), func(a, b PairRow) int { return a.Pair.Compare(b.Pair) })
}

// fold takes the next event about the pair, as identity.Register does: what is withheld or proposed of a pair that is
// linked is nothing new. It is false, and the row as it was, when the event changes nothing.
func (r *PairRow) fold(place Place, e *event.Event) bool {
	at := momentOf(place)
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		l := b.IdentityLinked
		r.setTypes(e, l.GetOtherType())
		r.Claim.link(at, l)
		r.Proposal.Open = false
	case *event.Event_IdentityWithheld:
		if r.Claim.Links > 0 {
			return false
		}
		w := b.IdentityWithheld
		r.setTypes(e, w.GetOtherType())
		r.Claim.withhold(at, w)
	case *event.Event_IdentityUnlinked:
		if r.Claim.First.IsZero() {
			return false
		}
		r.Claim.takeBack(at, b.IdentityUnlinked)
	case *event.Event_MatchProposed:
		p := b.MatchProposed
		r.setTypes(e, p.GetOtherType())
		r.Proposal = Proposal{At: at, Open: r.Claim.Links == 0, Match: matchOf(p.GetPosterior(), p.GetEvidence())}
	case *event.Event_MatchReviewed:
		r.setTypes(e, b.MatchReviewed.GetOtherType())
		r.review(at, b.MatchReviewed)
	case *event.Event_IdentityBarred:
		x := b.IdentityBarred
		r.setTypes(e, x.GetOtherType())
		r.Bar = Bar{At: at, Lifted: x.GetLifted(), Rule: cell(x.GetRule()), Actor: cell(x.GetActor()), Reason: cell(x.GetReason())}
	}
	return true
}

// setTypes keeps the kinds of identifiers, where the event names them.
func (r *PairRow) setTypes(e *event.Event, otherType string) {
	first, second := cell(e.GetAliasType()), cell(otherType)
	if aliasOf(e.GetAlias()) != r.Alias {
		first, second = second, first
	}
	if first != "" {
		r.AliasType = first
	}
	if second != "" {
		r.OtherType = second
	}
}

func (c *Claim) link(at Moment, l *event.IdentityLinked) {
	c.Links++
	c.Withheld, c.Guard, c.GuardType = false, "", ""
	c.claimed(at, l.GetRule(), l.GetPosterior(), l.GetEvidence())
}

func (c *Claim) withhold(at Moment, w *event.IdentityWithheld) {
	c.Withheld, c.Guard, c.GuardType = true, cell(w.GetGuard()), cell(w.GetGuardType())
	c.claimed(at, w.GetRule(), w.GetPosterior(), w.GetEvidence())
}

// claimed keeps what the claim rests on. A link that guards make again goes on resting on what it rested on before.
func (c *Claim) claimed(at Moment, rule string, posterior float64, e *event.LinkEvidence) {
	c.changed(at, rule, e.GetActor(), e.GetReason())
	if c.First.IsZero() {
		c.First = at
	} else if rule == identity.RuleGuards {
		return
	}
	c.Rule, c.Match = cell(rule), matchOf(posterior, e)
}

// takeBack takes one link back. When the last is gone and no guard did it, nothing is claimed any more. What guards take
// back they tell as withheld next.
func (c *Claim) takeBack(at Moment, u *event.IdentityUnlinked) {
	c.Links = max(c.Links-1, 0)
	if c.Links == 0 && u.GetRule() != identity.RuleGuards {
		c.Withheld = false
	}
	c.changed(at, u.GetRule(), u.GetActor(), u.GetReason())
}

func (c *Claim) changed(at Moment, rule, actor, reason string) {
	c.Last = at
	c.ChangedBy, c.Actor, c.Reason = cell(rule), cell(actor), cell(reason)
}

// review keeps a person's answer, as a label of the model that weighed the match: as proposed, or as linked.
func (r *PairRow) review(at Moment, v *event.MatchReviewed) {
	of := r.Proposal.Match
	if r.Proposal.At.IsZero() {
		of = r.Claim.Match
	}
	r.Proposal.Open = false
	r.Review = Review{
		At: at, Confirmed: v.GetConfirmed(), Posterior: v.GetPosterior(), Model: of.Model, ModelVersion: of.ModelVersion,
		Actor: cell(v.GetActor()), Reason: cell(v.GetReason()),
	}
}
