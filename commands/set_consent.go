package commands

import (
	"context"
	"errors"

	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// ErrPurposeInvalid: a consent is to a purpose: a short word of lower-case letters, digits, '.', '_' and '-'.
var ErrPurposeInvalid = errors.New("commands: a purpose is a short word of lower-case letters, digits, '.', '_' and '-': marketing, marketing.email")

// SetConsent says that a person, known by one identifier, consents to a purpose or no longer does.
type SetConsent struct {
	About   identity.Named
	Purpose string
	Given   bool
	Change  Change
	Look    Look
}

// Consent states it, unless that is what the alias says and what holds for its profile. It fails with ErrPurposeInvalid,
// the errors of a change and those of the log.
func (x *IdentityChanges) Consent(ctx context.Context, s SetConsent) (Outcome, error) {
	if !consent.ValidPurpose(s.Purpose) || s.About.Alias.IsZero() {
		return Outcome{}, ErrPurposeInvalid
	}
	return x.do(ctx, s.intent())
}

func (s SetConsent) intent() intent {
	return intent{
		kind: "consent", change: s.Change, look: s.Look, decide: s.decide,
		same: func(e *event.Event) bool {
			said := e.GetConsentStated()
			return string(e.GetAlias()) == string(s.About.Alias[:]) && said.GetPurpose() == s.Purpose && said.GetGiven() == s.Given
		},
	}
}

func (s SetConsent) decide(d *draft) error {
	own, said := d.register.Consents().Said(s.About.Alias, s.Purpose)
	holds, _ := d.register.Consents().Of(d.register.Graph().Aliases(s.About.Alias), s.Purpose)
	if said && own.Given == s.Given && holds.Given == s.Given {
		return nil
	}
	d.add(s.About, &event.Event{Body: &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{
		Purpose: s.Purpose, Given: s.Given, Rule: consent.RuleOperator, Reason: d.change.Reason, Actor: d.change.Actor,
	}}})
	return nil
}
