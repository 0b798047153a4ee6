package expression

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Fault is what is wrong with an expression, in its author's terms.
type Fault struct {
	// Reason is UPPER_SNAKE: one of the constants below, or what Object.Unknown says.
	Reason  string
	Message string
}

// Reasons of faults.
const (
	Invalid      = "INVALID_EXPRESSION"
	WrongType    = "WRONG_TYPE"
	TooLong      = "TOO_LONG"
	TooExpensive = "TOO_EXPENSIVE"
)

// Compiled is an expression ready to evaluate. It is safe for concurrent use.
type Compiled struct {
	// Reads are the fields that it reads of each object, ascending; Variables the variables.
	Reads     map[string][]string
	Variables []string
	// Sought are the texts that it looks for in lists that it reads: "tea" in event.items.
	Sought []Sought

	program cel.Program
	direct  *direct // nil when the expression is of no plain shape
}

// Sought is a text that an expression looks for in a list: a field of an object.
type Sought struct{ Object, Field, Text string }

// Quick is Eval for who does not ask why there is no value, then nil: a good deal faster for plain expressions.
func (c *Compiled) Quick(scope cel.Activation) ref.Val {
	if c.direct != nil {
		return c.direct.eval(scope)
	}
	out, err := c.interpret(scope)
	if err != nil {
		return nil
	}
	return out
}

// Stopped says that an evaluation was ended because it cost more than MaxCost.
var Stopped = errors.New("expression: stopped: it costs too much") //nolint:staticcheck,errname // reads as a state

// Eval evaluates the expression. It fails with Stopped, with the Absent error of a field that has no value, or with
// CEL's own (an overflow, a division by zero).
func (c *Compiled) Eval(scope cel.Activation) (ref.Val, error) {
	if c.direct != nil {
		if out := c.direct.eval(scope); out != nil {
			return out, nil
		}
	}
	return c.interpret(scope) // which says why there is no value
}

func (c *Compiled) interpret(scope cel.Activation) (ref.Val, error) {
	out, _, err := c.program.Eval(scope)
	if err == nil {
		return out, nil
	}
	if stopped := (interpreter.EvalCancelledError{}); errors.As(err, &stopped) {
		return nil, fmt.Errorf("%w: %w", Stopped, err)
	}
	return nil, err
}

// Compile checks an expression and plans it; want says in words what it must give, one of the allowed types. All
// faults of the kind that was found first are returned together.
func (e *Environment) Compile(source, want string, allowed ...*types.Type) (Compiled, []Fault) {
	if len(source) > MaxBytes {
		return Compiled{}, fault(TooLong, "is longer than %d bytes", MaxBytes)
	}
	parsed, issues := e.cel.Parse(source)
	if issues.Err() != nil {
		return Compiled{}, fault(Invalid, "%s", tidy(issues))
	}
	r := e.readingOf(parsed.NativeRep().Expr())
	if len(r.faults) > 0 {
		return r.compiled, r.faults
	}
	literals{objects: e.objects, factory: ast.NewExprFactory()}.widenIn(parsed.NativeRep().Expr())
	checked, issues := e.cel.Check(parsed)
	if issues.Err() != nil {
		return r.compiled, fault(Invalid, "%s", tidy(issues))
	}
	if !slices.ContainsFunc(allowed, checked.OutputType().IsExactType) {
		return r.compiled, fault(WrongType, "gives %s, must give %s", checked.OutputType(), want)
	}
	var faults []Fault
	r.compiled.program, faults = e.program(checked)
	r.compiled.direct = e.directOf(checked.NativeRep(), checked.NativeRep().Expr())
	return r.compiled, faults
}

func fault(reason, format string, args ...any) []Fault {
	return []Fault{{Reason: reason, Message: fmt.Sprintf(format, args...)}}
}

// program bounds the cost of a checked expression and plans it.
func (e *Environment) program(checked *cel.Ast) (cel.Program, []Fault) {
	cost, err := e.cel.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, fault(Invalid, "its cost cannot be bounded: %v", err)
	}
	if cost.Max > MaxCost {
		return nil, fault(TooExpensive, "may cost more than %d steps: make it shorter, or split it", MaxCost)
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if cost.Max > meteredCost {
		options = append(options, cel.CostLimit(MaxCost))
	}
	program, err := e.cel.Program(checked, options...)
	if err != nil {
		return nil, fault(Invalid, "%v", err)
	}
	return program, nil
}

// fixedZone is the only form of a time zone whose meaning never changes.
var fixedZone = regexp.MustCompile(`^[+-]\d\d:\d\d$`)

// reading gathers what an expression reads, and finds what the checker would not name as well: fields that do not
// exist, objects used as values, and time zones by name (their rules change over the years, and a replay must not).
type reading struct {
	environment *Environment
	compiled    Compiled
	selected    map[int64]bool
	faults      []Fault
}

func (e *Environment) readingOf(root ast.Expr) *reading {
	r := &reading{environment: e, selected: map[int64]bool{}}
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.SelectKind:
			r.selection(x.AsSelect())
		case ast.IdentKind:
			r.identifier(x)
		case ast.CallKind:
			r.call(x.AsCall())
		case ast.StructKind:
			r.fault(Invalid, "an expression cannot make a %s", x.AsStruct().TypeName())
		}
	}))
	for name, fields := range r.compiled.Reads {
		slices.Sort(fields)
		r.compiled.Reads[name] = slices.Compact(fields)
	}
	slices.Sort(r.compiled.Variables)
	r.compiled.Variables = slices.Compact(r.compiled.Variables)
	return r
}

func (r *reading) fault(reason, format string, args ...any) {
	r.faults = append(r.faults, fault(reason, format, args...)...)
}

func (r *reading) selection(s ast.SelectExpr) {
	of := s.Operand()
	if of.Kind() != ast.IdentKind {
		return
	}
	o, known := r.environment.objects[of.AsIdent()]
	if !known {
		return
	}
	r.selected[of.ID()] = true
	if r.compiled.Reads == nil {
		r.compiled.Reads = map[string][]string{}
	}
	name := s.FieldName()
	r.compiled.Reads[o.Name] = append(r.compiled.Reads[o.Name], name)
	if _, known := o.field(name); !known {
		r.faults = append(r.faults, o.Unknown(name))
	}
}

func (r *reading) identifier(x ast.Expr) {
	name := x.AsIdent()
	if _, known := r.environment.objects[name]; known && !r.selected[x.ID()] {
		r.fault(Invalid, "%s can only be read by name: %s.<name>", name, name)
	}
	if slices.Contains(r.environment.variables, name) {
		r.compiled.Variables = append(r.compiled.Variables, name)
	}
}

func (r *reading) call(call ast.CallExpr) {
	if call.FunctionName() == operators.In {
		r.sought(call.Args()[0], call.Args()[1])
	}
	if !call.IsMemberFunction() || !strings.HasPrefix(call.FunctionName(), "get") || len(call.Args()) != 1 {
		return
	}
	zone := call.Args()[0]
	if zone.Kind() == ast.LiteralKind {
		if text, ok := zone.AsLiteral().(types.String); ok && (text == "UTC" || fixedZone.MatchString(string(text))) {
			return
		}
	}
	r.fault(Invalid, `%s takes a fixed offset like "+08:00": the rules of named time zones change`, call.FunctionName())
}

// sought takes a literal text that is looked for in a field.
func (r *reading) sought(what, in ast.Expr) {
	if what.Kind() != ast.LiteralKind || in.Kind() != ast.SelectKind || in.AsSelect().Operand().Kind() != ast.IdentKind {
		return
	}
	text, is := what.AsLiteral().(types.String)
	object := in.AsSelect().Operand().AsIdent()
	if _, known := r.environment.objects[object]; is && known {
		r.compiled.Sought = append(r.compiled.Sought, Sought{Object: object, Field: in.AsSelect().FieldName(), Text: string(text)})
	}
}

// tidy is CEL's message without its drawing of the source.
func tidy(issues *cel.Issues) string {
	var lines []string
	for _, e := range issues.Errors() {
		lines = append(lines, "column "+strconv.Itoa(e.Location.Column()+1)+": "+e.Message)
		if len(lines) == 3 {
			break
		}
	}
	return strings.Join(lines, "; ")
}
