package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natskv"
)

func TestADamagedLogSaysWhatHelps(t *testing.T) {
	t.Parallel()
	for _, damage := range []error{domain.ErrChainBroken, domain.ErrEnvelopeCorrupt, natskv.ErrVaultDamaged, domain.ErrEndLost} {
		var out strings.Builder
		code := exitCode(fmt.Errorf("start ingesting: %w: BEHAVIOUR/17", damage), &out)
		if code != ExitFailed || !strings.Contains(out.String(), "BEHAVIOUR/17\n") || !strings.Contains(out.String(), "Restore the whole data folder from a backup") {
			t.Errorf("code %d: %s", code, out.String())
		}
		if got, want := strings.Contains(out.String(), "proffer rebuild folds what is left"), errors.Is(damage, domain.ErrEndLost); got != want {
			t.Errorf("%v: that a rebuild helps is said: %v", damage, got)
		}
	}
	var out strings.Builder
	if exitCode(errors.New("something else"), &out); strings.Contains(out.String(), "Restore") {
		t.Error(out.String())
	}
}
