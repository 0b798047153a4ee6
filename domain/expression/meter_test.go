package expression

import (
	"errors"
	"testing"

	"cel.dev/cel-go/cel"
)

func TestAnExpressionThatOutgrowsItsBoundIsStopped(t *testing.T) {
	t.Parallel()
	env, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	checked, issues := env.cel.Compile(`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, a + b > 0))`)
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.cel.Program(checked, cel.CostLimit(50))
	if err != nil {
		t.Fatal(err)
	}
	nothing, err := cel.NewActivation(map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&Compiled{program: program}).Eval(nothing); !errors.Is(err, Stopped) {
		t.Errorf("error %v, want Stopped", err)
	}
}
