package segment

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/expression"
)

// errMissing is what a rule meets that reads a feature without a value.
var errMissing = errors.New("segment: the feature is missing")

// environment lets rules read features.<name>.
func environment(view string, features []string) (*expression.Environment, error) {
	object := expression.Object{Name: "features", Unknown: func(name string) expression.Fault {
		return expression.Fault{Reason: "UNKNOWN_FEATURE", Message: fmt.Sprintf("the view %s has no feature %q%s", view, name, expression.Suggestion(name, features))}
	}}
	for i, name := range features {
		object.Fields = append(object.Fields, expression.Field{
			Name: name, Type: types.DoubleType, Absent: errMissing,
			Get: func(of any) any {
				if v := of.(*vector).values; i < len(v) && v[i] == v[i] {
					return types.Double(v[i])
				}
				return nil
			},
		})
	}
	e, err := expression.New([]expression.Object{object})
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	return e, nil
}

func compileRule(e *expression.Environment, when string) (expression.Compiled, []expression.Fault) {
	return e.Compile(when, "true or false", types.BoolType)
}

// vector is what is behind features.
type vector struct{ values []float64 }

// scope gives CEL the one variable.
type scope struct{ features expression.Instance }

func scopeOf(values []float64) *scope {
	return &scope{expression.InstanceOf("features", &vector{values})}
}

// ResolveName gives CEL the variable.
func (s *scope) ResolveName(name string) (any, bool) {
	if name == "features" {
		return &s.features, true
	}
	return nil, false
}

// Parent says that there is no outer scope.
func (s *scope) Parent() cel.Activation { return nil }

// holds says whether a condition is true; one that cannot be told, because a value is missing or a number overflows, is not.
func holds(c *expression.Compiled, s *scope) bool {
	out, err := c.Eval(s)
	return err == nil && out == types.True
}
