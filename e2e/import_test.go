package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// dataSet is a folder of the public data sets, which stay outside the repository.
func dataSet(t *testing.T, name, file string) string {
	t.Helper()
	dir := filepath.Join(dataRoot(t), name)
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		t.Skipf("skipped: no %s/%s among the data sets (set PROFFER_DATA)", name, file)
	}
	return dir
}

// dataRoot is where the public data sets are.
func dataRoot(t testing.TB) string {
	t.Helper()
	if root := os.Getenv("PROFFER_DATA"); root != "" {
		return root
	}
	return filepath.Join(repositoryRoot(t), "..", "shared", "data")
}

// starbucksEvents are the counts that data/README.md gives for a correct import.
var starbucksEvents = map[string]uint64{
	"purchased": 138_953, "external_decision": 102_000, "delivered": 76_277, "exposed": 57_725, "converted": 33_579,
	"offer_defined": 10, "identity_linked": 17_000, "traits_changed": 17_000,
}

// figures are what a status says, but for the projections and the addresses.
type figures struct {
	Events            map[string]uint64 `json:"events"`
	Profiles          uint64            `json:"profiles"`
	Aliases           uint64            `json:"aliases"`
	ExternalDecisions uint64            `json:"external_decisions"`
	Outcomes          uint64            `json:"outcomes"`
	Quarantined       uint64            `json:"quarantined"`
}

type digests struct {
	Projections []struct{ Name, SHA256 string }
}

// figures waits until the projections have everything, and reads the status.
func (s *server) figures() figures {
	s.t.Helper()
	s.digests()
	var f figures
	s.jsonOf(&f, "status")
	return f
}

func (s *server) digests() digests {
	s.t.Helper()
	var d digests
	s.jsonOf(&d, "digest")
	return d
}

func TestStarbucksIsImportedExactlyWhateverHappens(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: the whole data set, several times over; make e2e runs it")
	}
	data := dataSet(t, "starbucks", "transcript.json.zst")
	want := figures{
		Events: starbucksEvents, Profiles: 17_000, Aliases: 34_000, ExternalDecisions: 102_000, Outcomes: 167_581,
	}

	whole := serve(t, dataFolder(t))
	whole.proffer("import", "starbucks", data)
	if diff := cmp.Diff(want, whole.figures()); diff != "" {
		t.Fatalf("an import without interruption (-want +got)\n%s", diff)
	}

	killed := serve(t, dataFolder(t))
	for _, after := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second} {
		killed.importFor(data, after)
		killed.restart()
	}
	killed.proffer("import", "starbucks", data)
	if diff := cmp.Diff(want, killed.figures()); diff != "" {
		t.Errorf("an import killed three times (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(whole.sums(), killed.sums()); diff != "" {
		t.Errorf("sums (-uninterrupted +killed)\n%s", diff)
	}

	before := killed.digests()
	killed.proffer("import", "starbucks", data)
	if diff := cmp.Diff(before, killed.digests()); diff != "" {
		t.Errorf("importing once more changed a digest (-before +after)\n%s", diff)
	}

	killed.publish(everybody)
	for _, person := range killed.somePeople(data) {
		request := decideFor("")
		request.Identifiers = []*profferv1.Identifier{{Type: "app_id", Value: person}}
		if _, err := killed.decisions().Decide(t.Context(), request); err != nil {
			t.Fatalf("decide for an imported person: %v", err)
		}
	}
	var replayed struct{ Replayed, Identical, External uint64 }
	killed.jsonOf(&replayed, "replay", "--all")
	if replayed.Replayed == 0 || replayed.Identical != replayed.Replayed || replayed.External != 102_000 {
		t.Errorf("replay: got %+v, want all identical", replayed)
	}

	before = killed.digests()
	if out, code := killed.proffer("rebuild"); code != 0 {
		t.Fatalf("rebuild: exit code %d\n%s", code, out)
	}
	if diff := cmp.Diff(before, killed.digests()); diff != "" {
		t.Errorf("a rebuild changed a digest (-before +after)\n%s", diff)
	}
}

// importFor imports for a while and kills the server with -9 while it goes on.
func (s *server) importFor(data string, while time.Duration) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	importing := exec.CommandContext(s.t.Context(), path, "import", "starbucks", data, "--data", s.dir)
	if err := importing.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.NewTimer(while)
	<-timer.C
	s.kill()
	_ = importing.Wait()
}

// sums are figures of the analysts' tables that do not depend on random ids.
func (s *server) sums() map[string]string {
	s.t.Helper()
	var status struct {
		DatabaseURL string `json:"database_url"`
	}
	s.jsonOf(&status, "status")
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, status.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	out := map[string]string{}
	for _, query := range []string{
		`SELECT sum(amount)::text FROM proffer.behaviour_events`,
		`SELECT count(*)::text FROM proffer.profiles`,
		`SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (SELECT concat_ws(':', events, purchases, spent, offers, exposures, conversions, conversion_cost) AS line FROM proffer.profiles) p`,
		`SELECT count(*)::text FROM proffer.decision_candidates`,
		`SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (SELECT concat_ws(':', offer, count(*)) AS line FROM proffer.decisions GROUP BY offer) d`,
	} {
		var text string
		if err := conn.QueryRow(ctx, query).Scan(&text); err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
		out[query] = text
	}
	return out
}

// somePeople are identifiers of the data set, read from the file itself.
func (s *server) somePeople(data string) []string {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "sh", "-c", "gzip -dc "+filepath.Join(data, "profile.json.gz")+
		` | head -n 200 | sed 's/.*"id": "\([0-9a-f]*\)".*/\1/'`).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Fields(string(out))
}
