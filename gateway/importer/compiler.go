package importer

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/ext"
)

// Names that every expression of a source sees; a let or a constant may not take them.
const (
	varRow    = "row"
	varLine   = "line"
	varFile   = "file"
	varOrigin = "origin"
	varEach   = "each"
	varRows   = "rows"
)

// tablePrefix stands before a table's name: each table is a variable of its own, so that a name that does not
// exist is found when the mapping is read.
const tablePrefix = "tables."

// compiler turns the texts of a mapping into programs. Each place has its own set of names.
type compiler struct {
	base     *cel.Env
	constant []string
	tables   []string
}

func newCompiler(m *Mapping) (*compiler, error) {
	options := append([]cel.EnvOption{ext.Strings()}, functions(m.Name, m.zone)...)
	if !m.origin.IsZero() {
		options = append(options, cel.Variable(varOrigin, cel.TimestampType))
	}
	base, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("make the expressions' environment: %w", err)
	}
	return &compiler{base: base}, nil
}

// place is where an expression stands: what it may name, and which names are rows. Those of one source or table share the
// columns they read.
type place struct {
	env     *cel.Env
	names   meanings
	columns *rowColumns
}

func (c *compiler) place(names ...string) (place, error) {
	options := make([]cel.EnvOption, 0, len(names))
	for _, name := range names {
		t := cel.DynType
		switch name {
		case varLine:
			t = cel.IntType
		case varFile:
			t = cel.StringType
		case varRows:
			t = cel.ListType(cel.DynType)
		}
		options = append(options, cel.Variable(name, t))
	}
	env, err := c.base.Extend(options...)
	if err != nil {
		return place{}, fmt.Errorf("declare names: %w", err)
	}
	return place{env, meanings{varRow: aRow}, &rowColumns{}}, nil
}

// with adds one name.
func (p place) with(name string, meaning meaning) (place, error) {
	env, err := p.env.Extend(cel.Variable(name, cel.DynType))
	if err != nil {
		return place{}, fmt.Errorf("declare a name: %w", err)
	}
	return place{env, p.names.with(name, meaning), p.columns}, nil
}

// compile checks one expression; field and line are for the error. An absent text gives a nil program.
func (p place) compile(field string, t text) (expression, error) {
	if !t.given() {
		return expression{}, nil
	}
	checked, issues := p.env.Compile(t.value)
	if err := issues.Err(); err != nil {
		first := issues.Errors()[0]
		return expression{}, fmt.Errorf("line %d: %s: %s (in %q)", t.line, field, first.Message, shorten(t.value))
	}
	program, err := p.env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return expression{}, fmt.Errorf("line %d: %s: %w", t.line, field, err)
	}
	p.columns.note(checked.NativeRep(), p.names, t.line)
	gives := p.names.of(ast.NavigateAST(checked.NativeRep()))
	return expression{text: t.value, program: program, result: checked.OutputType().String(), gives: gives}, nil
}

// condition is compile for an expression that says yes or no.
func (p place) condition(field string, t text) (expression, error) {
	e, err := p.compile(field, t)
	if err != nil || e.program == nil {
		return e, err
	}
	if e.result != "bool" && e.result != "dyn" {
		return e, fmt.Errorf("line %d: %s: want true or false, got %s", t.line, field, e.result)
	}
	return e, nil
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}

// lets compiles named expressions in order; each sees those before it.
func (c *compiler) lets(p place, field string, named namedTexts) ([]namedExpression, place, error) {
	var out []namedExpression
	for _, n := range named {
		if err := c.free(field, n); err != nil {
			return nil, p, err
		}
		e, err := p.compile(field+"."+n.name, n.text)
		if err != nil {
			return nil, p, err
		}
		out = append(out, namedExpression{n.name, e})
		if p, err = p.with(n.name, e.gives); err != nil {
			return nil, p, err
		}
		p.columns.lets = append(p.columns.lets, n.name)
	}
	return out, p, nil
}

// free says whether a name may be declared.
func (c *compiler) free(field string, n namedText) error {
	reserved := []string{varRow, varLine, varFile, "tables", varOrigin, varEach, varRows}
	if !wordPattern.MatchString(n.name) || slices.Contains(reserved, n.name) || slices.Contains(c.constant, n.name) {
		return fmt.Errorf("line %d: %s: %q cannot be a name here (taken, or not a word)", n.text.line, field, n.name)
	}
	return nil
}

func (c *compiler) constants(named namedTexts) ([]namedExpression, error) {
	p, err := c.place(c.tables...)
	if err != nil {
		return nil, err
	}
	out, _, err := c.lets(p, "constants", named)
	if err != nil {
		return nil, err
	}
	for _, e := range out {
		c.constant = append(c.constant, e.name)
	}
	return out, nil
}

func (c *compiler) table(d tableDocument) (*tableSpec, error) {
	in, err := compileInput(d.inputDocument)
	if err != nil {
		return nil, err
	}
	spec := &tableSpec{name: d.Name, input: in, kind: tableKind(d.Kind)}
	switch spec.kind {
	case "":
		spec.kind = tableRows
	case tableRows, tableCount, tableSet:
	default:
		return nil, fmt.Errorf("line %d: kind: want rows, count or set", d.inputDocument.Line)
	}
	if !wordPattern.MatchString(d.Name) || !d.Key.given() || d.Value.given() && spec.kind != tableRows {
		return nil, fmt.Errorf("line %d: a table needs a word as its name and a key; a value only when its kind is rows", d.inputDocument.Line)
	}
	p, err := c.place(varRow, varLine, varFile)
	if err != nil {
		return nil, err
	}
	spec.columns = p.columns
	if spec.lets, p, err = c.lets(p, "let", d.Let); err != nil {
		return nil, err
	}
	if spec.when, err = p.condition("when", d.When); err != nil {
		return nil, err
	}
	if spec.key, err = p.compile("key", d.Key); err != nil {
		return nil, err
	}
	if spec.value, err = p.compile("value", d.Value); err != nil {
		return nil, err
	}
	c.tables = append(c.tables, tablePrefix+d.Name)
	return spec, nil
}
