package gateway

import (
	"strings"
	"testing"
)

func TestASettingThatCannotWorkIsRefusedByItsName(t *testing.T) {
	t.Parallel()
	good, err := DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	for _, servers := range []string{"", "nats://a:4222", "tls://a:4222, nats://b:4222", "wss://a"} {
		good.NatsURL = servers
		if err := good.Validate(); err != nil {
			t.Fatalf("nats-url %q: %v", servers, err)
		}
	}
	good.NatsURL = ""
	for _, c := range []struct {
		name string
		set  func(*Config)
	}{
		{"listen", func(c *Config) { c.Listen = "garbage" }},
		{"listen", func(c *Config) { c.Listen = "127.0.0.1:99999" }},
		{"nats-url: want a URL", func(c *Config) { c.NatsURL = "http://127.0.0.1:4222" }},
		{"nats-url: want a URL", func(c *Config) { c.NatsURL = "nats://a:4222, https://b:4222" }},
		{"nats-url: want a URL", func(c *Config) { c.NatsURL = "nats://a:b" }},
		{"nats-url: want a URL", func(c *Config) { c.NatsURL = "user:password@a:4222" }},
		{"sync", func(c *Config) { c.Sync = "often" }},
		{"sync", func(c *Config) { c.Sync = "-1s" }},
		{"sync: it is the embedded server's", func(c *Config) { c.NatsURL, c.Sync = "nats://127.0.0.1:4222", "100ms" }},
		{"lanes", func(c *Config) { c.Lanes = 65 }},
		{"lanes", func(c *Config) { c.Lanes = -1 }},
		{"region", func(c *Config) { c.Region = "XX" }},
		{"replicas", func(c *Config) { c.Replicas = 2 }},
		{"match-link", func(c *Config) { c.MatchLink = 2 }},
		{"vault-key: stat missing.key", func(c *Config) { c.VaultKey = "missing.key" }},
		{"source-key: stat missing.key", func(c *Config) { c.SourceKey = "missing.key" }},
		{"operator-key: stat missing.key", func(c *Config) { c.OperatorKey = "missing.key" }},
		{"decide-timeout", func(c *Config) { c.DecideTimeout = 0 }},
	} {
		bad := good
		c.set(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
