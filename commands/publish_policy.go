package commands

import (
	"context"
	"errors"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// ErrNoPolicyID: a policy needs an id of MaxTextBytes bytes at most. Nothing was done.
var ErrNoPolicyID = errors.New("commands: a policy needs an id: text of at most 250 bytes without control characters")

// PublishPolicy puts policies into effect.
type PublishPolicy struct{ ports PublishPolicyPorts }

// PublishPolicyPorts is what publishing needs; all are required.
type PublishPolicyPorts struct {
	Definitions *Definitions
	// Check compiles the policy and waits until it can be evaluated; its error is returned as it is.
	Check func(context.Context, *event.Policy) error
}

// NewPublishPolicy returns the command.
func NewPublishPolicy(ports PublishPolicyPorts) *PublishPolicy { return &PublishPolicy{ports: ports} }

// Published is what took effect.
type Published struct {
	PublishedPolicy
	// Unchanged: the same document was in effect already, and nothing was written.
	Unchanged bool
}

// Publish checks the policy and appends it as the next version of its id, unless the same policy from the same
// document is in effect. With validateOnly nothing is appended, and the answer is what would have taken effect. It
// fails with ErrNoPolicyID, the error of Check, a problem.List when what the policy reads was withdrawn since that check, and
// the log's errors.
func (p *PublishPolicy) Publish(ctx context.Context, candidate *event.Policy, document string, validateOnly bool) (Published, error) {
	if candidate.GetId() == "" || checkText("id", candidate.GetId()) != nil {
		return Published{}, ErrNoPolicyID
	}
	if err := p.ports.Check(ctx, candidate); err != nil {
		return Published{}, err
	}
	digest := policy.DigestOf(candidate)
	var out Published
	at, err := p.ports.Definitions.change(ctx, domain.PolicyLane("policy", candidate.GetId()), validateOnly, func(c *Catalogue) ([]*event.Event, error) {
		current := c.policies[candidate.GetId()]
		if current.Version > 0 && !current.Withdrawn && current.Digest == digest && current.Source == document {
			out = Published{PublishedPolicy: current, Unchanged: true}
			return nil, nil
		}
		out = Published{PublishedPolicy: PublishedPolicy{Policy: candidate, Version: current.Version + 1, Source: document, Digest: digest}}
		return []*event.Event{{Body: &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{
			Policy: candidate, Version: out.Version, Source: document,
		}}}}, c.readsWithdrawn(candidate).Err()
	})
	if err != nil {
		return Published{}, err
	}
	if !out.Unchanged {
		out.At = at
	}
	return out, nil
}
