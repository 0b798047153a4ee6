package commands

import (
	"crypto/sha256"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/segment"
)

// Catalogue is what POLICY has defined so far: the offers of imports, the policies in effect, the models, the feature
// views and the segments. It is a fold over the stream, and safe for concurrent use.
type Catalogue struct {
	mu       sync.RWMutex
	applied  map[domain.Lane]domain.Position
	offers   map[string]domain.Hash
	policies map[string]PublishedPolicy
	models   registry.Registry
	views    *feature.Catalogue
	segments segment.Catalogue
	limits   map[string]*event.ModelLimitsSet
	// alerts are those that are open.
	alerts map[alertKey]*event.AlertRaised
}

// alertKey is what an alert is about.
type alertKey struct{ subject, metric string }

// PublishedPolicy is the version of a policy that is in effect, or was before it was withdrawn.
type PublishedPolicy struct {
	Policy *event.Policy
	// Version counts from 1.
	Version uint64
	// Source is the document as written.
	Source string
	// Digest is the SHA-256 of the canonical policy.
	Digest domain.Hash
	At     domain.Place
	// Withdrawn: it is in effect no more.
	Withdrawn bool
}

// NewCatalogue has nothing defined.
func NewCatalogue() *Catalogue {
	return &Catalogue{
		applied: map[domain.Lane]domain.Position{}, offers: map[string]domain.Hash{}, policies: map[string]PublishedPolicy{},
		views:  feature.NewCatalogue(feature.BuiltIn()...),
		limits: map[string]*event.ModelLimitsSet{},
		alerts: map[alertKey]*event.AlertRaised{},
	}
}

// Observe folds in an envelope of POLICY. Folding one twice changes nothing.
func (c *Catalogue) Observe(e domain.Envelope) error {
	recorded, err := e.Recorded()
	if err != nil {
		return err
	}
	for _, r := range recorded {
		c.apply(e.Lane, r)
	}
	return nil
}

func (c *Catalogue) apply(lane domain.Lane, r domain.Recorded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !r.At.After(c.applied[lane]) {
		return
	}
	c.applied[lane] = r.At
	c.models.Apply(r)
	c.views.Apply(r)
	if o := r.Event.GetOfferDefined().GetOffer(); o != nil {
		c.offers[o.GetId()] = digestOf(o)
	}
	c.segments.Apply(r)
	if l := r.Event.GetModelLimitsSet(); l != nil {
		c.limits[l.GetUse()] = l
	}
	if a := r.Event.GetAlertRaised(); a != nil {
		if key := (alertKey{a.GetSubject(), a.GetMetric()}); a.GetCleared() {
			delete(c.alerts, key)
		} else {
			c.alerts[key] = a
		}
	}
	if w := r.Event.GetDefinitionWithdrawn(); w.GetKind() == event.DefinitionWithdrawn_KIND_POLICY {
		if p, known := c.policies[w.GetName()]; known {
			p.Withdrawn = true
			c.policies[w.GetName()] = p
		}
	}
	if p := r.Event.GetPolicyPublished(); p.GetPolicy() != nil {
		c.policies[p.GetPolicy().GetId()] = PublishedPolicy{
			Policy: p.GetPolicy(), Version: p.GetVersion(), Source: p.GetSource(), Digest: policy.DigestOf(p.GetPolicy()),
			At: domain.Place{Stream: domain.Policy, Position: r.At},
		}
	}
}

// Defined says whether this is the offer's definition in effect.
func (c *Catalogue) Defined(o *event.Offer) bool {
	digest := digestOf(o)
	c.mu.RLock()
	defer c.mu.RUnlock()
	known, ok := c.offers[o.GetId()]
	return ok && known == digest
}

// Policies are all policies in effect, in no order.
func (c *Catalogue) Policies() []PublishedPolicy {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]PublishedPolicy, 0, len(c.policies))
	for _, p := range c.policies {
		if !p.Withdrawn {
			out = append(out, p)
		}
	}
	return out
}

func digestOf(o *event.Offer) domain.Hash { return domain.Hash(sha256.Sum256(domain.Canonical(o))) }
