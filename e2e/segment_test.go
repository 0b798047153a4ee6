package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Definitions hold at once and survive a restart; members are read from what is known, and items that go together are
// recommended.
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
		PriceSensitivity struct{ Orders, Lowered int }
		PurchaseIntent   struct{ Acts int }
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
