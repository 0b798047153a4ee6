package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
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

// consentsOf are the consents of a profile as messages, as its history tells them.
func consentsOf(history []domain.Recorded, aliases []domain.Alias) []*profferv1.ProfileConsent {
	book, said := consent.NewBook(), map[domain.Position]*event.Event{}
	for _, r := range history {
		book.Apply(r)
		said[r.At] = r.Event
	}
	var out []*profferv1.ProfileConsent
	for _, s := range book.All(aliases) {
		e := said[s.At]
		alias, _ := endsOf(e)
		body := e.GetConsentStated()
		out = append(out, &profferv1.ProfileConsent{
			Purpose: s.Purpose, State: s.State(), Position: identityPlace(s.At), At: timestamppb.New(time.UnixMilli(s.SaidMS)),
			Alias: alias.String(), Rule: body.GetRule(), Reason: body.GetReason(), Actor: body.GetActor(),
		})
	}
	return out
}
