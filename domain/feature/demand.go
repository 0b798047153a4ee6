package feature

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// Moment is when, and for which request, a vector is read.
type Moment struct {
	// NowMS is where windows end, Unix milliseconds.
	NowMS              int64
	Placement, Channel string
	// Context are the facts of the request; those that the view does not declare are not looked at.
	Context []*event.ContextValue
}

// demand computes one feature from a request and the other features.
type demand struct {
	index    int
	compiled *expression.Compiled
	fallback float64
}

// errNoValue: a feature, or a fact of the request, has no value.
var errNoValue = errors.New("feature: no value")

// demands compiles what is computed on demand, each after those that it reads.
func (c *compiler) demands() {
	env := c.demandEnvironment()
	if env == nil {
		return
	}
	reads := map[int][]int{}
	compiled := map[int]*expression.Compiled{}
	for i, s := range c.document.Features {
		if s.Aggregation != OnDemand {
			continue
		}
		one, faults := env.Compile(s.Expression, "a number, or true or false", types.DoubleType, types.IntType, types.BoolType)
		for _, f := range faults {
			c.found.Add(featureAt(i)+".expression", f.Reason, "%s", f.Message)
		}
		if len(faults) > 0 {
			continue
		}
		compiled[i] = &one
		for _, name := range one.Reads["features"] {
			at := slices.IndexFunc(c.document.Features, func(s Spec) bool { return s.Name == name })
			if c.document.Features[at].Aggregation == OnDemand {
				reads[i] = append(reads[i], at)
			}
		}
	}
	for _, i := range c.inOrder(reads) {
		if compiled[i] != nil {
			c.plan.demands = append(c.plan.demands, demand{index: i, compiled: compiled[i], fallback: c.plan.steps[i].fallback})
		}
	}
}

// demandEnvironment is nil when nothing is computed on demand, or the context's declaration has faults.
func (c *compiler) demandEnvironment() *expression.Environment {
	features := expression.Object{Name: "features"}
	var names []string
	needed := false
	for i, s := range c.document.Features {
		needed = needed || s.Aggregation == OnDemand
		names = append(names, s.Name)
		features.Fields = append(features.Fields, expression.Field{
			Name: s.Name, Type: types.DoubleType, Absent: errNoValue, Get: func(of any) any {
				if x := of.([]float64)[i]; x == x {
					return types.Double(x)
				}
				return nil
			},
		})
	}
	features.Unknown = func(name string) expression.Fault {
		return expression.Fault{Reason: FaultUnknownFeature, Message: fmt.Sprintf("the view has no feature %q%s", name, expression.Suggestion(name, names))}
	}
	if !needed {
		return nil
	}
	env, err := expression.New([]expression.Object{features, c.contextObject()},
		expression.Variable{Name: "placement", Type: types.StringType},
		expression.Variable{Name: "channel", Type: types.StringType},
		expression.Variable{Name: "now", Type: types.TimestampType})
	if err != nil {
		c.found.Add("features", problem.Invalid, "%v", err)
		return nil
	}
	return env
}

func (c *compiler) contextObject() expression.Object {
	o := expression.Object{Name: "context"}
	c.plan.context = map[string]int{}
	typed := map[string]*types.Type{"text": types.StringType, "number": types.DoubleType, "flag": types.BoolType}
	var names []string
	for i, f := range c.document.Context {
		names = append(names, f.Name)
		c.plan.context[f.Name] = i
		o.Fields = append(o.Fields, expression.Field{
			Name: f.Name, Type: typed[f.Type], Absent: errNoValue, Get: func(of any) any {
				if x := of.([]ref.Val)[i]; x != nil && x.Type() == typed[f.Type] {
					return x
				}
				return nil
			},
		})
	}
	o.Unknown = func(name string) expression.Fault {
		return expression.Fault{Reason: FaultUnknownContext, Message: fmt.Sprintf(
			"the view's context declares no %q%s", name, expression.Suggestion(name, names))}
	}
	return o
}

// inOrder is the demands, each after those it reads. One that reads itself, at whatever distance, is a fault.
func (c *compiler) inOrder(reads map[int][]int) []int {
	const underWay, done = 1, 2
	state := map[int]int{}
	var order, path []int
	var visit func(i int) bool
	visit = func(i int) bool {
		switch state[i] {
		case done:
			return true
		case underWay:
			var names []string
			for _, at := range append(path[slices.Index(path, i):], i) {
				names = append(names, c.document.Features[at].Name)
			}
			c.found.Add(featureAt(i)+".expression", FaultCycle, "is computed from itself: %s", strings.Join(names, " reads "))
			return false
		}
		state[i], path = underWay, append(path, i)
		for _, at := range reads[i] {
			if !visit(at) {
				return false
			}
		}
		state[i], path = done, path[:len(path)-1]
		order = append(order, i)
		return true
	}
	for i, s := range c.document.Features {
		if s.Aggregation == OnDemand && !visit(i) {
			return nil
		}
	}
	return order
}

// request is what the expressions of one reading see.
type request struct {
	placement, channel ref.Val
	now                ref.Val
	context            []ref.Val

	featuresOf, contextOf expression.Instance
}

// ResolveName gives CEL the variables.
func (r *request) ResolveName(name string) (any, bool) {
	switch name {
	case "features":
		return &r.featuresOf, true
	case "context":
		return &r.contextOf, true
	case "placement":
		return r.placement, true
	case "channel":
		return r.channel, true
	case "now":
		return r.now, true
	}
	return nil, false
}

// Parent says that there is no outer scope.
func (r *request) Parent() cel.Activation { return nil }

// demand fills in the features of a vector that are computed on demand; one that cannot be has its default.
func (p *plan) demand(m Moment, vector []float64) {
	r := &request{
		placement: types.String(m.Placement), channel: types.String(m.Channel),
		now: types.Timestamp{Time: time.UnixMilli(m.NowMS).UTC()}, context: make([]ref.Val, len(p.context)),
	}
	for _, v := range m.Context {
		i, declared := p.context[v.GetName()]
		if !declared {
			continue
		}
		switch of := v.GetValue().(type) {
		case *event.ContextValue_Text:
			r.context[i] = types.String(of.Text)
		case *event.ContextValue_Number:
			r.context[i] = types.Double(of.Number)
		case *event.ContextValue_Flag:
			r.context[i] = types.Bool(of.Flag)
		}
	}
	r.featuresOf = expression.InstanceOf("features", vector)
	r.contextOf = expression.InstanceOf("context", r.context)
	for _, d := range p.demands {
		vector[d.index] = d.fallback
		if x, ok := numberOf(d.compiled.Quick(r)); ok {
			vector[d.index] = x
		}
	}
}

// numberOf is false of nil, too.
func numberOf(v ref.Val) (float64, bool) {
	switch n := v.(type) {
	case types.Double:
		return float64(n), n-n == 0
	case types.Int:
		return float64(n), true
	case types.Bool:
		if n {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
