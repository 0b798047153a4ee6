package policy

import (
	"fmt"

	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
)

// Bounds of expressions and of the texts they meet.
const (
	MaxExpression = expression.MaxBytes
	MaxCost       = expression.MaxCost
	MaxText       = expression.MaxText
)

// factTypes are the fields that expressions may read.
type factTypes struct {
	features     []string
	view         feature.View
	models       []string
	context      []*event.ContextField
	contextIndex map[string]int
}

// factTypesOf unites the context of all placements; a name with two types is a fault.
func factTypesOf(p *event.Policy, view feature.View, found *findings) *factTypes {
	f := &factTypes{view: view, contextIndex: map[string]int{}}
	for _, s := range view.Specs() {
		f.features = append(f.features, s.Name)
	}
	for _, m := range p.GetModels() {
		f.models = append(f.models, m.GetName())
	}
	for i, pl := range p.GetPlacements() {
		for j, field := range pl.GetContext() {
			if wanted := typeInView(view, field.GetName()); wanted != "" && wanted != field.GetType() {
				found.add(fmt.Sprintf("placements[%d].context[%d].type", i, j), FaultConflict,
					"%q is %s here and %s in the view %s", field.GetName(), field.GetType(), wanted, view.Name())
			}
			at, known := f.contextIndex[field.GetName()]
			if !known {
				f.contextIndex[field.GetName()] = len(f.context)
				f.context = append(f.context, field)
			} else if f.context[at].GetType() != field.GetType() {
				found.add(fmt.Sprintf("placements[%d].context[%d].type", i, j), FaultConflict,
					"%q is %s here and %s at another placement", field.GetName(), field.GetType(), f.context[at].GetType())
			}
		}
	}
	return f
}

// typeInView is the type that a view gives a fact of the request; "" when it does not read it.
func typeInView(view feature.View, name string) string {
	for _, f := range view.Context() {
		if f.Name == name {
			return f.Type
		}
	}
	return ""
}

func (f *factTypes) contextNames() []string {
	names := make([]string, 0, len(f.context))
	for _, c := range f.context {
		names = append(names, c.GetName())
	}
	return names
}

// newEnvironment lets expressions read features.<name>, models.<name>, segments.<definition>, context.<name>, placement,
// channel and now.
func newEnvironment(f *factTypes) (*environment, error) {
	features := expression.Object{Name: "features", Unknown: func(name string) expression.Fault {
		return unknown(FaultUnknownFeature, "the view "+f.view.Name()+" has no feature", name, f.features)
	}}
	for i, name := range f.features {
		features.Fields = append(features.Fields, numberField(i, name, ReasonFeatureMissing))
	}
	models := expression.Object{Name: "models", Unknown: func(name string) expression.Fault {
		return unknown(FaultUnknownModel, "the policy names no model", name, f.models)
	}}
	for i, name := range f.models {
		models.Fields = append(models.Fields, numberField(i, name, ReasonScoreMissing))
	}
	facts := expression.Object{Name: "context", Unknown: func(name string) expression.Fault {
		return unknown(FaultUnknownContext, "no placement declares the fact", name, f.contextNames())
	}}
	for i, field := range f.context {
		facts.Fields = append(facts.Fields, contextField(i, field))
	}
	e, err := expression.New([]expression.Object{features, models, facts, segmentsObject()},
		expression.Variable{Name: "placement", Type: types.StringType},
		expression.Variable{Name: "channel", Type: types.StringType},
		expression.Variable{Name: "now", Type: types.TimestampType},
	)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return &environment{e}, nil
}

func unknown(reason, what, name string, known []string) expression.Fault {
	return expression.Fault{Reason: reason, Message: fmt.Sprintf("%s %q%s", what, name, expression.Suggestion(name, known))}
}

// numberField is the i-th number of a vector; NaN is missing.
func numberField(i int, name, reason string) expression.Field {
	return expression.Field{
		Name: name, Type: types.DoubleType, Absent: &missing{reason: reason, name: name},
		Get: func(of any) any {
			if values := of.(*vector).values; i < len(values) && values[i] == values[i] {
				return types.Double(values[i])
			}
			return nil
		},
	}
}

func contextField(i int, field *event.ContextField) expression.Field {
	return expression.Field{
		Name: field.GetName(), Type: contextTypes()[field.GetType()],
		Absent: &missing{reason: ReasonContextMissing, name: field.GetName()},
		Get: func(of any) any {
			if x := of.(*request).values[i]; x != nil {
				return x
			}
			return nil
		},
	}
}

// contextTypes are the types a placement may declare.
func contextTypes() map[string]*types.Type {
	return map[string]*types.Type{"text": types.StringType, "number": types.DoubleType, "flag": types.BoolType}
}
