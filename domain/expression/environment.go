// Package expression is the one CEL of the product: what policies, feature views and labels write their rules in. It is
// CEL without what could explode, look outside or escape the checker: no regular expressions, no map and filter, no dyn
// and type, no time zones by name. Its cost is bounded before it runs.
package expression

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Bounds of expressions.
const (
	// MaxBytes is the longest expression.
	MaxBytes = 2000
	// MaxCost bounds the cost of an expression in CEL's units (about one a step, one per 10 bytes of text
	// compared). An expression whose static bound is higher is refused; one that costs more is stopped.
	MaxCost = 20_000
	// meteredCost: expressions that are bound to stay below run without a meter, three times as fast.
	meteredCost = 1_000
	// MaxText is the longest text that an expression may meet, in bytes: what makes the static bound hold.
	MaxText = 1000
	// maxNesting is how deep an expression may nest.
	maxNesting = 50
	// maxNodes is how many nodes an expression may have, macros expanded.
	maxNodes = 2000
)

// Object is something of which expressions read fields by name, and nothing else: features.views_7d.
type Object struct {
	// Name is the variable.
	Name   string
	Fields []Field
	// Unknown is the fault of naming a field that the object does not have; its message may suggest another.
	Unknown func(name string) Fault
	// Open makes a field of a name that is not among Fields; false for one that cannot be. Nil: there are no others.
	Open func(name string) (Field, bool)
}

// field finds a field by its name.
func (o *Object) field(name string) (Field, bool) {
	if at := slices.IndexFunc(o.Fields, func(f Field) bool { return f.Name == name }); at >= 0 {
		return o.Fields[at], true
	}
	if o.Open == nil {
		return Field{}, false
	}
	return o.Open(name)
}

// Field is one field of an object.
type Field struct {
	Name string
	Type *types.Type
	// Get reads the field from what the object's Instance holds; nil when it has no value there: then has() is false and
	// reading it fails with Absent.
	Get    func(of any) any
	Absent error
}

// Variable is a plain value.
type Variable struct {
	Name string
	Type *types.Type
}

// Environment compiles expressions over some objects and variables. It is safe for concurrent use.
type Environment struct {
	cel       *cel.Env
	objects   map[string]*Object
	variables []string
}

// New makes an environment. It fails only when the names do.
func New(objects []Object, variables ...Variable) (*Environment, error) {
	p, err := newProvider(objects)
	if err != nil {
		return nil, err
	}
	subset := &env.LibrarySubset{
		ExcludeMacros:    []string{"map", "filter"},
		ExcludeFunctions: []*env.Function{{Name: "matches"}, {Name: "dyn"}, {Name: "type"}},
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)),
		cel.CustomTypeAdapter(p.Registry),
		cel.CustomTypeProvider(p),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(MaxBytes),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserErrorRecoveryLimit(5),
		cel.ExpressionNodeLimit(maxNodes),
	}
	e := &Environment{objects: map[string]*Object{}}
	for i := range objects {
		e.objects[objects[i].Name] = &objects[i]
		options = append(options, cel.Variable(objects[i].Name, typeOf(objects[i].Name)))
	}
	for _, v := range variables {
		e.variables = append(e.variables, v.Name)
		options = append(options, cel.Variable(v.Name, v.Type))
	}
	if e.cel, err = cel.NewCustomEnv(options...); err != nil {
		return nil, fmt.Errorf("expression: make the CEL environment: %w", err)
	}
	return e, nil
}

// typeOf is the CEL type of an object.
func typeOf(object string) *types.Type { return types.NewObjectType("proffer." + object) }

// provider tells CEL the fields of the objects; everything else is the registry's.
type provider struct {
	*types.Registry
	fields map[string]map[string]*types.FieldType
	open   map[string]func(name string) (Field, bool)
}

func newProvider(objects []Object) (*provider, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("expression: make the type registry: %w", err)
	}
	p := &provider{
		Registry: registry, fields: map[string]map[string]*types.FieldType{}, open: map[string]func(string) (Field, bool){},
	}
	for _, o := range objects {
		fields := make(map[string]*types.FieldType, len(o.Fields))
		for _, f := range o.Fields {
			fields[f.Name] = f.typed()
		}
		p.fields[typeOf(o.Name).TypeName()] = fields
		if o.Open != nil {
			p.open[typeOf(o.Name).TypeName()] = o.Open
		}
	}
	return p, nil
}

func (f Field) typed() *types.FieldType {
	return &types.FieldType{
		Type:  f.Type,
		IsSet: func(target any) bool { return f.Get(target.(*Instance).Of) != nil },
		GetFrom: func(target any) (any, error) {
			if x := f.Get(target.(*Instance).Of); x != nil {
				return x, nil
			}
			return nil, f.Absent
		},
	}
}

// FindStructType knows the objects.
func (p *provider) FindStructType(structType string) (*types.Type, bool) {
	if _, known := p.fields[structType]; !known {
		return nil, false
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(structType)), true
}

// FindStructFieldNames lists the fields, ascending.
func (p *provider) FindStructFieldNames(structType string) ([]string, bool) {
	fields, known := p.fields[structType]
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, known
}

// FindStructFieldType finds one field.
func (p *provider) FindStructFieldType(structType, name string) (*types.FieldType, bool) {
	if field, known := p.fields[structType][name]; known {
		return field, true
	}
	if open := p.open[structType]; open != nil {
		if field, can := open(name); can {
			return field.typed(), true
		}
	}
	return nil, false
}

// NewValue refuses: expressions make no objects.
func (p *provider) NewValue(structType string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("an expression cannot make a %s", structType)
}

// sizes tells CEL's cost estimate how long texts, and how many things in a list, can be.
type sizes struct{}

// MaxList is how many things a list that an expression meets may hold.
const MaxList = 128

func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	if len(node.Path()) == 0 {
		return nil
	}
	if node.Type() != nil && node.Type().Kind() == types.ListKind {
		return &checker.SizeEstimate{Min: 0, Max: MaxList}
	}
	return &checker.SizeEstimate{Min: 0, Max: MaxText}
}

func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
