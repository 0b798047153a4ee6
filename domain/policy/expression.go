package policy

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// Expression is a constant or a compiled CEL expression.
type Expression struct {
	// Source is what the author wrote; for a part of a score that was left out, its default.
	Source string
	// Features, Models and Context are the names it reads, ascending.
	Features, Models, Context []string
	// Segments are the definitions of segments that it reads, ascending, and Sought the segments that it looks for in them.
	Segments []string
	Sought   []expression.Sought
	// Others are placement, channel and now, as far as it reads them.
	Others []string

	constant float64
	compiled *expression.Compiled
}

// Failure is why an expression has no answer, or why a candidate is refused. The zero Failure is none.
type Failure struct {
	// Rule is the name of the rule, limit or part of the score, or the purpose of a consent.
	Rule string
	// Reason is one of the Reason constants.
	Reason string
	// Detail is for explanations and may differ between versions; it is not part of a record.
	Detail string
}

// Holds evaluates a rule: true, or false with the reason for which it does not hold.
func (r Rule) Holds(s *Scope) (bool, Failure) {
	out, err := r.When.compiled.Eval(s)
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
	if e.compiled == nil {
		return e.constant, Failure{}
	}
	out, err := e.compiled.Eval(s)
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
	switch {
	case errors.As(err, &absent):
		return Failure{Reason: absent.reason, Detail: absent.name}
	case errors.Is(err, expression.Stopped):
		return Failure{Reason: ReasonCostExceeded, Detail: err.Error()}
	}
	return Failure{Reason: ReasonRuleError, Detail: err.Error()}
}

func compileOffer(env *environment, o *event.Offer, i int, found *findings) *Offer {
	out := &Offer{Event: o, Consents: Consents{o.GetConsent(), o.GetUnlessWithdrawn()}, index: i}
	at := "offers[" + strconv.Itoa(i) + "]"
	for j, r := range o.GetEligibility() {
		when := env.condition(at+".eligibility["+strconv.Itoa(j)+"].when", r.GetWhen(), found)
		out.Rules = append(out.Rules, Rule{Name: r.GetName(), When: when})
	}
	out.Propensity = env.number(at+".propensity", o.GetPropensity(), "1", found)
	out.Value = env.number(at+".value", o.GetValue(), "0", found)
	out.Weight = env.number(at+".weight", o.GetWeight(), "1", found)
	out.Cost = env.number(at+".cost", o.GetCost(), "0", found)
	if p := out.Propensity; p.compiled == nil && (p.constant < 0 || p.constant > 1) {
		found.add(at+".propensity", FaultOutOfRange, "must be between 0 and 1, is %s", p.Source)
	}
	return out
}

// environment compiles expressions of one policy.
type environment struct{ *expression.Environment }

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
	out := Expression{Source: source}
	compiled, faults := env.Compile(source, want, allowed...)
	for _, f := range faults {
		found.add(field, f.Reason, "%s", f.Message)
	}
	out.Features, out.Models, out.Context = compiled.Reads["features"], compiled.Reads["models"], compiled.Reads["context"]
	out.Segments, out.Sought = compiled.Reads[segmentsName], compiled.Sought
	out.Others = compiled.Variables
	if len(faults) == 0 {
		out.compiled = &compiled
	}
	return out
}
