package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/natslog"
)

// A server is killed while it holds the cluster's work, and another one on the same log goes on with it.
func TestAnotherServerGoesOnWithTheWorkOfOneThatWasKilled(t *testing.T) {
	t.Parallel()
	nats := startNATS(t, natslog.EmbeddedOptions{Dir: t.TempDir(), Sync: "100ms"})
	shared := []string{"--no-database", "--nats-url", urlOf(t, nats)}
	first := serve(t, t.TempDir(), shared...)
	for n := range 3 {
		first.send(&profferv1.Item{Type: "purchase", MessageId: fmt.Sprint("m", n), Amount: fmt.Sprint(40 * n), Currency: "EUR"}, fmt.Sprintf("user_id:u%d", n))
	}
	first.define(richFrom("60.0"))
	first.awaitCounts("the first server", map[string]uint64{"segment_entered": 4})
	first.kill()
	second := serve(t, t.TempDir(), append(shared, "--vault-key", filepath.Join(first.dir, "vault.key"))...)
	second.send(&profferv1.Item{Type: "purchase", MessageId: "more", Amount: "200", Currency: "EUR"}, "user_id:u1")
	second.awaitCounts("the second server", map[string]uint64{"segment_entered": 5})
}
