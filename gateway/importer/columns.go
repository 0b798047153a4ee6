package importer

import (
	"fmt"
	"slices"
	"sync/atomic"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// rowColumns are the columns of row that the expressions of one source or table name.
type rowColumns struct {
	read []readColumn
	// asked are those that an expression asks for, has(row.x) or 'x' in row: a file may be without them.
	asked []string
}

// readColumn is a column with the line of the mapping that reads it.
type readColumn struct {
	name string
	line int
}

// note adds what an expression at that line names.
func (c *rowColumns) note(expression *ast.AST, line int) {
	for _, row := range ast.MatchDescendants(ast.NavigateAST(expression), isRow) {
		parent, ok := row.Parent()
		switch {
		case !ok || hidden(row):
		case parent.Kind() == ast.SelectKind && parent.AsSelect().IsTestOnly():
			c.asked = append(c.asked, parent.AsSelect().FieldName())
		case parent.Kind() == ast.SelectKind:
			c.read = append(c.read, readColumn{parent.AsSelect().FieldName(), line})
		case parent.Kind() == ast.CallKind:
			c.noteCall(parent.AsCall(), row, line)
		}
	}
}

func (c *rowColumns) noteCall(call ast.CallExpr, row ast.Expr, line int) {
	args := call.Args()
	switch {
	case len(args) != 2:
	case call.FunctionName() == operators.Index && args[0].ID() == row.ID():
		if name, ok := literal(args[1]); ok {
			c.read = append(c.read, readColumn{name, line})
		}
	case call.FunctionName() == operators.In && args[1].ID() == row.ID():
		if name, ok := literal(args[0]); ok {
			c.asked = append(c.asked, name)
		}
	}
}

func isRow(e ast.NavigableExpr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == varRow }

// hidden says whether a macro around, such as rows.map(row, row.x), gives the name another meaning.
func hidden(e ast.NavigableExpr) bool {
	for around, ok := e.Parent(); ok; around, ok = around.Parent() {
		if around.Kind() == ast.ComprehensionKind && around.AsComprehension().IterVar() == varRow {
			return true
		}
	}
	return false
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

// missing says which of the columns a CSV file does not have, in the order of the mapping. Of JSON lines each row has
// its own names: a row without one is refused by itself.
func (c *rowColumns) missing(file inputFile, spec inputSpec) ([]string, error) {
	if spec.format != formatCSV {
		return nil, nil
	}
	header, err := file.columns(spec)
	if err != nil {
		return nil, err
	}
	var names, told []string
	for _, r := range c.read {
		if _, there := header.at[r.name]; there || slices.Contains(c.asked, r.name) || slices.Contains(names, r.name) {
			continue
		}
		names = append(names, r.name)
		told = append(told, fmt.Sprintf("%s has no column %q (line %d of the mapping)", file.base, r.name, r.line))
	}
	return told, nil
}

// columns are those of a CSV file.
func (f inputFile) columns(spec inputSpec) (*columns, error) {
	in, err := f.open(new(atomic.Int64))
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read
	r, err := newCSVReader(newLineReader(in), spec)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.base, err)
	}
	return r.columns, nil
}
