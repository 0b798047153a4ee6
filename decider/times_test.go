package decider_test

import (
	"testing"

	"github.com/profferhq/proffer/decider/decidertest"
)

func TestTheMemoryLogKnowsItsTimes(t *testing.T) {
	t.Parallel()
	decidertest.RunTimesSuite(t, func(*testing.T) decidertest.TimedLog { return decidertest.NewLog(2) })
}
