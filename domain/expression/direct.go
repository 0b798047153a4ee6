package expression

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// direct is an expression of a plain shape, evaluated without the interpreter: literals, fields, comparisons, arithmetic of
// doubles, and, or, not, conditions, has. A fold evaluates many of them for every event, a decision for every offer. It means
// what CEL means, errors included: an error is a nil value, and "and" and "or" absorb it when the other side decides.
type direct struct {
	op     string // one of operators, "" for a leaf
	object string
	get    func(of any) any
	// has: it is asked whether the field has a value, not for the value.
	has     bool
	literal ref.Val
	kids    []*direct
}

// directOf is the direct form of a part of a checked expression; nil when it is of another shape.
func (e *Environment) directOf(checked *ast.AST, x ast.Expr) *direct {
	switch x.Kind() {
	case ast.LiteralKind:
		return &direct{literal: x.AsLiteral()}
	case ast.SelectKind:
		return e.directField(x.AsSelect())
	case ast.CallKind:
		return e.directCall(checked, x)
	}
	return nil
}

func (e *Environment) directField(s ast.SelectExpr) *direct {
	if s.Operand().Kind() != ast.IdentKind {
		return nil
	}
	o := e.objects[s.Operand().AsIdent()]
	if o == nil {
		return nil
	}
	f, known := o.field(s.FieldName())
	if !known {
		return nil
	}
	return &direct{object: o.Name, get: f.Get, has: s.IsTestOnly()}
}

func (e *Environment) directCall(checked *ast.AST, x ast.Expr) *direct {
	c := x.AsCall()
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		if !checked.GetType(x.ID()).IsExactType(types.DoubleType) {
			return nil
		}
	default:
		return nil
	}
	d := &direct{op: c.FunctionName()}
	for _, a := range c.Args() {
		kid := e.directOf(checked, a)
		if kid == nil {
			return nil
		}
		d.kids = append(d.kids, kid)
	}
	return d
}

// eval is the value, nil for an error.
func (d *direct) eval(scope cel.Activation) ref.Val {
	switch d.op {
	case "":
		if d.get == nil {
			return d.literal
		}
		of, known := scope.ResolveName(d.object)
		if !known {
			return nil
		}
		v, has := d.get(of.(*Instance).Of).(ref.Val)
		if d.has {
			return types.Bool(has)
		}
		return v
	case operators.LogicalNot:
		if b, ok := d.kids[0].eval(scope).(types.Bool); ok {
			return !b
		}
		return nil
	case operators.LogicalAnd:
		return d.both(scope, types.False)
	case operators.LogicalOr:
		return d.both(scope, types.True)
	case operators.Conditional:
		switch d.kids[0].eval(scope) {
		case types.True:
			return d.kids[1].eval(scope)
		case types.False:
			return d.kids[2].eval(scope)
		}
		return nil
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return d.compute(d.kids[0].eval(scope), d.kids[1].eval(scope))
	}
	return d.compare(d.kids[0].eval(scope), d.kids[1].eval(scope))
}

// both is the deciding value when either side has it, the other when both sides have that, and else an error.
func (d *direct) both(scope cel.Activation, deciding types.Bool) ref.Val {
	first, firstOK := d.kids[0].eval(scope).(types.Bool)
	if firstOK && first == deciding {
		return deciding
	}
	second, secondOK := d.kids[1].eval(scope).(types.Bool)
	switch {
	case secondOK && second == deciding:
		return deciding
	case firstOK && secondOK:
		return !deciding
	}
	return nil
}

// compute is arithmetic of doubles, which never fails: a division by zero is infinite, or no number.
func (d *direct) compute(x, y ref.Val) ref.Val {
	a, ok := x.(types.Double)
	b, also := y.(types.Double)
	if !ok || !also {
		return nil
	}
	switch d.op {
	case operators.Add:
		return a + b
	case operators.Subtract:
		return a - b
	case operators.Multiply:
		return a * b
	}
	return a / b
}

func (d *direct) compare(x, y ref.Val) ref.Val {
	if x == nil || y == nil {
		return nil
	}
	switch d.op {
	case operators.Equals:
		return boolOf(x.Equal(y))
	case operators.NotEquals:
		if b := boolOf(x.Equal(y)); b != nil {
			return !b.(types.Bool)
		}
		return nil
	}
	order, ok := x.(interface{ Compare(ref.Val) ref.Val })
	if !ok {
		return nil
	}
	n, ok := order.Compare(y).(types.Int)
	if !ok {
		return nil
	}
	switch d.op {
	case operators.Less:
		return types.Bool(n < 0)
	case operators.LessEquals:
		return types.Bool(n <= 0)
	case operators.Greater:
		return types.Bool(n > 0)
	}
	return types.Bool(n >= 0)
}

func boolOf(v ref.Val) ref.Val {
	if b, ok := v.(types.Bool); ok {
		return b
	}
	return nil
}
