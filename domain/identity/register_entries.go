package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Withheld is a claim that a guard withholds.
type Withheld struct {
	Link
	// At is zero while the event is not in the log yet.
	At domain.Position
}

// Marked is what was last said about how the links of an alias count.
type Marked struct {
	Marking
	Rule, Actor string
	At          domain.Position
}

// Bar keeps two aliases apart.
type Bar struct {
	First, Second       Named
	Rule, Reason, Actor string
	// ReceivedMS is when it was said, Unix milliseconds.
	ReceivedMS int64
	At         domain.Position
}

// Proposal is a match that waits for a person.
type Proposal struct {
	First, Second Named
	Posterior     float64
	Evidence      *event.LinkEvidence
	ReceivedMS    int64
	At            domain.Position
}

// Review is what a person said about a match.
type Review struct {
	First, Second Named
	Confirmed     bool
	Posterior     float64
	Reason, Actor string
	At            domain.Position
}

func namedOf(alias []byte, kind string) Named {
	a, _ := domain.AliasFromBytes(alias) // a cell's events have ends that are aliases
	return Named{Alias: a, Type: kind}
}

func withheldOf(e *event.Event, w *event.IdentityWithheld, at domain.Position) *Withheld {
	return &Withheld{At: at, Link: Link{
		First: namedOf(e.GetAlias(), e.GetAliasType()), Second: namedOf(w.GetOther(), w.GetOtherType()),
		Rule: w.GetRule(), Posterior: w.GetPosterior(), Evidence: w.GetEvidence(),
		Guard: w.GetGuard(), GuardType: w.GetGuardType(),
		OccurredMS: e.GetOccurredMs(), ReceivedMS: e.GetReceivedMs(),
	}}
}

// markedOf is nil when guards lift a mark. What an operator lifts is remembered: guards do not set it again.
func markedOf(a domain.Alias, e *event.Event, m *event.AliasMarked, at domain.Position) *Marked {
	mark, _ := MarkOf(m.GetMark())
	if mark == Unmarked && m.GetRule() != RuleOperator {
		return nil
	}
	return &Marked{
		Marking: Marking{Named: Named{Alias: a, Type: e.GetAliasType()}, Mark: mark, Reason: m.GetReason()},
		Rule:    m.GetRule(), Actor: m.GetActor(), At: at,
	}
}

func barOf(e *event.Event, b *event.IdentityBarred, at domain.Position) *Bar {
	if b.GetLifted() {
		return nil
	}
	return &Bar{
		First: namedOf(e.GetAlias(), e.GetAliasType()), Second: namedOf(b.GetOther(), b.GetOtherType()),
		Rule: b.GetRule(), Reason: b.GetReason(), Actor: b.GetActor(), ReceivedMS: e.GetReceivedMs(), At: at,
	}
}

func proposalOf(e *event.Event, p *event.MatchProposed, at domain.Position) *Proposal {
	return &Proposal{
		First: namedOf(e.GetAlias(), e.GetAliasType()), Second: namedOf(p.GetOther(), p.GetOtherType()),
		Posterior: p.GetPosterior(), Evidence: p.GetEvidence(), ReceivedMS: e.GetReceivedMs(), At: at,
	}
}

func reviewOf(e *event.Event, r *event.MatchReviewed, at domain.Position) *Review {
	return &Review{
		First: namedOf(e.GetAlias(), e.GetAliasType()), Second: namedOf(r.GetOther(), r.GetOtherType()),
		Confirmed: r.GetConfirmed(), Posterior: r.GetPosterior(), Reason: r.GetReason(), Actor: r.GetActor(), At: at,
	}
}
