package feature

import (
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// Selection is which events of some kinds count, and for what amount, for those who look at events one by one: as the
// features of a view with the same source, filter and value would take them. It is safe for concurrent use.
type Selection struct {
	kinds         []Kind
	set           uint16
	filter, value *expression.Compiled
}

// NewSelection compiles a selection; what is wrong with it is found at <at>.source, <at>.filter and <at>.value.
func NewSelection(at string, source []string, filter, value string, found *problem.List) *Selection {
	before := len(*found)
	s := &Selection{kinds: parseKinds(at+"source", source, found)}
	if len(source) == 0 {
		found.Add(at+"source", problem.Required, "source is empty")
	}
	if len(*found) > before {
		return s
	}
	slices.Sort(s.kinds)
	s.set = setOf(s.kinds)
	objects := []expression.Object{factsObject("event", eventFacts(), s.kinds)}
	s.filter = compileOver(objects, at+"filter", filter, "true or false", found, types.BoolType)
	s.value = compileOver(objects, at+"value", value, "a number", found, types.DoubleType, types.IntType)
	return s
}

// compileOver compiles one expression; nil when there is none, or it has faults.
func compileOver(
	objects []expression.Object, field, source, want string, found *problem.List, allowed ...*types.Type,
) *expression.Compiled {
	if source == "" {
		return nil
	}
	env, err := expression.New(objects)
	if err != nil {
		found.Add(field, problem.Invalid, "%v", err)
		return nil
	}
	compiled, faults := env.Compile(source, want, allowed...)
	for _, f := range faults {
		found.Add(field, f.Reason, "%s", f.Message)
	}
	if len(faults) > 0 {
		return nil
	}
	return &compiled
}

// Kinds are the kinds of events that are looked at, ascending.
func (s *Selection) Kinds() []Kind { return slices.Clone(s.kinds) }

// Plain says whether Take looks at no more of an event than the fold of an activity reads.
func (s *Selection) Plain() bool { return s.filter == nil && s.value == nil }

// Take is what an event counts for, in micros; false when it does not count. An expression that fails means that it
// does not.
func (s *Selection) Take(e *event.Event) (micros int64, ok bool) {
	k := kindOf(e)
	if s.set&(1<<k) == 0 {
		return 0, false
	}
	micros, _ = amountsOf(e)
	if s.Plain() {
		return micros, true
	}
	var o occurrence
	o.set(e)
	if s.filter != nil && !holds(s.filter, &o) {
		return 0, false
	}
	if s.value == nil {
		return micros, true
	}
	out, err := s.value.Eval(&o)
	if err != nil {
		return 0, false
	}
	return microsOf(out)
}

// ParseSpan reads a length of time as views write it ("5m", "1h", "30d", up to 400 days), in milliseconds.
func ParseSpan(written string) (int64, error) { return span(written) }
