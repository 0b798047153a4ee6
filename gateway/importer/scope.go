package importer

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// globals are what every row of an import sees.
type globals struct {
	mapping   *Mapping
	tables    map[string]*table // by "tables.<name>"
	constants map[string]any
}

// scope is what the expressions of one row see. A let is evaluated when it is first named, once a row.
// A scope serves one goroutine and is used again for row after row.
type scope struct {
	globals *globals
	file    string
	row     any
	line    int
	each    ref.Val
	rows    ref.Val
	lets    []namedExpression
	values  []ref.Val
}

func newScope(g *globals, file string, lets []namedExpression) *scope {
	return &scope{globals: g, file: file, lets: lets, values: make([]ref.Val, len(lets))}
}

// enter makes the scope that of another row.
func (s *scope) enter(row any, line int) {
	s.row, s.line, s.each, s.rows = row, line, nil, nil
	clear(s.values)
}

// ResolveName is how CEL reads a variable.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case varRow:
		return s.row, true
	case varLine:
		return types.Int(s.line), true
	case varFile:
		return types.String(s.file), true
	case varOrigin:
		return types.Timestamp{Time: s.globals.mapping.origin}, true
	case varEach:
		return s.each, s.each != nil
	case varRows:
		return s.rows, s.rows != nil
	}
	for i := range s.lets {
		if s.lets[i].name == name {
			return s.let(i), true
		}
	}
	if value, known := s.globals.constants[name]; known {
		return value, true
	}
	if t, known := s.globals.tables[name]; known {
		return t, true
	}
	return nil, false
}

// Parent is none.
func (s *scope) Parent() cel.Activation { return nil }

func (s *scope) let(i int) ref.Val {
	if s.values[i] == nil {
		value, err := s.eval(s.lets[i].expression)
		if err != nil {
			value = types.WrapErr(err)
		}
		s.values[i] = value
	}
	return s.values[i]
}

func (s *scope) eval(e expression) (ref.Val, error) {
	value, _, err := e.program.Eval(s)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// holds evaluates a condition; an absent one holds.
func (s *scope) holds(e expression) (bool, error) {
	if e.program == nil {
		return true, nil
	}
	value, err := s.eval(e)
	if err != nil {
		return false, err
	}
	yes, ok := value.(types.Bool)
	if !ok {
		return false, plainError{errNotBool}
	}
	return bool(yes), nil
}
