package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/policyfile"
)

// Policies implements PolicyService.
type Policies struct {
	Publishing  *commands.PublishPolicy
	Withdrawing *commands.Withdrawals
	InEffect    *decider.Policies
}

// Publish implements PolicyService. It returns when decisions of this server follow the new version.
func (s *Policies) Publish(ctx context.Context, r *profferv1.PublishRequest) (*profferv1.PublishResponse, error) {
	policy, err := policyfile.Parse([]byte(r.GetDocument()))
	if err != nil {
		return nil, err
	}
	published, err := s.Publishing.Publish(ctx, policy, r.GetDocument(), r.GetValidateOnly())
	if err != nil {
		return nil, err
	}
	out := &profferv1.PublishResponse{
		Policy: policy.GetId(), Version: published.Version, Sha256: published.Digest.String(), Unchanged: published.Unchanged,
	}
	if published.At != (domain.Place{}) {
		out.Position = published.At.String()
	}
	return out, followed(ctx, s.InEffect, published.At)
}

// List implements PolicyService.
func (s *Policies) List(context.Context, *profferv1.ListRequest) (*profferv1.ListResponse, error) {
	out := &profferv1.ListResponse{}
	for _, p := range s.InEffect.List() {
		out.Policies = append(out.Policies, policyMessage(p))
	}
	for _, p := range s.InEffect.Withdrawn() {
		one := policyMessage(p.Published)
		one.WithdrawnAt = timestamppb.New(time.UnixMilli(p.WithdrawnMS))
		out.Policies = append(out.Policies, one)
	}
	return out, nil
}

func policyMessage(p *decider.Published) *profferv1.PublishedPolicy {
	out := &profferv1.PublishedPolicy{
		Policy: p.Policy.GetId(), Version: p.Version, Sha256: p.Digest.String(), Description: p.Policy.GetDescription(),
		PublishedAt: timestamppb.New(time.UnixMilli(p.PublishedMS)), Document: p.Document,
	}
	for _, placement := range p.Policy.GetPlacements() {
		out.Placements = append(out.Placements, placement.GetId())
	}
	for _, offer := range p.Policy.GetOffers() {
		out.Offers = append(out.Offers, offer.GetId())
	}
	return out
}

// Withdraw implements PolicyService. It returns when decisions of this server follow.
func (s *Policies) Withdraw(ctx context.Context, r *profferv1.WithdrawRequest) (*profferv1.WithdrawResponse, error) {
	kind, known := domain.DefinitionKind(r.GetKind())
	if !known {
		return nil, commands.ErrNotDefined
	}
	w, err := s.Withdrawing.Withdraw(ctx, commands.Withdraw{
		Kind: kind, Name: r.GetName(), Version: r.GetVersion(),
		Change: commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: actorOf(ctx)},
	})
	if err != nil {
		return nil, err
	}
	return &profferv1.WithdrawResponse{
		Kind: r.GetKind(), Name: w.GetName(), Version: w.GetVersion(), Position: placeText(w.At), Unchanged: w.Unchanged,
	}, followed(ctx, s.InEffect, w.At)
}
