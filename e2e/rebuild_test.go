package e2e

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/postgres"
)

// shopFiles is a small data set with a mapping of its own.
func shopFiles(t testing.TB) (mapping, folder string) {
	t.Helper()
	folder = filepath.Join(repositoryRoot(t), "gateway", "importer", "testdata", "shop")
	return filepath.Join(folder, "shop.yaml"), folder
}

// inhabit brings a small shop in: files, a policy, decisions, and two people who turn out to be one.
func (s *server) inhabit() {
	s.t.Helper()
	mapping, folder := shopFiles(s.t)
	if out, code := s.proffer("import", mapping, folder); code != 0 {
		s.t.Fatalf("import: exit code %d\n%s", code, out)
	}
	s.publish(everybody)
	for _, person := range []string{"u1", "u2", "u3", "u1"} {
		if _, err := s.decisions().Decide(s.t.Context(), decideFor(person)); err != nil {
			s.t.Fatal(err)
		}
	}
	answer, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "crm", Items: []*profferv1.Item{{
		Type: "link", MessageId: "1",
		Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: "u1"}, {Type: "user_id", Value: "u2"}},
	}}})
	if err != nil || answer.GetVerdicts()[0].GetStatus() != profferv1.Verdict_STATUS_ACCEPTED {
		s.t.Fatalf("link: %v %v", answer, err)
	}
	request := decideFor("u2")
	request.NotBefore = answer.GetVerdicts()[0].GetPosition()
	if _, err := s.decisions().Decide(s.t.Context(), request); err != nil {
		s.t.Fatal(err)
	}
}

func TestARebuildEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.inhabit()
	counted := s.figures()
	before := s.digests()
	if len(before.Projections) != 3 {
		t.Fatalf("got %v, want the digests of the views, the counts and the tables", before)
	}

	mapping, folder := shopFiles(t)
	if out, code := s.proffer("import", mapping, folder); code != 0 {
		t.Fatalf("import again: exit code %d\n%s", code, out)
	}
	s.wantUnchanged("importing once more", counted, before)
	if out, code := s.proffer("rebuild"); code != 0 {
		t.Fatalf("rebuild: exit code %d\n%s", code, out)
	}
	s.wantUnchanged("a rebuild", counted, before)
	s.restart()
	s.wantUnchanged("a restart", counted, before)

	tables := map[string]uint64{}
	s.query(`SELECT type, events FROM proffer.events_by_type`, func(name string, n uint64) { tables[name] = n })
	if diff := cmp.Diff(counted.Events, tables); diff != "" || tables["policy_published"] == 0 {
		t.Errorf("what status counts, and what the tables hold (-want +got):\n%s", diff)
	}
	s.query(`SELECT 'profiles', count(*) FROM proffer.profiles UNION ALL SELECT 'aliases', count(*) FROM proffer.aliases
		UNION ALL SELECT 'quarantined', count(*) FROM proffer.quarantine_open`, func(name string, n uint64) { tables[name] = n })
	want := map[string]uint64{"profiles": counted.Profiles, "aliases": counted.Aliases, "quarantined": counted.Quarantined}
	for name, n := range want {
		if n == 0 || tables[name] != n {
			t.Errorf("%s: the tables hold %d, status says %d", name, tables[name], n)
		}
	}
}

func TestARebuildMayBeKilled(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.inhabit()
	for batch := range 40 { // enough for a rebuild to take its time
		items := make([]*profferv1.Item, 1000)
		for i := range items {
			items[i] = &profferv1.Item{
				Type: "purchase", Amount: "1.25", MessageId: fmt.Sprint(batch, " ", i),
				Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: fmt.Sprint("buyer ", i)}},
			}
		}
		s.wantVerdicts(items, profferv1.Verdict_STATUS_ACCEPTED)
	}
	counted, before := s.figures(), s.digests()
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	told, _ := s.rebuild(math.MaxInt)
	early := 0
	for range rounds {
		at := random.IntN(told)
		_, rebuilt := s.rebuild(at)
		s.restart()
		t.Logf("killed at %d of %d: %d of %d projections were rebuilt", at, told, rebuilt, len(before.Projections))
		if rebuilt < len(before.Projections) {
			early++
		}
		s.wantUnchanged("a rebuild that was killed", counted, before)
	}
	if early == 0 {
		t.Error("no rebuild was killed before its end: the test proves nothing")
	}
}

// rebuild begins a rebuild and hears how far it is, so many times or until its end. The rebuild goes on in the first case.
func (s *server) rebuild(times int) (told, rebuilt int) {
	s.t.Helper()
	stream, err := s.operations().Rebuild(s.t.Context(), &profferv1.RebuildRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	for told < times && stream.Receive() {
		told++
		if stream.Msg().GetDone() {
			rebuilt++
		}
	}
	if err := stream.Err(); err != nil {
		s.t.Fatal(err)
	}
	return told, rebuilt
}

func (s *server) wantUnchanged(why string, counted figures, before digests) {
	s.t.Helper()
	if diff := cmp.Diff(before, s.digests()); diff != "" {
		s.t.Errorf("%s changed a digest (-before +after)\n%s", why, diff)
	}
	if diff := cmp.Diff(counted, s.figures()); diff != "" {
		s.t.Errorf("%s changed a figure (-before +after)\n%s", why, diff)
	}
}

// query reads rows of a name and a number from the analysts' tables, as an analyst.
func (s *server) query(sql string, each func(name string, n uint64)) {
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
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		s.t.Fatal(err)
	}
	var name string
	var n uint64
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { each(name, n); return nil }); err != nil {
		s.t.Fatal(err)
	}
}

// TestTheTablesAreTheSameOnEveryPostgres folds one log on the machine's Postgres and on the pinned archive's.
func TestTheTablesAreTheSameOnEveryPostgres(t *testing.T) {
	t.Parallel()
	binaries, err := postgres.ArchiveBinaries(t.Context(), postgres.Options{NoDownload: testing.Short()})
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	archive, err := postgres.Start(t.Context(), postgres.Options{Dir: dataFolder(t), Binaries: binaries, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	machine, err := postgres.Start(t.Context(), postgres.Options{Dir: dataFolder(t), NoSync: true, NoDownload: true})
	if err != nil {
		t.Skipf("skipped: no PostgreSQL on this machine: %v", err)
	}
	t.Cleanup(func() { _ = machine.Close() })
	versions := []string{versionOf(t, machine.URL()), versionOf(t, archive.URL())}
	if versions[0] == versions[1] {
		t.Skipf("skipped: this machine's Postgres is the archive's, %s", versions[0])
	}
	t.Logf("versions %v", versions)

	s := serve(t, t.TempDir(), "--database-url", machine.URL())
	s.inhabit()
	here := s.digests()
	s.stop()
	s.args = []string{"--database-url", archive.URL()}
	s.start()
	if diff := cmp.Diff(here, s.digests()); diff != "" {
		t.Errorf("versions %v (-first +second)\n%s", versions, diff)
	}
}

func versionOf(t testing.TB, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var version string
	if err := conn.QueryRow(t.Context(), `SHOW server_version`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}
