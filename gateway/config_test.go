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
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		set  func(*Config)
	}{
		{"listen", func(c *Config) { c.Listen = "garbage" }},
		{"listen", func(c *Config) { c.Listen = "127.0.0.1:99999" }},
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
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
