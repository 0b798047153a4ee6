package label

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
)

// Rule is a label's population.when over the features of one view. It is safe for concurrent use.
type Rule struct {
	compiled *expression.Compiled
	features bool
}

// Decided is the decision of a row, for those at decisions; the zero Decided has no field.
type Decided struct {
	Record *event.Decision
	// Attributes are those of its offer.
	Attributes map[string]string
}

// errNoValue: a feature is missing, or the row has no decision, or its decision no such field.
var errNoValue = errors.New("label: no value")

// For compiles the population for a view. The error wraps ErrInvalid and a problem.List that names the view's features
// it cannot find.
func (l Label) For(v feature.View) (*Rule, error) {
	when := l.document.Population.When
	if when == "" {
		return &Rule{}, nil
	}
	env, err := expression.New([]expression.Object{featuresOf(v), decisionObject()})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var found problem.List
	compiled, faults := env.Compile(when, "true or false", types.BoolType)
	for _, f := range faults {
		found.Add("population.when", f.Reason, "%s", f.Message)
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, found)
	}
	// What can be said without the features does not read them.
	env, err = expression.New([]expression.Object{decisionObject()})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	_, faults = env.Compile(when, "true or false", types.BoolType)
	return &Rule{compiled: &compiled, features: len(faults) > 0}, nil
}

func featuresOf(v feature.View) expression.Object {
	o := expression.Object{Name: "features"}
	var names []string
	for i, s := range v.Specs() {
		names = append(names, s.Name)
		o.Fields = append(o.Fields, expression.Field{
			Name: s.Name, Type: types.DoubleType, Absent: errNoValue, Get: func(of any) any {
				if x := of.([]float64)[i]; x == x {
					return types.Double(x)
				}
				return nil
			},
		})
	}
	o.Unknown = func(name string) expression.Fault {
		return expression.Fault{Reason: feature.FaultUnknownFeature, Message: fmt.Sprintf(
			"the view %s has no feature %q%s", v.Name(), name, expression.Suggestion(name, names))}
	}
	return o
}

func decisionObject() expression.Object {
	text := func(name string, of func(*event.Decision) string) expression.Field {
		return expression.Field{Name: name, Type: types.StringType, Absent: errNoValue, Get: func(x any) any {
			if t := of(x.(*Decided).Record); t != "" {
				return types.String(t)
			}
			return nil
		}}
	}
	o := expression.Object{Name: "decision", Fields: []expression.Field{
		text("offer", (*event.Decision).GetOffer), text("treatment", (*event.Decision).GetTreatment),
		text("category", (*event.Decision).GetCategory), text("placement", (*event.Decision).GetPlacement),
		text("channel", (*event.Decision).GetChannel), text("policy", (*event.Decision).GetPolicy),
		{Name: "external", Type: types.BoolType, Absent: errNoValue, Get: func(x any) any {
			if d := x.(*Decided).Record; d != nil {
				return types.Bool(d.GetExternal())
			}
			return nil
		}},
		{Name: "attributes", Type: types.NewMapType(types.StringType, types.StringType), Absent: errNoValue, Get: func(x any) any {
			if a := x.(*Decided).Attributes; a != nil {
				return types.DefaultTypeAdapter.NativeToValue(a)
			}
			return nil
		}},
	}}
	var names []string
	for _, f := range o.Fields {
		names = append(names, f.Name)
	}
	o.Unknown = func(name string) expression.Fault {
		return expression.Fault{Reason: feature.FaultUnknownField, Message: fmt.Sprintf(
			"a decision has no field %q%s", name, expression.Suggestion(name, names))}
	}
	return o
}

// ReadsFeatures says whether Holds looks at the vector.
func (r *Rule) ReadsFeatures() bool { return r.features }

// Holds says whether a row belongs to the population. A rule that reads what has no value does not hold.
func (r *Rule) Holds(vector []float64, d Decided) bool {
	if r.compiled == nil {
		return true
	}
	s := &scope{features: expression.InstanceOf("features", vector), decision: expression.InstanceOf("decision", &d)}
	out, err := r.compiled.Eval(s)
	return err == nil && out == types.True
}

type scope struct{ features, decision expression.Instance }

// ResolveName gives CEL the variables.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "features":
		return &s.features, true
	case "decision":
		return &s.decision, true
	}
	return nil, false
}

// Parent says that there is no outer scope.
func (s *scope) Parent() cel.Activation { return nil }
