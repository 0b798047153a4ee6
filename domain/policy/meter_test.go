package policy

import (
	"testing"

	"cel.dev/cel-go/cel"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

func TestAnExpressionThatOutgrowsItsBoundIsStopped(t *testing.T) {
	t.Parallel()
	facts := factTypesOf(&event.Policy{}, feature.Core(), &findings{})
	env, err := newEnvironment(facts)
	if err != nil {
		t.Fatal(err)
	}
	checked, issues := env.Compile(`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, a + b > 0))`)
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(checked, cel.CostLimit(50))
	if err != nil {
		t.Fatal(err)
	}
	compiled := &Compiled{facts: facts}
	r := Rule{Name: "dear", When: Expression{program: program}}
	if ok, failure := r.Holds(compiled.Scope(Facts{})); ok || failure.Reason != ReasonCostExceeded || failure.Rule != "dear" {
		t.Errorf("holds %v, failure %+v; want COST_EXCEEDED", ok, failure)
	}
}
