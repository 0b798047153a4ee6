package e2e

import (
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway"
)

// TestADecisionThatReplaysOtherwiseEndsTheCommandWithOne puts a record into the log that no decision would have made.
func TestADecisionThatReplaysOtherwiseEndsTheCommandWithOne(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	honest, err := s.decisions().Decide(t.Context(), decideFor("a"))
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	node := opened(t, s.dir)
	e := decisionsIn(t, node)[0]
	e.GetDecision().Offer = "another"
	profile, err := domain.AliasFromBytes(e.GetDecision().GetProfile())
	if err != nil {
		t.Fatal(err)
	}
	at, err := node.Log().Append(t.Context(), domain.LaneOf(domain.Decision, profile, node.Log().Lanes()), e)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}

	s.start()
	forged := domain.Place{Stream: domain.Decision, Position: at}.String()
	for _, c := range []struct {
		what string
		code int
		want string
	}{
		{"--all", 1, "2 replayed: 1 identical, 1 different"},
		{forged, 1, `offer was "another", is "welcome"`},
		{honest.GetPosition(), 0, "all identical"},
	} {
		if out, code := s.proffer("replay", c.what); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("replay %s: exit code %d, want %d and %q\n%s", c.what, code, c.code, c.want, out)
		}
	}
}

// opened runs the folder of a stopped server in this process, for the log in it.
func opened(t *testing.T, dir string) *gateway.Node {
	t.Helper()
	config, err := gateway.DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.Data, config.Listen, config.NoDatabase = dir, "127.0.0.1:0", true
	node, err := gateway.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return node
}

// decisionsIn are all that the log holds, in its order.
func decisionsIn(t *testing.T, node *gateway.Node) (out []*event.Event) {
	t.Helper()
	last, err := node.Log().Last(t.Context(), domain.Decision)
	if err != nil {
		t.Fatal(err)
	}
	for envelope, err := range node.Log().Read(t.Context(), domain.Decision, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := envelope.Events()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, events...)
	}
	return out
}
