package importer

import (
	"maps"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// meaning says what an expression gives, as far as columns are concerned.
type meaning uint8

const (
	anything meaning = iota
	// aRow is a row of the file, and aMember one of a group: it has the values of the source's lets beside its columns.
	aRow
	aMember
	// members is a list of a group's rows.
	members
)

// element is what an element of a list means.
func (m meaning) element() meaning {
	if m == members {
		return aMember
	}
	return anything
}

// meanings are the names that an expression may use for rows.
type meanings map[string]meaning

func (m meanings) with(name string, meaning meaning) meanings {
	more := maps.Clone(m)
	more[name] = meaning
	return more
}

// of is what the expression means.
func (m meanings) of(e ast.NavigableExpr) meaning {
	switch e.Kind() {
	case ast.IdentKind:
		return m.name(e, e.AsIdent())
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index {
			return m.of(nav(call.Args()[0])).element()
		}
	case ast.ComprehensionKind:
		if c := e.AsComprehension(); keepsElements(c) {
			return m.of(nav(c.IterRange()))
		}
	}
	return anything
}

// name is what a name means at that place: in rows.map(r, r.x) the macro gives r its meaning.
func (m meanings) name(at ast.NavigableExpr, name string) meaning {
	around, ok := at.Parent()
	if !ok {
		return m[name]
	}
	if around.Kind() == ast.ComprehensionKind {
		c := around.AsComprehension()
		if c.IterVar() == name && c.IterRange().ID() != at.ID() {
			return m.of(nav(c.IterRange())).element()
		}
	}
	return m.name(around, name)
}

// keepsElements says whether a macro's list holds elements of its range as they are: that of filter.
func keepsElements(c ast.ComprehensionExpr) bool {
	step := c.LoopStep()
	if step.Kind() == ast.CallKind && step.AsCall().FunctionName() == operators.Conditional {
		step = step.AsCall().Args()[1]
	}
	if step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.Add {
		return false
	}
	added := step.AsCall().Args()[1]
	if added.Kind() != ast.ListKind || added.AsList().Size() != 1 {
		return false
	}
	one := added.AsList().Elements()[0]
	return one.Kind() == ast.IdentKind && one.AsIdent() == c.IterVar()
}

// nav: what a navigable expression hands out is navigable too.
func nav(e ast.Expr) ast.NavigableExpr { return e.(ast.NavigableExpr) }
