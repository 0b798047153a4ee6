package decider

import (
	"fmt"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

// Why the segments of a definition could not be told. Decisions record it; the list is missing then.
const (
	// FailureUndefined: no version of the definition was in effect.
	FailureUndefined = "UNDEFINED"
	// FailureUnusable: this version of the program does not understand the definition, or its view.
	FailureUnusable = "UNUSABLE"
	// FailureViewNotReady: the log was not folded yet for the definition's view. It is no function of the log, and neither
	// is the one above: replay takes both from the record.
	FailureViewNotReady = "VIEW_NOT_READY"
)

// DefinedSegments is one version of a segment definition, compiled when it is first needed.
type DefinedSegments struct {
	*segment.Version
	policies *Policies

	once     sync.Once
	compiled *segment.Compiled
	view     feature.View
	// onDemand: a feature of the view is computed from a request. Segments are of people, not of requests: the view is
	// read without one.
	onDemand bool
	err      error
}

// Compiled is the definition ready to use, with its view. It fails when this version of the program does not understand
// either.
func (d *DefinedSegments) Compiled() (*segment.Compiled, feature.View, error) {
	d.once.Do(func() { d.err = d.compile() })
	return d.compiled, d.view, d.err
}

func (d *DefinedSegments) compile() error {
	definition, err := segment.Parse(d.Document)
	if err != nil {
		return err
	}
	view, known := d.policies.View(definition.View)
	if !known {
		return fmt.Errorf("decider: the segments %s read the unknown view %s", d.ID, definition.View)
	}
	var names []string
	for _, spec := range view.Specs() {
		names = append(names, spec.Name)
		d.onDemand = d.onDemand || spec.Aggregation == feature.OnDemand
	}
	d.view = view
	d.compiled, err = segment.Compile(definition, names)
	return err
}

// Segments are the definitions in effect, by id.
func (p *Policies) Segments() []*DefinedSegments {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []*DefinedSegments
	for _, v := range p.segments.InEffect() {
		out = append(out, p.defined[v])
	}
	return out
}

// WithdrawnSegments are the definitions that are withdrawn, by id.
func (p *Policies) WithdrawnSegments() []*segment.Version {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.segments.Withdrawn()
}

// segmentsRead is a definition that a policy reads, and its version at a cut; nil when there was none.
type segmentsRead struct {
	definition string
	of         *DefinedSegments
}

// segmentsAt is what a policy reads at a cut of POLICY; nil when it reads no segments.
func (p *Policies) segmentsAt(c *policy.Compiled, cut uint64) []segmentsRead {
	names := c.Segments()
	if len(names) == 0 {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]segmentsRead, len(names))
	for i, name := range names {
		out[i].definition = name
		if v, has := p.segments.At(name, cut); has {
			out[i].of = p.defined[v]
		}
	}
	return out
}

// unknownSegments are the definitions that a policy reads and nobody has defined, and the segments that it looks for and
// that its definition does not have: it would wait for them for ever.
func (p *Policies) unknownSegments(c *policy.Compiled) problem.List {
	if len(c.Segments()) == 0 {
		return nil
	}
	have := map[string][]string{}
	var names []string
	for _, d := range p.Segments() {
		names = append(names, d.ID)
		if compiled, _, err := d.Compiled(); err == nil {
			have[d.ID] = compiled.Definition().Segments()
		}
	}
	var problems problem.List
	check := func(at string, e *policy.Expression) {
		for _, name := range e.Segments {
			if !slices.Contains(names, name) {
				problems.Add(at, policy.FaultUnknownSegments, "there is no segment definition %q%s", name, expression.Suggestion(name, names))
			}
		}
		for _, s := range e.Sought {
			if all := have[s.Field]; all != nil && !slices.Contains(all, s.Text) {
				problems.Add(at, policy.FaultUnknownSegment, "the definition %s has no segment %q%s", s.Field, s.Text, expression.Suggestion(s.Text, all))
			}
		}
	}
	for i, o := range c.Offers() {
		for j := range o.Rules {
			check(fmt.Sprintf("offers[%d].eligibility[%d].when", i, j), &o.Rules[j].When)
		}
		check(fmt.Sprintf("offers[%d].propensity", i), &o.Propensity)
		check(fmt.Sprintf("offers[%d].value", i), &o.Value)
		check(fmt.Sprintf("offers[%d].weight", i), &o.Weight)
		check(fmt.Sprintf("offers[%d].cost", i), &o.Cost)
	}
	return problems
}

// inSegments are a person's segments at a time, of each definition. The vector is that of the policy's view at that time; a definition of
// another view reads the activity itself.
func inSegments(read []segmentsRead, a feature.Activity, nowMS int64, c *policy.Compiled, vector []float64) []*event.InSegments {
	if len(read) == 0 {
		return nil
	}
	out := make([]*event.InSegments, len(read))
	for i, r := range read {
		out[i] = &event.InSegments{Definition: r.definition}
		if r.of == nil {
			out[i].Failure = FailureUndefined
			continue
		}
		out[i].Version, out[i].Digest = r.of.Version.Version, r.of.Digest[:]
		compiled, view, err := r.of.Compiled()
		switch {
		case err != nil:
			out[i].Failure = FailureUnusable
		case !r.of.onDemand && view.Name() == c.View().Name():
			out[i].Segments = compiled.Of(vector)
		case !a.Layout().Serves(view):
			out[i].Failure = FailureViewNotReady
		default:
			out[i].Segments = compiled.Of(view.Read(a, nowMS, nil))
		}
	}
	return out
}

// asInRecord takes from a record why segments could not be told, where that is no function of the log.
func asInRecord(segments []*event.InSegments, record *event.Decision) []*event.InSegments {
	for _, s := range segments {
		for _, recorded := range record.GetSegments() {
			untold := recorded.GetFailure() == FailureViewNotReady || recorded.GetFailure() == FailureUnusable
			if untold && recorded.GetDefinition() == s.GetDefinition() && s.GetFailure() != FailureUndefined {
				s.Segments, s.Failure = nil, recorded.GetFailure()
			}
		}
	}
	return segments
}

// applySegments takes an event of POLICY; the caller holds p.mu.
func (p *Policies) applySegments(r domain.Recorded) {
	if v := p.segments.Apply(r); v != nil {
		p.defined[v] = &DefinedSegments{Version: v, policies: p}
	}
}
