package expression

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Features, scores and amounts are doubles, and CEL does not mix them with whole numbers: features.x == 2 and
// features.x * 2 would be type errors. literals makes the whole numbers that an author writes beside a double
// doubles, too, in arithmetic, in ==, in the branches of a condition and in lists.
type literals struct {
	objects map[string]*Object
	factory ast.ExprFactory
}

func (l literals) widenIn(root ast.Expr) { l.double(root) }

// double adjusts an expression from the leaves up and says whether it is known to be a double.
func (l literals) double(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		_, is := e.AsLiteral().(types.Double)
		return is
	case ast.SelectKind:
		return l.doubleField(e.AsSelect())
	case ast.CallKind:
		return l.doubleCall(e.AsCall())
	case ast.ListKind:
		for _, x := range e.AsList().Elements() {
			l.double(x)
		}
	case ast.MapKind:
		for _, x := range e.AsMap().Entries() {
			l.double(x.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, x := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			l.double(x)
		}
	}
	return false
}

func (l literals) doubleField(s ast.SelectExpr) bool {
	if s.IsTestOnly() || s.Operand().Kind() != ast.IdentKind {
		return false
	}
	o, known := l.objects[s.Operand().AsIdent()]
	return known && slices.ContainsFunc(o.Fields, func(f Field) bool {
		return f.Name == s.FieldName() && f.Type.IsExactType(types.DoubleType)
	})
}

func (l literals) doubleCall(c ast.CallExpr) bool {
	if c.IsMemberFunction() {
		l.double(c.Target())
	}
	args := c.Args()
	is := make([]bool, len(args))
	for i, a := range args {
		is[i] = l.double(a)
	}
	switch c.FunctionName() {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return l.unify(args, is)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		l.unify(args, is)
	case operators.Conditional:
		return l.unify(args[1:], is[1:])
	case operators.Negate:
		return is[0]
	case operators.In:
		if is[0] && args[1].Kind() == ast.ListKind {
			for _, x := range args[1].AsList().Elements() {
				l.widen(x)
			}
		}
	case "double":
		return true
	}
	return false
}

// unify widens what stands beside a double.
func (l literals) unify(args []ast.Expr, is []bool) bool {
	if !slices.Contains(is, true) {
		return false
	}
	for i, a := range args {
		if !is[i] {
			l.widen(a)
		}
	}
	return true
}

// widest is the largest whole number below which each is a double exactly.
const widest = 1 << 53

// widen makes an expression of whole numbers one of doubles; anything else stays for the checker to judge.
func (l literals) widen(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		if n, whole := e.AsLiteral().(types.Int); whole && n <= widest && n >= -widest {
			e.SetKindCase(l.factory.NewLiteral(e.ID(), types.Double(n)))
		}
	case ast.CallKind:
		switch c := e.AsCall(); c.FunctionName() {
		case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Negate:
			for _, a := range c.Args() {
				l.widen(a)
			}
		case operators.Conditional:
			l.widen(c.Args()[1])
			l.widen(c.Args()[2])
		}
	}
}
