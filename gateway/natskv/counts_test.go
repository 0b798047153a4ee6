package natskv_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/projections"
)

func openCounts(t *testing.T, nc *nats.Conn, incarnation string) *natskv.Counts {
	t.Helper()
	c, err := natskv.OpenCounts(t.Context(), nc, natskv.CountsOptions{Incarnation: incarnation})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func storeCounts(t *testing.T, c *natskv.Counts, counts projections.Counts) {
	t.Helper()
	if err := c.StoreCounts(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
}

func wantCounts(t *testing.T, what string, c *natskv.Counts, want projections.Counts) {
	t.Helper()
	got, err := c.LoadCounts(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s: %v (-want +loaded):\n%s", what, err, diff)
	}
}

func twenty() projections.Counts {
	return projections.Counts{Cut: domain.Cut{20}, Events: map[string]uint64{"viewed": 20}}
}

// TestDamagedCountsAreCountedAgain and kept from then on.
func TestDamagedCountsAreCountedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := vaultServer(t, dir, "always")
	storeCounts(t, openCounts(t, vaultConn(t, e), ""), twenty())
	e.Close()
	changeBit(t, dir, "KV_state")
	c := openCounts(t, vaultConn(t, vaultServer(t, dir, "always")), "")
	wantCounts(t, "damaged", c, projections.Counts{})
	storeCounts(t, c, twenty())
	wantCounts(t, "stored again", c, twenty())
}

func TestCountsOfAnotherIncarnationAreCountedAgain(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	storeCounts(t, openCounts(t, nc, "monday"), twenty())
	wantCounts(t, "the same", openCounts(t, nc, "monday"), twenty())
	wantCounts(t, "another", openCounts(t, nc, "tuesday"), projections.Counts{})
}
