package natskv_test

import (
	"errors"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/lease/leasetest"
	"github.com/profferhq/proffer/gateway/natskv"
)

func TestLeasesAreALeaseStore(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	leases, err := natskv.OpenLeases(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	leasetest.RunStoreSuite(t, leases)
	again, err := natskv.OpenLeases(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	if holder, _, err := again.Load(t.Context(), "move"); holder != "b" || err != nil {
		t.Errorf("another process finds %q, %v", holder, err)
	}
	nc.Close()
	if _, _, err := leases.Load(t.Context(), "move"); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	if _, err := leases.Store(t.Context(), "move", "a", 1); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
}
