package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// ErrNoPolicyID: a policy needs an id of MaxTextBytes bytes at most. Nothing was done.
var ErrNoPolicyID = errors.New("commands: a policy needs an id")

// PublishPolicy puts policies into effect.
type PublishPolicy struct {
	ports PublishPolicyPorts
	mu    sync.Mutex // versions follow one another
}

// PublishPolicyPorts is what publishing needs; all are required.
type PublishPolicyPorts struct {
	Log    Log
	Recall *Recall
	// Check compiles the policy and waits until it can be evaluated; its error is returned as it is.
	Check func(context.Context, *event.Policy) error
	Now   func() time.Time
	// Random yields event ids; reads must not fail.
	Random io.Reader
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
// fails with ErrNoPolicyID, the error of Check and the log's errors.
func (p *PublishPolicy) Publish(ctx context.Context, policy *event.Policy, document string, validateOnly bool) (Published, error) {
	if policy.GetId() == "" || checkText("id", policy.GetId()) != nil {
		return Published{}, ErrNoPolicyID
	}
	if err := p.ports.Check(ctx, policy); err != nil {
		return Published{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return Published{}, fmt.Errorf("publish a policy: %w", err)
	}
	digest := DigestPolicy(policy)
	current, _ := p.ports.Recall.Catalogue.Policy(policy.GetId())
	if current.Version > 0 && !current.Withdrawn && current.Digest == digest && current.Source == document {
		return Published{PublishedPolicy: current, Unchanged: true}, nil
	}
	next := PublishedPolicy{
		Policy: policy, Version: current.Version + 1, Source: document, Digest: digest, PublishedMS: p.ports.Now().UnixMilli(),
	}
	if validateOnly {
		return Published{PublishedPolicy: next}, nil
	}
	return p.append(ctx, next)
}

func (p *PublishPolicy) append(ctx context.Context, next PublishedPolicy) (Published, error) {
	e := &event.Event{
		Id: make([]byte, 16), OccurredMs: next.PublishedMS, ReceivedMs: next.PublishedMS,
		Body: &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{
			Policy: next.Policy, Version: next.Version, Source: next.Source,
		}},
	}
	if _, err := io.ReadFull(p.ports.Random, e.Id); err != nil {
		return Published{}, fmt.Errorf("publish a policy: draw an id: %w", err)
	}
	lane := domain.PolicyLane("policy", next.Policy.GetId())
	at, err := p.ports.Log.Append(ctx, lane, e)
	if err != nil {
		return Published{}, fmt.Errorf("publish a policy: %w", err)
	}
	p.ports.Recall.Catalogue.apply(lane, domain.Recorded{At: at, Event: e})
	next.At = domain.Place{Stream: domain.Policy, Position: at}
	return Published{PublishedPolicy: next}, nil
}
