package policy

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/profferhq/proffer/domain/event"
)

// Expression is a constant or a compiled CEL expression.
type Expression struct {
	// Source is what the author wrote; for a part of a score that was left out, its default.
	Source string
	// Features, Models and Context are the names it reads, ascending.
	Features, Models, Context []string
	// Others are placement, channel and now, as far as it reads them.
	Others []string

	constant float64
	program  cel.Program
}

// Failure is why an expression has no answer, or why a candidate is refused. The zero Failure is none.
type Failure struct {
	// Rule is the name of the rule, limit or part of the score.
	Rule string
	// Reason is one of the Reason constants.
	Reason string
	// Detail is for explanations and may differ between versions; it is not part of a record.
	Detail string
}

// Holds evaluates a rule: true, or false with the reason for which it does not hold.
func (r Rule) Holds(s *Scope) (bool, Failure) {
	out, _, err := r.When.program.Eval(s)
	if err != nil {
		f := failureOf(err)
		f.Rule = r.Name
		return false, f
	}
	if out != types.True {
		return false, Failure{Rule: r.Name, Reason: ReasonRuleFalse}
	}
	return true, Failure{}
}

// Eligible evaluates the rules in order up to the first that does not hold.
func (o *Offer) Eligible(s *Scope) Failure {
	for _, r := range o.Rules {
		if ok, failure := r.Holds(s); !ok {
			return failure
		}
	}
	return Failure{}
}

// Number evaluates a part of a score. It may be NaN or infinite.
func (e *Expression) Number(s *Scope) (float64, Failure) {
	if e.program == nil {
		return e.constant, Failure{}
	}
	out, _, err := e.program.Eval(s)
	if err != nil {
		return 0, failureOf(err)
	}
	switch n := out.(type) {
	case types.Double:
		return float64(n), Failure{}
	case types.Int:
		return float64(n), Failure{}
	}
	return 0, Failure{Reason: ReasonRuleError, Detail: "not a number"}
}

func failureOf(err error) Failure {
	var absent *missing
	var stopped interpreter.EvalCancelledError
	switch {
	case errors.As(err, &absent):
		return Failure{Reason: absent.reason, Detail: absent.name}
	case errors.As(err, &stopped):
		return Failure{Reason: ReasonCostExceeded, Detail: stopped.Error()}
	}
	return Failure{Reason: ReasonRuleError, Detail: err.Error()}
}

func compileOffer(env *environment, o *event.Offer, i int, found *findings) *Offer {
	out := &Offer{Event: o, index: i}
	at := "offers[" + strconv.Itoa(i) + "]"
	for j, r := range o.GetEligibility() {
		when := env.condition(at+".eligibility["+strconv.Itoa(j)+"].when", r.GetWhen(), found)
		out.Rules = append(out.Rules, Rule{Name: r.GetName(), When: when})
	}
	out.Propensity = env.number(at+".propensity", o.GetPropensity(), "1", found)
	out.Value = env.number(at+".value", o.GetValue(), "0", found)
	out.Weight = env.number(at+".weight", o.GetWeight(), "1", found)
	out.Cost = env.number(at+".cost", o.GetCost(), "0", found)
	if p := out.Propensity; p.program == nil && (p.constant < 0 || p.constant > 1) {
		found.add(at+".propensity", FaultOutOfRange, "must be between 0 and 1, is %s", p.Source)
	}
	return out
}

// environment compiles expressions of one policy.
type environment struct {
	*cel.Env
	facts *factTypes
	known map[string]bool
}

func (env *environment) condition(field, source string, found *findings) Expression {
	if strings.TrimSpace(source) == "" {
		found.add(field, FaultRequired, "a rule needs a condition")
		return Expression{}
	}
	return env.compile(field, source, "true or false", found, types.BoolType)
}

func (env *environment) number(field, source, whenEmpty string, found *findings) Expression {
	source = strings.TrimSpace(source)
	if source == "" {
		source = whenEmpty
	}
	if n, ok := constantOf(source); ok {
		return Expression{Source: source, constant: n}
	}
	return env.compile(field, source, "a number", found, types.DoubleType, types.IntType)
}

// constantOf reads a decimal constant.
func constantOf(source string) (float64, bool) {
	if strings.Trim(source, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(source, 64)
	return n, err == nil && !math.IsInf(n, 0)
}

func (env *environment) compile(field, source, want string, found *findings, allowed ...*types.Type) Expression {
	if len(source) > MaxExpression {
		found.add(field, FaultTooLong, "is longer than %d bytes", MaxExpression)
		return Expression{}
	}
	out := Expression{Source: source}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		found.add(field, FaultExpression, "%s", tidy(issues))
		return out
	}
	if !env.names(field, parsed.NativeRep().Expr(), &out, found) {
		return out
	}
	literals{facts: env.facts, factory: ast.NewExprFactory()}.widenIn(parsed.NativeRep().Expr())
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		found.add(field, FaultExpression, "%s", tidy(issues))
		return out
	}
	if !slices.ContainsFunc(allowed, checked.OutputType().IsExactType) {
		found.add(field, FaultExpressionType, "gives %s, must give %s", checked.OutputType(), want)
		return out
	}
	out.program = env.program(field, checked, found)
	return out
}

// program bounds the cost of a checked expression and plans it.
func (env *environment) program(field string, checked *cel.Ast, found *findings) cel.Program {
	cost, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		found.add(field, FaultExpression, "its cost cannot be bounded: %v", err)
		return nil
	}
	if cost.Max > MaxCost {
		found.add(field, FaultExpressionTooDear, "may cost more than %d steps: make it shorter, or split it into rules", MaxCost)
		return nil
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if cost.Max > meteredCost {
		options = append(options, cel.CostLimit(MaxCost))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		found.add(field, FaultExpression, "%v", err)
		return nil
	}
	return program
}

// fixedZone is the only form of a time zone whose meaning never changes.
var fixedZone = regexp.MustCompile(`^[+-]\d\d:\d\d$`)

// names gathers what an expression reads, and finds what the checker would not name as well: features and facts
// that do not exist, the three objects used as values, and time zones by name (their rules change over the years,
// and a replay must not).
func (env *environment) names(field string, root ast.Expr, out *Expression, found *findings) bool {
	before := len(found.problems)
	selected := map[int64]bool{}
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			env.selection(field, e.AsSelect(), selected, out, found)
		case ast.IdentKind:
			env.identifier(field, e, selected[e.ID()], out, found)
		case ast.CallKind:
			checkZone(field, e.AsCall(), found)
		case ast.StructKind:
			found.add(field, FaultExpression, "an expression cannot make a %s", e.AsStruct().TypeName())
		}
	}))
	for _, list := range []*[]string{&out.Features, &out.Models, &out.Context, &out.Others} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return len(found.problems) == before
}

func (env *environment) selection(field string, s ast.SelectExpr, selected map[int64]bool, out *Expression, found *findings) {
	of := s.Operand()
	if of.Kind() != ast.IdentKind {
		return
	}
	name := s.FieldName()
	switch of.AsIdent() {
	case "features":
		selected[of.ID()] = true
		out.Features = append(out.Features, name)
		if !env.known[name] {
			found.add(field, FaultUnknownFeature, "the view %s has no feature %q%s",
				env.facts.view.Name(), name, suggestion(name, env.facts.features))
		}
	case "models":
		selected[of.ID()] = true
		out.Models = append(out.Models, name)
		if !slices.Contains(env.facts.models, name) {
			found.add(field, FaultUnknownModel, "the policy names no model %q%s", name, suggestion(name, env.facts.models))
		}
	case "context":
		selected[of.ID()] = true
		out.Context = append(out.Context, name)
		if _, known := env.facts.contextIndex[name]; !known {
			found.add(field, FaultUnknownContext, "no placement declares the fact %q%s",
				name, suggestion(name, env.facts.contextNames()))
		}
	}
}

func (env *environment) identifier(field string, e ast.Expr, selected bool, out *Expression, found *findings) {
	switch name := e.AsIdent(); name {
	case "features", "models", "context":
		if !selected {
			found.add(field, FaultExpression, "%s can only be read by name: %s.<name>", name, name)
		}
	case "placement", "channel", "now":
		out.Others = append(out.Others, name)
	}
}

func checkZone(field string, call ast.CallExpr, found *findings) {
	if !call.IsMemberFunction() || !strings.HasPrefix(call.FunctionName(), "get") || len(call.Args()) != 1 {
		return
	}
	zone := call.Args()[0]
	if zone.Kind() == ast.LiteralKind {
		if text, ok := zone.AsLiteral().(types.String); ok && (text == "UTC" || fixedZone.MatchString(string(text))) {
			return
		}
	}
	found.add(field, FaultExpression, `%s takes a fixed offset like "+08:00": the rules of named time zones change`, call.FunctionName())
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
