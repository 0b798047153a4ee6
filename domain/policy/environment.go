package policy

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// Bounds of expressions.
const (
	// MaxExpression is the longest expression, in bytes.
	MaxExpression = 2000
	// MaxCost bounds the cost of an expression in CEL's units (about one a step, one per 10 bytes of text
	// compared). An expression whose static bound is higher is refused; one that costs more is stopped.
	MaxCost = 20_000
	// meteredCost: expressions that are bound to stay below run without a meter, three times as fast.
	meteredCost = 1_000
	// MaxText is the longest text of a request's context, in bytes: what makes the static bound hold.
	MaxText = 1000
	// maxNesting is how deep an expression may nest.
	maxNesting = 50
	// maxNodes is how many nodes an expression may have, macros expanded.
	maxNodes = 2000
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

func (f *factTypes) contextNames() []string {
	names := make([]string, 0, len(f.context))
	for _, c := range f.context {
		names = append(names, c.GetName())
	}
	return names
}

// provider tells CEL the fields of the three objects; everything else is the registry's.
type provider struct {
	*types.Registry
	features, models, context map[string]*types.FieldType
}

func newProvider(f *factTypes) (*provider, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("policy: make the type registry: %w", err)
	}
	p := &provider{
		Registry: registry, features: map[string]*types.FieldType{}, models: map[string]*types.FieldType{},
		context: map[string]*types.FieldType{},
	}
	for i, name := range f.features {
		p.features[name] = numberField(i, &missing{reason: ReasonFeatureMissing, name: name})
	}
	for i, name := range f.models {
		p.models[name] = numberField(i, &missing{reason: ReasonScoreMissing, name: name})
	}
	for i, field := range f.context {
		p.context[field.GetName()] = contextField(field, i)
	}
	return p, nil
}

// numberField is the i-th number of a vector.
func numberField(i int, absent *missing) *types.FieldType {
	return &types.FieldType{
		Type: types.DoubleType,
		IsSet: func(target any) bool {
			_, ok := target.(*vector).field(i)
			return ok
		},
		GetFrom: func(target any) (any, error) {
			if x, ok := target.(*vector).field(i); ok {
				return types.Double(x), nil
			}
			return nil, absent
		},
	}
}

func contextField(field *event.ContextField, i int) *types.FieldType {
	absent := &missing{reason: ReasonContextMissing, name: field.GetName()}
	return &types.FieldType{
		Type:  contextTypes()[field.GetType()],
		IsSet: func(target any) bool { return target.(*request).values[i] != nil },
		GetFrom: func(target any) (any, error) {
			if x := target.(*request).values[i]; x != nil {
				return x, nil
			}
			return nil, absent
		},
	}
}

// contextTypes are the types a placement may declare.
func contextTypes() map[string]*types.Type {
	return map[string]*types.Type{"text": types.StringType, "number": types.DoubleType, "flag": types.BoolType}
}

func (p *provider) fields(structType string) map[string]*types.FieldType {
	switch structType {
	case featuresType.TypeName():
		return p.features
	case modelsType.TypeName():
		return p.models
	case contextType.TypeName():
		return p.context
	}
	return nil
}

// FindStructType knows the three objects.
func (p *provider) FindStructType(structType string) (*types.Type, bool) {
	switch structType {
	case featuresType.TypeName():
		return types.NewTypeTypeWithParam(featuresType), true
	case modelsType.TypeName():
		return types.NewTypeTypeWithParam(modelsType), true
	case contextType.TypeName():
		return types.NewTypeTypeWithParam(contextType), true
	}
	return nil, false
}

// FindStructFieldNames lists the fields, ascending.
func (p *provider) FindStructFieldNames(structType string) ([]string, bool) {
	fields := p.fields(structType)
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, fields != nil
}

// FindStructFieldType finds one field.
func (p *provider) FindStructFieldType(structType, name string) (*types.FieldType, bool) {
	field, ok := p.fields(structType)[name]
	return field, ok
}

// NewValue refuses: expressions make no objects.
func (p *provider) NewValue(structType string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("an expression cannot make a %s", structType)
}

// newEnvironment is CEL without what could explode, look outside or escape the checker: no regular expressions,
// no map and filter, no dyn and type.
func newEnvironment(f *factTypes) (*environment, error) {
	p, err := newProvider(f)
	if err != nil {
		return nil, err
	}
	subset := &env.LibrarySubset{
		ExcludeMacros:    []string{"map", "filter"},
		ExcludeFunctions: []*env.Function{{Name: "matches"}, {Name: "dyn"}, {Name: "type"}},
	}
	e, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(subset)),
		cel.CustomTypeAdapter(p.Registry),
		cel.CustomTypeProvider(p),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(MaxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserErrorRecoveryLimit(5),
		cel.ExpressionNodeLimit(maxNodes),
		cel.Variable("features", featuresType),
		cel.Variable("models", modelsType),
		cel.Variable("context", contextType),
		cel.Variable("placement", cel.StringType),
		cel.Variable("channel", cel.StringType),
		cel.Variable("now", cel.TimestampType),
	)
	if err != nil {
		return nil, fmt.Errorf("policy: make the CEL environment: %w", err)
	}
	known := make(map[string]bool, len(f.features))
	for _, name := range f.features {
		known[name] = true
	}
	return &environment{Env: e, facts: f, known: known}, nil
}

// sizes tells CEL's cost estimate how long the texts of a request can be.
type sizes struct{}

func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	if path := node.Path(); len(path) > 0 {
		return &checker.SizeEstimate{Min: 0, Max: MaxText}
	}
	return nil
}

func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
