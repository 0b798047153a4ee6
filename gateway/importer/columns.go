package importer

import (
	"fmt"
	"slices"
	"sync/atomic"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// rowColumns are the columns that the expressions of one source or table read of its rows.
type rowColumns struct {
	read []readColumn
	// asked are those that an expression asks for, has(row.x) or 'x' in row: a file may be without them.
	asked []string
	// lets are what the rows of a group have beside their columns.
	lets []string
}

// readColumn is a column with the line of the mapping that reads it.
type readColumn struct {
	name string
	line int
}

// note adds what an expression at that line reads; names are those it may use.
func (c *rowColumns) note(expression *ast.AST, names meanings, line int) {
	for _, e := range ast.MatchDescendants(ast.NavigateAST(expression), readsOrAsks) {
		if e.Kind() == ast.SelectKind {
			of := names.of(nav(e.AsSelect().Operand()))
			c.add(of, e.AsSelect().FieldName(), e.AsSelect().IsTestOnly(), line)
		} else {
			c.addCall(e.AsCall(), names, line)
		}
	}
}

func readsOrAsks(e ast.NavigableExpr) bool {
	return e.Kind() == ast.SelectKind || e.Kind() == ast.CallKind && len(e.AsCall().Args()) == 2
}

// addCall adds row['x'], 'x' in row and sum(rows, 'x').
func (c *rowColumns) addCall(call ast.CallExpr, names meanings, line int) {
	first, second := nav(call.Args()[0]), nav(call.Args()[1])
	switch call.FunctionName() {
	case operators.Index:
		c.addLiteral(names.of(first), second, false, line)
	case operators.In:
		c.addLiteral(names.of(second), first, true, line)
	case "sum":
		c.addLiteral(names.of(first).element(), second, false, line)
	}
}

func (c *rowColumns) addLiteral(of meaning, column ast.Expr, asked bool, line int) {
	if name, ok := literal(column); ok {
		c.add(of, name, asked, line)
	}
}

func (c *rowColumns) add(of meaning, name string, asked bool, line int) {
	switch {
	case of != aRow && of != aMember, of == aMember && slices.Contains(c.lets, name):
	case asked:
		c.asked = append(c.asked, name)
	default:
		c.read = append(c.read, readColumn{name, line})
	}
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
