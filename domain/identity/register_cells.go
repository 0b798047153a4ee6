package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
)

// cell is what one event concerns: a pair of aliases with a before b, the mark of a, what a says about a purpose, or the
// guards.
type cell struct {
	kind    byte
	a, b    domain.Alias
	purpose string
}

const (
	cellPair    = 'p'
	cellMark    = 'm'
	cellConsent = 'c'
	cellGuards  = 'g'
)

func pairOf(a, b domain.Alias) cell {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return cell{kind: cellPair, a: a, b: b}
}

// cellOf is false for events that concern no cell: other kinds, and those whose ends are no aliases or one alias.
func cellOf(e *event.Event) (cell, bool) {
	if a, _, ok := marked(e); ok {
		return cell{kind: cellMark, a: a}, true
	}
	if a, s, ok := consent.Of(e, domain.Position{}); ok {
		return cell{kind: cellConsent, a: a, purpose: s.Purpose}, true
	}
	if e.GetGuardsChanged() != nil {
		return cell{kind: cellGuards}, true
	}
	other, _, ok := OtherOf(e)
	if !ok {
		return cell{}, false
	}
	a, b, ok := ends(e.GetAlias(), other)
	return pairOf(a, b), ok
}

// OtherOf is the second alias of an event about two people, and its type; empty where the event does not say it. A group is no
// person: see OtherEnd.
func OtherOf(e *event.Event) (other []byte, kind string, ok bool) {
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		return b.IdentityLinked.GetOther(), b.IdentityLinked.GetOtherType(), true
	case *event.Event_IdentityUnlinked:
		return b.IdentityUnlinked.GetOther(), "", true
	case *event.Event_IdentityWithheld:
		return b.IdentityWithheld.GetOther(), b.IdentityWithheld.GetOtherType(), true
	case *event.Event_IdentityBarred:
		return b.IdentityBarred.GetOther(), b.IdentityBarred.GetOtherType(), true
	case *event.Event_MatchProposed:
		return b.MatchProposed.GetOther(), b.MatchProposed.GetOtherType(), true
	case *event.Event_MatchReviewed:
		return b.MatchReviewed.GetOther(), b.MatchReviewed.GetOtherType(), true
	}
	return nil, "", false
}

// content is what a cell holds; its kind says which fields count. What the pointers lead to never changes.
type content struct {
	links   int
	said    said
	mark    *Marked
	consent *consent.Statement
	guards  guardsInEffect
}

// said is what is known about a pair beside its links.
type said struct {
	withheld *Withheld
	bar      *Bar
	proposed *Proposal
	review   *Review
}

// linked is what is left when the pair is linked: a claim is no longer withheld, a proposal no longer open.
func (s said) linked() said {
	s.withheld, s.proposed = nil, nil
	return s
}

// next is the content after an event of its cell.
func (c content) next(key cell, e *event.Event, at domain.Position) content {
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		c.links, c.said = c.links+1, c.said.linked()
	case *event.Event_IdentityUnlinked:
		c.links = max(c.links-1, 0)
		if c.links == 0 && b.IdentityUnlinked.GetRule() != RuleGuards {
			c.said.withheld = nil // a person took it back: it is claimed no more
		}
	case *event.Event_IdentityWithheld:
		if c.links == 0 {
			c.said.withheld = withheldOf(e, b.IdentityWithheld, at)
		}
	case *event.Event_IdentityBarred:
		c.said.bar = barOf(e, b.IdentityBarred, at)
	case *event.Event_MatchProposed:
		if c.links == 0 {
			c.said.proposed = proposalOf(e, b.MatchProposed, at)
		}
	case *event.Event_MatchReviewed:
		c.said.proposed, c.said.review = nil, reviewOf(e, b.MatchReviewed, at)
	case *event.Event_AliasMarked:
		c.mark = markedOf(key.a, e, b.AliasMarked, at)
	case *event.Event_ConsentStated:
		_, s, _ := consent.Of(e, at) // a cell's events can be read
		c.consent = &s
	case *event.Event_GuardsChanged:
		c.guards = c.guards.next(b.GuardsChanged)
	}
	return c
}

// next are the guards after a change. Guards that do not compile are never appended; were they, the earlier ones hold.
func (g guardsInEffect) next(c *event.GuardsChanged) guardsInEffect {
	compiled, err := NewGuards(c.GetGuards())
	if err != nil {
		return g
	}
	return guardsInEffect{guards: compiled, version: c.GetVersion()}
}
