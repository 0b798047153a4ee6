package rpc

import (
	"testing"

	"github.com/profferhq/proffer/domain"
)

// Whom nobody knows has no profile, which validate_only must not hide behind zeros.
func TestAStrangerHasNoProfile(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]domain.Alias{"": {}, "00000000000000000000000000000001": {15: 1}} {
		if got := aliasText(a[:]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
