package gateway

import "testing"

func TestASecretOfAnAddressIsNeverShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, got, want string
	}{
		{"cluster", redactedServers("nats://a:4222,nats://b:4222"), "nats://a:4222,nats://b:4222"},
		{"cluster with a token", redactedServers("nats://secret@a:4222, nats://secret@b:4222"), "nats://xxxxx@a:4222,nats://xxxxx@b:4222"},
		{"cluster with a password", redactedServers("nats://u:secret@a:4222"), "nats://xxxxx@a:4222"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}
