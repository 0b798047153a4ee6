package policy

import (
	"math"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/profferhq/proffer/domain/event"
)

// Facts are what the expressions of one decision see.
type Facts struct {
	Placement, Channel string
	NowMS              int64
	// Vector has one value a feature in the view's order; NaN is missing.
	Vector []float64
	// Scores has one value a model in the policy's order (Compiled.Models); NaN is missing, and so is what it lacks.
	Scores []float64
	// Context as Compiled.Context returned it.
	Context []*event.ContextValue
}

// Scope is the facts of one decision, adapted once for all its expressions. It is for one goroutine.
type Scope struct {
	placement, channel ref.Val
	now                ref.Val
	features, models   vector
	context            request
}

// Scope adapts the facts of one decision.
func (c *Compiled) Scope(f Facts) *Scope {
	s := &Scope{
		placement: types.String(f.Placement), channel: types.String(f.Channel),
		now:      types.Timestamp{Time: time.UnixMilli(f.NowMS).UTC()},
		features: vector{kind: featuresType, values: f.Vector},
		models:   vector{kind: modelsType, values: f.Scores},
		context:  request{values: make([]ref.Val, len(c.facts.context))},
	}
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
		return &s.features, true
	case "models":
		return &s.models, true
	case "context":
		return &s.context, true
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

// The objects behind `features`, `models` and `context`. Expressions can read their fields and nothing else: the checker
// refuses every other use, so the remaining methods of a CEL value only report errors.
type (
	vector struct {
		kind   *types.Type
		values []float64
	}
	request struct{ values []ref.Val }
)

var (
	featuresType = types.NewObjectType("proffer.Features")
	modelsType   = types.NewObjectType("proffer.Models")
	contextType  = types.NewObjectType("proffer.Context")
)

// missing is the error of reading what is not there.
type missing struct{ reason, name string }

func (m *missing) Error() string { return m.reason + ": " + m.name }

func (v *vector) field(i int) (float64, bool) {
	if i >= len(v.values) || math.IsNaN(v.values[i]) {
		return 0, false
	}
	return v.values[i], true
}

func (v *vector) ConvertToNative(reflect.Type) (any, error) { return v, nil }
func (v *vector) ConvertToType(ref.Type) ref.Val            { return types.NewErr("%s is no value", v.kind) }
func (v *vector) Equal(ref.Val) ref.Val                     { return types.NewErr("%s is no value", v.kind) }
func (v *vector) Type() ref.Type                            { return v.kind }
func (v *vector) Value() any                                { return v }

func (r *request) ConvertToNative(reflect.Type) (any, error) { return r, nil }
func (r *request) ConvertToType(ref.Type) ref.Val            { return types.NewErr("context is no value") }
func (r *request) Equal(ref.Val) ref.Val                     { return types.NewErr("context is no value") }
func (r *request) Type() ref.Type                            { return contextType }
func (r *request) Value() any                                { return r }
