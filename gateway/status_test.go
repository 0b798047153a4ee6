package gateway

import "testing"

// TestDurabilityIsPromisedOnlyForTheEmbeddedLog: what a cluster's servers sync is not known here.
func TestDurabilityIsPromisedOnlyForTheEmbeddedLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ natsURL, want string }{
		{"", "always"},
		{"nats://127.0.0.1:4222", "as the cluster is configured"},
	} {
		n := &Node{config: Config{NatsURL: c.natsURL, Sync: "always"}}
		if got := n.Describe().Durability; got != c.want {
			t.Errorf("NATS_URL %q: got %q, want %q", c.natsURL, got, c.want)
		}
	}
}
