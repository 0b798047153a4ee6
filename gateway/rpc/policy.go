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
	Publishing *commands.PublishPolicy
	InEffect   *decider.Policies
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
		one := &profferv1.PublishedPolicy{
			Policy: p.Policy.GetId(), Version: p.Version, Sha256: p.Digest.String(), Description: p.Policy.GetDescription(),
			PublishedAt: timestamppb.New(time.UnixMilli(p.PublishedMS)), Document: p.Document,
		}
		for _, placement := range p.Policy.GetPlacements() {
			one.Placements = append(one.Placements, placement.GetId())
		}
		for _, offer := range p.Policy.GetOffers() {
			one.Offers = append(one.Offers, offer.GetId())
		}
		out.Policies = append(out.Policies, one)
	}
	return out, nil
}
