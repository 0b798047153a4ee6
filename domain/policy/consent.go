package policy

import (
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// Consents are the purposes that a placement or an offer depends on.
type Consents struct {
	// Given are those that the person must have said yes to.
	Given []string
	// UnlessWithdrawn are those that she must not have said no to.
	UnlessWithdrawn []string
}

// Refuses is the first purpose for which the person may not be given it; Rule is the purpose.
func (c Consents) Refuses(seen []*event.SeenConsent) Failure {
	for _, purpose := range c.Given {
		switch stateIn(seen, purpose) {
		case consent.Given:
		case consent.Withdrawn:
			return Failure{Rule: purpose, Reason: ReasonConsentWithdrawn}
		default:
			return Failure{Rule: purpose, Reason: ReasonNoConsent}
		}
	}
	for _, purpose := range c.UnlessWithdrawn {
		if stateIn(seen, purpose) == consent.Withdrawn {
			return Failure{Rule: purpose, Reason: ReasonConsentWithdrawn}
		}
	}
	return Failure{}
}

// stateIn is the state of a purpose in what a decision saw; a purpose that it did not look up was never stated.
func stateIn(seen []*event.SeenConsent, purpose string) string {
	for _, s := range seen {
		if s.GetPurpose() == purpose {
			return s.GetState()
		}
	}
	return ""
}

// Purposes are those that the policy reads, ascending, each once.
func (c *Compiled) Purposes() []string { return c.purposes }

func purposesOf(p *event.Policy) []string {
	var out []string
	for _, pl := range p.GetPlacements() {
		out = slices.Concat(out, pl.GetConsent(), pl.GetUnlessWithdrawn())
	}
	for _, o := range p.GetOffers() {
		out = slices.Concat(out, o.GetConsent(), o.GetUnlessWithdrawn())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// checkConsents: each purpose stands once, in one of the two lists.
func checkConsents(at string, given, unlessWithdrawn []string, found *findings) {
	listed := map[string]bool{}
	for _, list := range []struct {
		name     string
		purposes []string
	}{{"consent", given}, {"unless_withdrawn", unlessWithdrawn}} {
		checkCount(found, at+"."+list.name, len(list.purposes), 0, MaxPurposes)
		for i, p := range list.purposes {
			field := fmt.Sprintf("%s.%s[%d]", at, list.name, i)
			switch {
			case p == "":
				found.add(field, FaultRequired, "name a purpose, such as marketing")
			case !consent.ValidPurpose(p):
				found.add(field, FaultInvalid, "a purpose has lower-case letters, digits, '.', '_' and '-', at most %d, not %q%s",
					consent.MaxPurpose, p, expression.Suggestion(p, purposeLike(p)))
			case listed[p]:
				found.add(field, FaultDuplicate, "%q is there twice", p)
			}
			listed[p] = true
		}
	}
}

// purposeLike is the purpose that somebody may have meant.
func purposeLike(text string) []string {
	if p := consent.PurposeOf(text); p != "" {
		return []string{p}
	}
	return nil
}
