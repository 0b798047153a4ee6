package policy

import (
	"fmt"
	"testing"

	"github.com/profferhq/proffer/domain/expression"
)

func TestAnExpressionThatWasStoppedSaysSo(t *testing.T) {
	t.Parallel()
	if f := failureOf(fmt.Errorf("%w: after 20,001 steps", expression.Stopped)); f.Reason != ReasonCostExceeded {
		t.Errorf("failure %+v, want COST_EXCEEDED", f)
	}
}
