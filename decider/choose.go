package decider

import (
	"cmp"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// Input is everything a decision depends on, beside its policy. All of it stands in the record.
type Input struct {
	ID                 domain.Alias
	NowMS              int64
	Profile, Requested domain.Alias
	// Aliases of the profile, ascending, with the state that was read of each.
	Aliases   []*event.SeenAlias
	Placement string
	// Context ascending by name, as policy.Placement.Context returned it.
	Context       []*event.ContextValue
	Cut           *event.Cut
	PolicyVersion uint64
	// Vector has one value a feature of the policy's view; NaN is missing.
	Vector []float64
	// Contacts within the policy's longest window, oldest first.
	Contacts []*event.Contact
	// Models that answer for what the policy reads, by use, then role.
	Models []Answering
	// Segments are those of each definition that the policy reads.
	Segments []*event.InSegments
	// Consents are what the person had said about each purpose that the policy reads (Compiled.Purposes).
	Consents []*event.SeenConsent
}

// Choose makes the decision. It is pure: the same policy and input give the same record, byte for byte. The record
// shares the input's memory. It fails with ErrUnknownPlacement only.
//
// Each candidate (an offer with a treatment for the placement's channel) leaves at the first stage that refuses it:
// a consent that is lacking, a rule that does not hold, a contact limit that is used up, a score that cannot be computed,
// an expected value below zero. Of those left, the highest expected value wins; on equal values the lowest draw, then the offer's and
// the treatment's id. A profile in the policy's hold-out gets nothing, and no candidate is evaluated; models are asked
// about it all the same: what they say of people who were left alone is what their outcomes are compared with.
func Choose(c *policy.Compiled, in Input) (*event.Decision, error) {
	at, known := c.Placement(in.Placement)
	if !known {
		return nil, ErrUnknownPlacement
	}
	d := recordOf(c, at, in)
	d.Scores = scoresOf(c, in.Vector, in.Models)
	if _, d.HeldOut = c.HeldOut(in.Profile); d.HeldOut {
		d.Reason, d.LoggedPropensity = policy.AnswerHeldOut, 1
		return d, nil
	}
	run(c, at, in, d)
	return d, nil
}

// run puts the candidates through the funnel and the winner into the record.
func run(c *policy.Compiled, at *policy.Placement, in Input, d *event.Decision) {
	f := newFunnel(c, at, in, d.Scores)
	candidates := make([]event.Candidate, len(at.Candidates))
	d.Candidates = make([]*event.Candidate, len(at.Candidates))
	for i, candidate := range at.Candidates {
		d.Candidates[i] = &candidates[i]
		f.judge(candidate, d.Candidates[i])
	}
	arbitrate(d, at)
}

// recordOf is the record before anything was chosen.
func recordOf(c *policy.Compiled, at *policy.Placement, in Input) *event.Decision {
	// One piece of memory: a record has all of these.
	d := &struct {
		event.Decision
		id, profile, requested domain.Alias
		policy, view           domain.Hash
	}{id: in.ID, profile: in.Profile, requested: in.Requested, policy: c.Digest(), view: c.View().Fingerprint()}
	d.Id, d.NowMs = d.id[:], in.NowMS
	d.Profile, d.RequestedAlias, d.Aliases = d.profile[:], d.requested[:], in.Aliases
	d.Placement, d.Channel, d.Context = in.Placement, at.Event.GetChannel(), in.Context
	d.Cut = in.Cut
	d.Policy, d.PolicyVersion, d.PolicyDigest = c.Policy().GetId(), in.PolicyVersion, d.policy[:]
	d.View, d.ViewFingerprint = c.View().Name(), d.view[:]
	d.Vector, d.Contacts, d.Segments, d.Consents = in.Vector, in.Contacts, in.Segments, in.Consents
	return &d.Decision
}

// funnel judges the candidates of one decision. What depends on the offer only is found once an offer.
type funnel struct {
	compiled *policy.Compiled
	at       *policy.Placement
	scope    *policy.Scope
	input    Input
	channel  string
	scores   []float64 // of each model of the policy
	used     []int     // of each contact limit

	offer   *policy.Offer
	refusal policy.Failure
	stage   string
	score   policy.Score
}

func newFunnel(c *policy.Compiled, at *policy.Placement, in Input, scores []*event.ModelScore) funnel {
	f := funnel{compiled: c, at: at, input: in, channel: at.Event.GetChannel(), scores: readable(c, scores)}
	f.scope = c.Scope(policy.Facts{
		Placement: in.Placement, Channel: f.channel, NowMS: in.NowMS, Vector: in.Vector, Scores: f.scores, Context: in.Context,
		Segments: in.Segments,
	})
	f.used = make([]int, len(c.Limits()))
	for i, l := range c.Limits() {
		f.used[i] = l.Count(in.Contacts, in.NowMS)
	}
	return f
}

// judge fills in one candidate up to its score; StageArbitration with no reason is one still in the race.
func (f *funnel) judge(c policy.Candidate, out *event.Candidate) {
	if f.offer != c.Offer {
		f.consider(c.Offer)
	}
	out.Offer, out.Treatment = c.Offer.Event.GetId(), c.Treatment.GetId()
	out.Stage, out.Rule, out.Reason = f.stage, f.refusal.Rule, f.refusal.Reason
	out.Propensity, out.Value = f.score.Propensity, f.score.Value
	out.Weight, out.Cost, out.ExpectedValue = f.score.Weight, f.score.Cost, f.score.ExpectedValue
	if f.stage == policy.StageArbitration {
		out.Draw = policy.Draw(f.compiled.Policy().GetSalt(), f.input.ID, out.Offer, out.Treatment)
	}
}

func (f *funnel) consider(o *policy.Offer) {
	f.offer, f.score = o, policy.Score{}
	if f.stage, f.refusal = policy.StageConsent, f.unwanted(o); f.refusal.Reason != "" {
		return
	}
	if f.stage, f.refusal = policy.StageEligibility, o.Eligible(f.scope); f.refusal.Reason != "" {
		return
	}
	if f.stage, f.refusal = policy.StageContactLimit, f.limited(o); f.refusal.Reason != "" {
		return
	}
	f.stage = policy.StageScore
	if f.score, f.refusal = o.Score(f.scope); f.refusal.Reason != "" {
		return
	}
	f.stage = policy.StageArbitration
	if f.score.ExpectedValue < 0 {
		f.refusal = policy.Failure{Reason: policy.ReasonNegativeValue}
	}
}

// unwanted is the first purpose, of the placement or of the offer, for which there is no consent.
func (f *funnel) unwanted(o *policy.Offer) policy.Failure {
	if refusal := f.at.Consents.Refuses(f.input.Consents); refusal.Reason != "" {
		return refusal
	}
	return o.Consents.Refuses(f.input.Consents)
}

// limited is the first contact limit that refuses the offer.
func (f *funnel) limited(o *policy.Offer) policy.Failure {
	for i, l := range f.compiled.Limits() {
		if l.Concerns(f.channel, o.Event.GetCategory()) && f.used[i] >= l.Most {
			return policy.Failure{Rule: l.Name, Reason: policy.ReasonLimitReached}
		}
	}
	return policy.Failure{}
}

// arbitrate names the winner, or the reason for which there is none.
func arbitrate(d *event.Decision, at *policy.Placement) {
	winner, equals := -1, 0
	for i, c := range d.Candidates {
		if c.Stage != policy.StageArbitration || c.Reason != "" {
			continue
		}
		switch {
		case winner < 0 || c.ExpectedValue > d.Candidates[winner].ExpectedValue:
			winner, equals = i, 1
		case c.ExpectedValue == d.Candidates[winner].ExpectedValue:
			if equals++; before(c, d.Candidates[winner]) {
				winner = i
			}
		}
	}
	if winner < 0 {
		d.Reason, d.LoggedPropensity = nothing(d.Candidates), 1
		return
	}
	best := d.Candidates[winner]
	for _, c := range d.Candidates {
		if c == best || c.Stage != policy.StageArbitration || c.Reason != "" {
			continue
		}
		c.Reason = policy.ReasonLowerValue
		if c.ExpectedValue == best.ExpectedValue {
			c.Reason = policy.ReasonLostDraw
		}
	}
	best.Stage = ""
	d.Offer, d.Treatment, d.Reason = best.Offer, best.Treatment, policy.AnswerOffered
	d.Category = at.Candidates[winner].Offer.Event.GetCategory()
	// Chance decides between equals only, and each is as likely.
	d.LoggedPropensity = 1 / float64(equals)
}

// before is the order among candidates of the same expected value.
func before(a, b *event.Candidate) bool {
	return cmp.Or(cmp.Compare(a.Draw, b.Draw), cmp.Compare(a.Offer, b.Offer), cmp.Compare(a.Treatment, b.Treatment)) < 0
}

// nothing is the reason of an answer without an offer: the last stage that any candidate reached.
func nothing(candidates []*event.Candidate) string {
	answers := []struct{ stage, answer string }{
		{policy.StageArbitration, policy.AnswerNegativeValue},
		{policy.StageScore, policy.AnswerNoScore},
		{policy.StageContactLimit, policy.AnswerContactLimit},
		{policy.StageEligibility, policy.AnswerNotEligible},
		{policy.StageConsent, policy.AnswerNoConsent},
	}
	for _, a := range answers {
		if slices.ContainsFunc(candidates, func(c *event.Candidate) bool { return c.Stage == a.stage }) {
			return a.answer
		}
	}
	return policy.AnswerNoCandidate
}
