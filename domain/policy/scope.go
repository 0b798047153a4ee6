package policy

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// Facts are what the expressions of one decision see.
type Facts struct {
	Placement, Channel string
	NowMS              int64
	// Vector has one value a feature in the view's order; NaN is missing.
	Vector []float64
	// Scores has one value a model in the policy's order (Compiled.Models); NaN is missing, and so is what it lacks.
	Scores []float64
	// Segments are those of each definition that the policy reads (Compiled.Segments); one with a failure is missing.
	Segments []*event.InSegments
	// Context as Compiled.Context returned it.
	Context []*event.ContextValue
}

// Scope is the facts of one decision, adapted once for all its expressions. It is for one goroutine.
type Scope struct {
	placement, channel types.String
	now                types.Timestamp
	features, models   vector
	context            request
	segments           memberships
	// The same as expressions see them.
	featuresOf, modelsOf, contextOf, segmentsOf expression.Instance
}

// Scope adapts the facts of one decision.
func (c *Compiled) Scope(f Facts) *Scope {
	s := &Scope{
		placement: types.String(f.Placement), channel: types.String(f.Channel),
		now:      types.Timestamp{Time: time.UnixMilli(f.NowMS).UTC()},
		features: vector{f.Vector}, models: vector{f.Scores},
		context:  request{values: make([]ref.Val, len(c.facts.context))},
		segments: memberships{f.Segments},
	}
	s.segmentsOf = expression.InstanceOf(segmentsName, &s.segments)
	s.featuresOf = expression.InstanceOf("features", &s.features)
	s.modelsOf = expression.InstanceOf("models", &s.models)
	s.contextOf = expression.InstanceOf("context", &s.context)
	for _, v := range f.Context {
		if i, declared := c.facts.contextIndex[v.GetName()]; declared {
			s.context.values[i] = adapt(v)
		}
	}
	return s
}

func adapt(v *event.ContextValue) ref.Val {
	switch of := v.GetValue().(type) {
	case *event.ContextValue_Text:
		return types.String(of.Text)
	case *event.ContextValue_Number:
		return types.Double(of.Number)
	case *event.ContextValue_Flag:
		return types.Bool(of.Flag)
	}
	return nil
}

// ResolveName gives CEL the variables.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch name {
	case "features":
		return &s.featuresOf, true
	case "models":
		return &s.modelsOf, true
	case "context":
		return &s.contextOf, true
	case segmentsName:
		return &s.segmentsOf, true
	case "placement":
		return s.placement, true
	case "channel":
		return s.channel, true
	case "now":
		return s.now, true
	}
	return nil, false
}

// Parent says that there is no outer scope.
func (s *Scope) Parent() cel.Activation { return nil }

// What is behind the objects.
type (
	vector  struct{ values []float64 }
	request struct{ values []ref.Val }
)

// missing is the error of reading what is not there.
type missing struct{ reason, name string }

func (m *missing) Error() string { return m.reason + ": " + m.name }
