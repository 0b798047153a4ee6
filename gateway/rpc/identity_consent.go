package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// SetConsent implements IdentityService. An identifier that was never seen gets its alias, so that its owner can object
// before anything is known of her. It returns when decisions of this server follow: none that is asked for afterwards
// relies on what was withdrawn.
func (s *Identity) SetConsent(ctx context.Context, r *profferv1.SetConsentRequest) (*profferv1.SetConsentResponse, error) {
	who, err := s.toState(ctx, r.GetWho(), r.GetChange())
	if err != nil {
		return nil, err
	}
	then := result{of: []domain.Alias{who.Alias}}
	outcome, err := s.Changing.Consent(ctx, commands.SetConsent{
		About: who, Purpose: r.GetPurpose(), Given: r.GetState() == profferv1.SetConsentRequest_STATE_GIVEN,
		Change: changeOf(ctx, r.GetChange()), Look: then.look,
	})
	if err != nil {
		return nil, err
	}
	if err := followed(ctx, s.InEffect, outcome.At); err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, then)
	if err != nil {
		return nil, err
	}
	return &profferv1.SetConsentResponse{Profile: first(profiles), Position: placeText(outcome.At), Unchanged: outcome.Unchanged}, nil
}

// consentsOf are the consents of a profile as messages, with what its history says of each statement: nothing of one that
// is only tried.
func consentsOf(history []domain.Recorded, p portrait) []*profferv1.ProfileConsent {
	said := map[domain.Position]*event.Event{}
	for _, r := range history {
		if r.Event.GetConsentStated() != nil {
			said[r.At] = r.Event
		}
	}
	var out []*profferv1.ProfileConsent
	for _, s := range p.consents {
		c := &profferv1.ProfileConsent{Purpose: s.Purpose, State: s.State(), Position: identityPlace(s.At)}
		if e, known := said[s.At]; known {
			alias, _ := endsOf(e)
			body := e.GetConsentStated()
			c.Alias, c.Rule, c.Reason, c.Actor = alias.String(), body.GetRule(), body.GetReason(), body.GetActor()
			c.At = timestamppb.New(time.UnixMilli(s.SaidMS))
		}
		out = append(out, c)
	}
	return out
}
