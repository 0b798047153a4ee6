package decider

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// Explanation is the whole funnel of one decision, computed again from its record. Nothing of it is stored.
type Explanation struct {
	Logged
	// HoldoutDraw is the profile's share in [0, 1), and Holdout the policy's hold-out it was compared with.
	HoldoutDraw, Holdout float64
	// Candidates in the policy's order, then the offers that the placement never shows. For a held-out profile they
	// say what would have been offered.
	Candidates []ExplainedCandidate
	Features   []ExplainedFeature
	// Scores are what the models said, as recorded.
	Scores []*event.ModelScore
	// Segments are in which the profile was, of each definition that the policy reads, as recorded.
	Segments []*event.InSegments
	// Consents are what the profile had said about each purpose that the policy reads, as recorded.
	Consents []*event.SeenConsent
	// Contacts that were known, for people, oldest first.
	Contacts []string
	// Summary is one sentence for people.
	Summary string
}

// ExplainedCandidate is one offer and treatment: where it left, and every rule with what it saw.
type ExplainedCandidate struct {
	*event.Candidate
	Rules []ExplainedRule
}

// ExplainedRule is one consent, rule, contact limit or part of the score.
type ExplainedRule struct {
	Name, Expression string
	// Result is true, false, a number, "3 of 3 in 7d", "WITHDRAWN at IDENTITY/12/0" or the reason of a failure.
	Result string
	// Values are what it read: features.<name>, models.<name>, segments.<name>, context.<name>, placement, channel, now.
	Values map[string]string
}

// ExplainedFeature is one value of the vector.
type ExplainedFeature struct {
	Name    string
	Missing bool
	Value   float64
}

// Explain computes the explanation of a decision made here. It fails with ErrNotFound when the log does not hold the
// policy version, and with ErrPolicyUnusable or ErrRecord.
func (r *Replayer) Explain(l Logged) (Explanation, error) {
	if l.Record.GetExternal() {
		return Explanation{Logged: l, Summary: externalSummary(l.Record)}, nil
	}
	published, known := r.policies.Version(l.Record.GetPolicy(), l.Record.GetPolicyVersion())
	if !known {
		return Explanation{}, fmt.Errorf("%w: policy %s version %d", ErrNotFound, l.Record.GetPolicy(), l.Record.GetPolicyVersion())
	}
	compiled, err := published.CompiledFor(l.Record.GetView())
	if err != nil {
		return Explanation{}, err
	}
	return Explain(compiled, l)
}

// Explain computes the explanation of a decision with the policy version that it names. It fails with ErrRecord or
// ErrUnknownPlacement.
func Explain(c *policy.Compiled, l Logged) (Explanation, error) {
	in, err := InputOf(l.Record)
	if err != nil {
		return Explanation{}, err
	}
	at, known := c.Placement(in.Placement)
	if !known {
		return Explanation{}, ErrUnknownPlacement
	}
	e := Explanation{Logged: l, Holdout: c.Policy().GetHoldout()}
	var heldOut bool
	e.HoldoutDraw, heldOut = c.HeldOut(in.Profile)
	again := recordOf(c, at, in)
	again.Scores = l.Record.GetScores()
	run(c, at, in, again)
	f := newFunnel(c, at, in, again.GetScores())
	for i, candidate := range at.Candidates {
		e.Candidates = append(e.Candidates, ExplainedCandidate{Candidate: again.Candidates[i], Rules: f.explain(candidate.Offer)})
	}
	for _, x := range at.Excluded {
		left := &event.Candidate{Offer: x.Offer.Event.GetId(), Stage: x.Stage, Reason: x.Reason}
		e.Candidates = append(e.Candidates, ExplainedCandidate{Candidate: left, Rules: f.explain(x.Offer)})
	}
	e.Features, e.Scores, e.Segments = explainFeatures(c, in.Vector), l.Record.GetScores(), in.Segments
	e.Consents = in.Consents
	for _, contact := range in.Contacts {
		e.Contacts = append(e.Contacts, describeContact(contact))
	}
	e.Summary = summaryOf(again, heldOut, e)
	return e, nil
}

func explainFeatures(c *policy.Compiled, vector []float64) []ExplainedFeature {
	var out []ExplainedFeature
	for i, spec := range c.View().Specs() {
		f := ExplainedFeature{Name: spec.Name, Missing: true}
		if i < len(vector) && !math.IsNaN(vector[i]) {
			f.Missing, f.Value = false, vector[i]
		}
		out = append(out, f)
	}
	return out
}

func describeContact(c *event.Contact) string {
	out := timeText(c.GetTimeMs()) + " " + c.GetOffer()
	if c.GetChannel() != "" {
		out += " by " + c.GetChannel()
	}
	if c.GetCategory() != "" {
		out += " (" + c.GetCategory() + ")"
	}
	return out
}

func timeText(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }

// explain evaluates everything an offer depends on, also what the funnel did not reach.
func (f *funnel) explain(o *policy.Offer) []ExplainedRule {
	out := append(f.explainConsents(f.at.Consents), f.explainConsents(o.Consents)...)
	for _, r := range o.Rules {
		result := "true"
		if ok, failure := r.Holds(f.scope); !ok {
			result = resultOf(failure)
		}
		out = append(out, ExplainedRule{Name: r.Name, Expression: r.When.Source, Result: result, Values: f.values(&r.When)})
	}
	for i, l := range f.compiled.Limits() {
		if l.Concerns(f.channel, o.Event.GetCategory()) {
			out = append(out, ExplainedRule{Name: l.Name, Expression: l.String(), Result: l.Used(f.used[i])})
		}
	}
	parts := []struct {
		name string
		of   *policy.Expression
	}{{"propensity", &o.Propensity}, {"value", &o.Value}, {"weight", &o.Weight}, {"cost", &o.Cost}}
	for _, p := range parts {
		n, failure := p.of.Number(f.scope)
		result := numberText(n)
		if failure.Reason != "" {
			result = resultOf(failure)
		}
		out = append(out, ExplainedRule{Name: p.name, Expression: p.of.Source, Result: result, Values: f.values(p.of)})
	}
	return out
}

// explainConsents are the purposes that something depends on, and what the person had said about each.
func (f *funnel) explainConsents(c policy.Consents) []ExplainedRule {
	var out []ExplainedRule
	add := func(purposes []string, wanted string) {
		for _, purpose := range purposes {
			result := consentText(nil)
			for _, s := range f.input.Consents {
				if s.GetPurpose() == purpose {
					result = consentText(s)
				}
			}
			out = append(out, ExplainedRule{Name: "consent " + purpose, Expression: wanted, Result: result})
		}
	}
	add(c.Given, "given")
	add(c.UnlessWithdrawn, "not withdrawn")
	return out
}

func resultOf(f policy.Failure) string {
	switch {
	case f.Reason == policy.ReasonRuleFalse:
		return "false"
	case f.Detail != "":
		return f.Reason + ": " + f.Detail
	}
	return f.Reason
}

// values are what an expression read, as text.
func (f *funnel) values(e *policy.Expression) map[string]string {
	out := map[string]string{}
	for _, name := range e.Features {
		out["features."+name] = "missing"
		if i, known := f.compiled.View().Index(name); known && i < len(f.input.Vector) && !math.IsNaN(f.input.Vector[i]) {
			out["features."+name] = numberText(f.input.Vector[i])
		}
	}
	for i, m := range f.compiled.Models() {
		if slices.Contains(e.Models, m.GetName()) {
			out["models."+m.GetName()] = "missing"
			if !math.IsNaN(f.scores[i]) {
				out["models."+m.GetName()] = numberText(f.scores[i])
			}
		}
	}
	for _, s := range f.input.Segments {
		if slices.Contains(e.Segments, s.GetDefinition()) {
			out["segments."+s.GetDefinition()] = segmentsText(s)
		}
	}
	for _, name := range e.Context {
		out["context."+name] = "missing"
		for _, v := range f.input.Context {
			if v.GetName() == name {
				out["context."+name] = contextText(v)
			}
		}
	}
	others := map[string]string{"placement": f.input.Placement, "channel": f.channel, "now": timeText(f.input.NowMS)}
	for _, name := range e.Others {
		out[name] = others[name]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
