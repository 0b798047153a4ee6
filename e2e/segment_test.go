package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Definitions hold at once and survive a restart; members are read from what is known, and items that go together are
// recommended, as they were before a restart at once.
func TestSegmentsAndRecommendations(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	for n := range 12 {
		items := []string{"tea", "cup"}
		if n%2 == 1 {
			items = []string{"nail", "hammer"}
		}
		if n >= 10 {
			items = items[:1]
		}
		purchase := &profferv1.Item{Type: "purchase", MessageId: fmt.Sprintf("m%d", n), Amount: fmt.Sprint(10 * n), Currency: "EUR", Order: fmt.Sprint(n)}
		for _, item := range items {
			purchase.Lines = append(purchase.Lines, &profferv1.Line{Item: item, Amount: "1"})
		}
		s.send(purchase, fmt.Sprintf("user_id:u%d", n))
	}
	path := filepath.Join(t.TempDir(), "tags.json")
	document := `{"id":"tags","view":"core@1","rules":[{"segment":"rich","when":"features.spend_30d >= 100.0"},{"segment":"everybody","when":"true"}]}`
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := s.proffer("segment", "define", path); code != 0 || !strings.Contains(said, "tags version 1 is in effect") {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if said, code := s.proffer("segment", "define", path, "--view", "core@9"); code == 0 || !strings.Contains(said, "UNKNOWN_VIEW") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if _, err := s.operations().Digest(t.Context(), &profferv1.DigestRequest{}); err != nil { // waits for the views
		t.Fatal(err)
	}
	s.wantSegments()
	s.restart()
	s.wantSegments()
	s.wantRecommended("user_id:u10", "cup")
	s.wantHabits()
	s.wantRecommended("user_id:u11", "hammer")
	s.wantKept("user_id:u10", "cup")
}

// wantKept asks ever more questions and then kills the server, until it had kept the lists: the next one's first answer is of them.
func (s *server) wantKept(who, item string) {
	s.t.Helper()
	for questions := range 20 {
		for range questions {
			s.wantRecommended(who, item)
		}
		s.restart()
		var got struct {
			Items []struct{ Item string }
			Kept  bool
			AsOf  string
		}
		s.jsonOf(&got, "segment", "recommend", who, "--only-new", "--limit", "1")
		if len(got.Items) != 1 || got.Items[0].Item != item || got.AsOf == "0" {
			s.t.Fatalf("%s: got %+v, want %s", who, got, item)
		}
		if got.Kept {
			s.t.Logf("kept after %d questions", questions)
			return
		}
	}
	s.t.Errorf("%s: no list is kept", who)
}

func (s *server) wantSegments() {
	s.t.Helper()
	var counts struct {
		Profiles string
		Counts   []struct{ Segment, Profiles string }
	}
	s.jsonOf(&counts, "segment", "count")
	if got := fmt.Sprint(counts.Profiles, counts.Counts); got != "12[{everybody 12} {rich 2}]" {
		s.t.Errorf("counts %s", got)
	}
	var members struct{ Profiles []string }
	s.jsonOf(&members, "segment", "members", "tags", "rich")
	var of struct {
		Profile  string
		Segments []struct{ Segments []string }
	}
	s.jsonOf(&of, "segment", "of", "user_id:u11")
	if fmt.Sprint(of.Segments) != "[{[everybody rich]}]" || !strings.Contains(strings.Join(members.Profiles, " "), of.Profile) || len(members.Profiles) != 2 {
		s.t.Errorf("members %v, of %+v", members, of)
	}
}

// wantRecommended asks until what people did is remembered, for a minute at most.
func (s *server) wantRecommended(who, item string) {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var got struct{ Items []struct{ Item string } }
		s.jsonOf(&got, "segment", "recommend", who, "--only-new", "--limit", "1")
		if len(got.Items) == 1 && got.Items[0].Item == item {
			return
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("%s: got %v, want %s", who, got.Items, item)
		case <-tick.C:
		}
	}
}

// wantHabits is asked for once what people did is remembered.
func (s *server) wantHabits() {
	s.t.Helper()
	s.send(&profferv1.Item{Type: "cart", MessageId: "cart", Lines: []*profferv1.Line{{Item: "tea", Amount: "1"}}}, "user_id:u3")
	var of struct {
		PriceSensitivity struct{ Orders, Lowered int } `json:"price_sensitivity"`
		PurchaseIntent   struct{ Acts int }            `json:"purchase_intent"`
	}
	for range 200 {
		s.jsonOf(&of, "segment", "of", "user_id:u3")
		if of.PurchaseIntent.Acts == 1 {
			break
		}
	}
	if of.PriceSensitivity.Orders != 1 || of.PriceSensitivity.Lowered != 0 || of.PurchaseIntent.Acts != 1 {
		s.t.Errorf("habits %+v", of)
	}
}

// forRich offers something to those in a segment.
const forRich = `
policy: everybody
view: core@1
placements:
  - {id: home, channel: web}
offers:
  - id: welcome
    category: greeting
    propensity: 0.5
    value: 2
    eligibility:
      - {name: rich, when: "'rich' in segments.tags"}
    treatments:
      - {id: banner, channel: web, content: {headline: Welcome}}
`

func (s *server) define(document string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "definition.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.wantDone("segment", "define", path)
}

// richFrom are tags; rich is who paid that much.
func richFrom(amount string) string {
	return `{"id":"tags","view":"core@1","rules":[{"segment":"rich","when":"features.spend_lifetime >= ` + amount + `"},{"segment":"buyer","when":"features.purchases_lifetime > 0.0"}]}`
}

// members are how many profiles the analysts' tables have in each segment.
func (s *server) members(sql string) string {
	s.t.Helper()
	if _, err := s.operations().Digest(s.t.Context(), &profferv1.DigestRequest{}); err != nil { // waits for the tables
		s.t.Fatal(err)
	}
	var out []string
	s.query(sql, func(name string, n uint64) { out = append(out, fmt.Sprint(name, " ", n)) })
	return strings.Join(out, ", ")
}

// Policies read segments, decisions replay after their definition has changed, and who enters and leaves is in the log
// once, whatever ends in between, and in the tables.
func TestPoliciesReadSegmentsAndMembersAreEvents(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(forRich), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := s.proffer("policy", "publish", file); code == 0 || !strings.Contains(said, `offers[0].eligibility[0].when: there is no segment definition "tags"`) {
		t.Errorf("before there is a definition: exit code %d: %s", code, said)
	}
	for n := range 6 {
		s.send(&profferv1.Item{Type: "purchase", MessageId: fmt.Sprint("m", n), Amount: fmt.Sprint(20 * n), Currency: "EUR"}, fmt.Sprintf("user_id:u%d", n))
	}
	s.define(richFrom("60.0"))
	s.publish(forRich)
	s.awaitCounts("the first definition", map[string]uint64{"segment_entered": 9}) // 6 buyers, 3 of them rich
	if got := s.members("SELECT segment, count(*) FROM proffer.segment_members GROUP BY 1 ORDER BY 1"); got != "buyer 6, rich 3" {
		t.Errorf("members: %s", got)
	}
	given := s.decideAfter("", "u4")
	if given.GetOffer() != "welcome" {
		t.Errorf("u4 is rich and got %q", given.GetOffer())
	}
	if none := s.decideAfter("", "u1"); none.GetOffer() != "" {
		t.Errorf("u1 is not rich and got %q", none.GetOffer())
	}
	s.define(richFrom("100.0"))
	s.restart()
	s.awaitCounts("another version", map[string]uint64{"segment_entered": 9, "segment_left": 2})
	s.send(&profferv1.Item{Type: "purchase", MessageId: "more", Amount: "200", Currency: "EUR"}, "user_id:u1")
	s.awaitCounts("a purchase", map[string]uint64{"segment_entered": 10, "segment_left": 2})
	if none := s.decideAfter("", "u4"); none.GetOffer() != "" {
		t.Errorf("u4 is rich no more and got %q", none.GetOffer())
	}
	if got := s.members(`SELECT segment || ' by ' || left_version, count(*) FROM proffer.segment_history WHERE "left" IS NOT NULL GROUP BY 1`); got != "rich by 2 2" {
		t.Errorf("left: %s", got)
	}
	if got := s.members("SELECT segment, count(*) FROM proffer.segment_members GROUP BY 1 ORDER BY 1"); got != "buyer 6, rich 2" {
		t.Errorf("members: %s", got)
	}
	if said := s.wantDone("explain", given.GetDecisionId()); !strings.Contains(said, "tags        1        buyer, rich") || !strings.Contains(said, "segments.tags = buyer, rich") {
		t.Errorf("explain: %s", said)
	}
	if said := s.wantDone("replay", "--all"); !strings.Contains(said, "3 replayed: 3 identical") {
		t.Errorf("replay: %s", said)
	}
	before := s.digests()
	s.wantDone("rebuild")
	if after := s.digests(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("rebuilt: %v, before %v", after, before)
	}
}

// segmentShapes are the contracts of --json of the commands about segments, as shapes has the others.
func segmentShapes(file string) map[string][]string {
	one := []string{"id string", "position string", "segments[] string", "sha256 string", "unchanged bool", "version string"}
	return map[string][]string{
		"segment define " + file + " --validate-only": one,
		"segment list": {
			"definitions[].defined_at string", "definitions[].description string", "definitions[].document string", "definitions[].id string",
			"definitions[].kind string", "definitions[].position string", "definitions[].segments[] string", "definitions[].sha256 string",
			"definitions[].version string", "definitions[].view string", "withdrawn list",
		},
		"segment count":              {"at string", "counts[].id string", "counts[].profiles string", "counts[].segment string", "profiles string"},
		"segment members tags buyer": {"more bool", "profiles[] string"},
		"segment of user_id=a": {
			"price_sensitivity.belief number", "price_sensitivity.lowered number", "price_sensitivity.orders number", "price_sensitivity.score number",
			"price_sensitivity.usual number", "price_sensitivity.weight number", "profile string", "purchase_intent.acts number",
			"purchase_intent.score number", "purchase_intent.since string", "purchase_intent.terms[].count number", "purchase_intent.terms[].name string",
			"purchase_intent.terms[].points number", "segments[].id string", "segments[].segments list", "segments[].version string",
		},
		"segment recommend user_id=shopper": {
			"as_of string", "items[].item string", "items[].score number", "kept bool", "known_items string", "learned_at string", "people string", "profile string",
		},
	}
}

// defineSome defines segments and lets somebody buy.
func (s *server) defineSome() (file string) {
	s.t.Helper()
	s.send(&profferv1.Item{Type: "purchase", MessageId: "s1", Amount: "9", Currency: "EUR", Lines: []*profferv1.Line{{Item: "tea"}}}, "user_id:shopper")
	file = filepath.Join(s.t.TempDir(), "tags.json")
	if err := os.WriteFile(file, []byte(richFrom("60.0")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.wantDone("segment", "define", file)
	return file
}

// TestKilledServersMoveNobodyTwice kills the server with -9 at random instants while another version of a definition moves
// people, and then looks for somebody who entered where she was, or left where she was not.
func TestKilledServersMoveNobodyTwice(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := serve(t, dataFolder(t))
	const people = 400
	for from := 0; from < people; from += 100 {
		var items []*profferv1.Item
		for n := from; n < from+100; n++ {
			items = append(items, &profferv1.Item{
				Type: "purchase", MessageId: fmt.Sprint("m", n), Amount: fmt.Sprint(n), Currency: "EUR", Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: fmt.Sprint("u", n)}},
			})
		}
		s.accepted(items...)
	}
	rich := map[int]int{}
	for round := range 6 {
		from := []int{100, 250}[round%2]
		rich[from] = people - from
		s.define(richFrom(fmt.Sprintf("%d.0", from)))
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond) // when it is killed is what the test is about
		s.restart()
	}
	s.awaitMembers(fmt.Sprintf("buyer %d, rich %d", people, rich[250]))
	// A move that said what was so already would be in the log, and make no stay and no end of one.
	const moved = `SELECT 'moves', (SELECT count(*) FROM proffer.segment_stays) + (SELECT count(*) FROM proffer.segment_stays WHERE left_sequence IS NOT NULL)`
	var status struct{ Events map[string]uint64 }
	s.jsonOf(&status, "status")
	if got, want := s.members(moved), fmt.Sprint("moves ", status.Events["segment_entered"]+status.Events["segment_left"]); got != want {
		t.Errorf("the tables have %s, the log %s", got, want)
	}
}

// awaitMembers waits until the tables have that many in each segment, for a minute at most.
func (s *server) awaitMembers(want string) {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		got := s.members("SELECT segment, count(*) FROM proffer.segment_members GROUP BY 1 ORDER BY 1")
		if got == want {
			return
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("members %s, want %s", got, want)
		case <-tick.C:
		}
	}
}
