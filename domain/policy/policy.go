// Package policy is who may get what: it checks a policy against the feature view its rules read, compiles its
// CEL expressions and evaluates them. Everything here is a pure function of the policy and of the facts of one
// decision: the same policy, vector, context and time always give the same answer, live and in replay.
//
// Expressions see
//
//	features.<name>   a number of the policy's feature view; has(features.<name>) says whether it is known
//	models.<name>     the score of a model that the policy names: a probability or a value; has(models.<name>) as above
//	segments.<name>   the segments, of the segment definition of that name, in which the person is: a list of texts
//	context.<name>    text, a number or a flag, as a placement of the policy declares it
//	placement         the placement's id
//	channel           the placement's channel
//	now               the decision's time (a timestamp, UTC)
//
// Numbers are doubles; a whole number written beside one is taken as one, so features.x == 2 and features.x / 2 mean
// what they say.
//
// Reading a missing feature, score, list of segments or fact without has() is not zero and not false: the rule fails with its reason.
package policy

import (
	"crypto/sha256"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// Compiled is a policy that has been checked and can be evaluated, by many goroutines at once.
type Compiled struct {
	policy     *event.Policy
	digest     domain.Hash
	view       feature.View
	facts      *factTypes
	placements map[string]*Placement
	offers     []*Offer
	limits     []Limit
	longest    int64
	segments   []string
	purposes   []string
}

// Offer is a compiled offer.
type Offer struct {
	Event    *event.Offer
	Consents Consents
	// Rules in the policy's order: all must hold.
	Rules []Rule
	// What arbitration multiplies. Left out in the policy: propensity 1, value 0, weight 1, cost 0.
	Propensity, Value, Weight, Cost Expression

	index int
}

// Index is the offer's place in the policy.
func (o *Offer) Index() int { return o.index }

// Rule is a named condition of an offer.
type Rule struct {
	Name string
	When Expression
}

// Placement is a compiled placement with its candidates in the policy's order.
type Placement struct {
	Event *event.Placement
	// Consents hold for everything that appears here, beside those of the offer.
	Consents   Consents
	Candidates []Candidate
	// Excluded can never appear here, whoever asks: StagePlacement and StageChannel.
	Excluded []Exclusion
}

// Candidate is an offer with the treatment in which it would appear.
type Candidate struct {
	Offer     *Offer
	Treatment *event.Treatment
}

// Exclusion is an offer that a placement never shows.
type Exclusion struct {
	Offer  *Offer
	Stage  string
	Reason string
}

// Policy is the policy as compiled. It is shared: read it only.
func (c *Compiled) Policy() *event.Policy { return c.policy }

// Digest is the SHA-256 of the policy's canonical encoding.
func (c *Compiled) Digest() domain.Hash { return c.digest }

// DigestOf is the digest that a compiled p will have.
func DigestOf(p *event.Policy) domain.Hash { return sha256.Sum256(domain.Canonical(p)) }

// View is the feature view the rules read.
func (c *Compiled) View() feature.View { return c.view }

// Placement finds a placement by its id.
func (c *Compiled) Placement(id string) (*Placement, bool) {
	p, ok := c.placements[id]
	return p, ok
}

// Offers are all offers in the policy's order.
func (c *Compiled) Offers() []*Offer { return c.offers }

// Models are the uses of models whose scores the expressions read, in the policy's order.
func (c *Compiled) Models() []*event.PolicyModel { return c.policy.GetModels() }

// Expressions yields every rule and every part of a score.
func (c *Compiled) Expressions(yield func(*Expression) bool) {
	for _, o := range c.offers {
		for i := range o.Rules {
			if !yield(&o.Rules[i].When) {
				return
			}
		}
		for _, e := range []*Expression{&o.Propensity, &o.Value, &o.Weight, &o.Cost} {
			if !yield(e) {
				return
			}
		}
	}
}

// Limits are the contact limits in the policy's order.
func (c *Compiled) Limits() []Limit { return c.limits }

// LongestWindow is the longest window of the contact limits in milliseconds; 0 without limits.
func (c *Compiled) LongestWindow() int64 { return c.longest }

// Compile checks a policy against the view its rules read and makes it ready to evaluate. When anything is
// wrong the error is a problem.List that lists every fault by its field. The policy is copied.
func Compile(p *event.Policy, view feature.View) (*Compiled, error) {
	found := &findings{}
	checkShape(p, view, found)
	if found.fatal {
		return nil, found.err()
	}
	p = proto.CloneOf(p)
	c := &Compiled{policy: p, digest: DigestOf(p), view: view, placements: map[string]*Placement{}}
	c.facts = factTypesOf(p, view, found)
	env, err := newEnvironment(c.facts)
	if err != nil {
		return nil, err
	}
	for i, o := range p.GetOffers() {
		c.offers = append(c.offers, compileOffer(env, o, i, found))
	}
	c.limits = limitsOf(p)
	for _, l := range c.limits {
		c.longest = max(c.longest, l.WindowMS)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	c.segments, c.purposes = c.segmentsRead(), purposesOf(p)
	for _, pl := range p.GetPlacements() {
		c.placements[pl.GetId()] = c.placementOf(pl)
	}
	return c, nil
}

func (c *Compiled) placementOf(pl *event.Placement) *Placement {
	out := &Placement{Event: pl, Consents: Consents{pl.GetConsent(), pl.GetUnlessWithdrawn()}}
	for _, o := range c.offers {
		listed := slices.Contains(pl.GetOffers(), o.Event.GetId())
		if len(pl.GetOffers()) > 0 && !listed {
			out.Excluded = append(out.Excluded, Exclusion{Offer: o, Stage: StagePlacement, Reason: ReasonNotAtPlacement})
			continue
		}
		before := len(out.Candidates)
		for _, t := range o.Event.GetTreatments() {
			if t.GetChannel() == pl.GetChannel() {
				out.Candidates = append(out.Candidates, Candidate{Offer: o, Treatment: t})
			}
		}
		if len(out.Candidates) == before {
			out.Excluded = append(out.Excluded, Exclusion{Offer: o, Stage: StageChannel, Reason: ReasonNoTreatment})
		}
	}
	return out
}
