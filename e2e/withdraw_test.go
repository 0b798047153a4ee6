package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// habitView is what ofHabit reads, by its name.
const (
	habitView = `
view: habit@1
description: Orders.
owner: shop
features:
  - {name: orders_90d, description: Orders, source: purchased, aggregation: count, window: 90d, unit: orders, default: 0}
`
	ofHabit = `
policy: shop
view: habit
placements:
  - {id: home, channel: web}
offers:
  - id: welcome
    value: 2
    eligibility:
      - {name: buyer, when: "'buyer' in segments.tags && features.orders_90d >= 1"}
    treatments:
      - {id: banner, channel: web, content: {headline: Welcome}}
`
)

// TestWhatIsDefinedIsWithdrawnAndComesBack takes a policy and what it reads out of effect, over kill -9, and wants what was
// decided by it to replay, its members to leave, the tables and the lists to say so, and all of it to come back.
func TestWhatIsDefinedIsWithdrawnAndComesBack(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policy, view, segments := file("shop.yaml", ofHabit), file("habit.yaml", habitView), file("tags.json", richFrom("60.0"))
	s.send(&profferv1.Item{Type: "purchase", MessageId: "m1", Amount: "100", Currency: "EUR"}, "user_id:anna")
	for _, command := range [][]string{{"feature", "publish", view}, {"segment", "define", segments}, {"policy", "publish", policy}} {
		s.wantDone(command...)
	}
	s.awaitCounts("members", map[string]uint64{"segment_entered": 2})
	s.wantOffer("welcome", "habit@1")

	refused := func(wanted string, args ...string) {
		t.Helper()
		if said, code := s.proffer(args...); code == 0 || !strings.Contains(said, wanted) {
			t.Errorf("%v: exit code %d: %s, want %q", args, code, said, wanted)
		}
	}
	refused("habit@1 is read by policy:shop", "feature", "withdraw", "habit@1")
	refused("tags is read by policy:shop", "segment", "withdraw", "tags")
	refused("BUILT_IN", "feature", "withdraw", "core@1")
	refused("NOT_DEFINED", "policy", "withdraw", "other")

	if said := s.wantDone("policy", "withdraw", "shop", "--validate-only"); !strings.Contains(said, "nothing was written") {
		t.Error(said)
	}
	s.wantOffer("welcome", "habit@1")
	for _, command := range [][]string{{"policy", "withdraw", "shop"}, {"segment", "withdraw", "tags"}, {"feature", "withdraw", "habit@1"}} {
		if said := s.wantDone(append(command, "--reason", "of no use")...); !strings.Contains(said, "is withdrawn from POLICY/") {
			t.Error(said)
		}
	}
	s.awaitCounts("those who leave", map[string]uint64{"segment_left": 2, "definition_withdrawn": 3})
	s.restart() // kill -9
	if said := s.wantDone("segment", "withdraw", "tags"); !strings.Contains(said, "tags is withdrawn already") {
		t.Error(said)
	}
	if _, err := s.decisions().Decide(t.Context(), decideFor("anna")); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("a placement of nobody: %v", err)
	}
	refused("there is no feature view", "policy", "publish", policy)
	refused("UNKNOWN_VIEW", "feature", "get", "user_id:anna", "--view", "habit@1")
	if got := s.members("SELECT kind || ' ' || name, version FROM proffer.definitions WHERE withdrawn AND kind <> 'feature_view' ORDER BY 1"); got != "policy shop 1, segments tags 1" {
		t.Errorf("the tables say: %s", got)
	}
	if got := s.members("SELECT segment, count(*) FROM proffer.segment_members GROUP BY 1"); got != "" {
		t.Errorf("members: %s", got)
	}
	var listed struct {
		Policies, Views, Withdrawn, Definitions []struct {
			View        string
			WithdrawnAt string `json:"withdrawn_at"`
		}
	}
	for _, kind := range []string{"policy", "feature", "segment"} {
		s.jsonOf(&listed, kind, "list")
	}
	if len(listed.Policies) != 1 || listed.Policies[0].WithdrawnAt == "" || len(listed.Withdrawn) != 1 || len(listed.Definitions) != 0 {
		t.Errorf("listed: %+v", listed)
	}
	for _, v := range listed.Views {
		if (v.View == "habit@1") != (v.WithdrawnAt != "") {
			t.Errorf("listed: %+v", v)
		}
	}

	s.wantDone("feature", "publish", view)
	if said := s.wantDone("segment", "define", segments); !strings.Contains(said, "tags version 2 is in effect") {
		t.Error(said)
	}
	if said := s.wantDone("policy", "publish", policy); !strings.Contains(said, "shop version 2 is in effect") {
		t.Error(said)
	}
	s.awaitCounts("they are back", map[string]uint64{"segment_entered": 4})
	s.wantOffer("welcome", "habit@1")
	if said := s.wantDone("replay", "--all"); !strings.Contains(said, "3 replayed: 3 identical") {
		t.Errorf("replay: %s", said)
	}
	before := s.digests()
	s.wantDone("rebuild")
	if after := s.digests(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("rebuilt: %v, before %v", after, before)
	}
}
