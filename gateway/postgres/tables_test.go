//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func TestTables(t *testing.T) {
	t.Parallel()
	projectionstest.RunTablesSuite(t, func(t *testing.T) projections.Tables {
		return postgres.NewTables(machine(t).database(t))
	})
}

// TestTablesOnTheArchive runs the same suite on the pinned archive's Postgres, which is newer than most machines'.
func TestTablesOnTheArchive(t *testing.T) {
	t.Parallel()
	other := startArchive(t)
	projectionstest.RunTablesSuite(t, func(t *testing.T) projections.Tables {
		return postgres.NewTables(other.database(t))
	})
}

// TestRebuiltTablesHaveTheSameDigest: live in small batches with restarts, and rebuilt at one go.
func TestRebuiltTablesHaveTheSameDigest(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), postgres.NewTables(machine(t).database(t))
	sample := projectionstest.NewSample(11, 50)
	for _, batch := range []int{20, 200, 1000} {
		sample.Fill(log, 700)
		p := projections.NewTablesProjector(log, tables, projections.TablesOptions{RebuildEvents: batch})
		if err := p.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p := projections.NewTablesProjector(log, tables, projections.TablesOptions{})
	cut, before, err := p.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	again, after, err := p.Digest(t.Context())
	if err != nil || again != cut || after != before {
		t.Errorf("rebuilt: cut %v, same digest %v, %v; was cut %v", again, after == before, err, cut)
	}
}

func TestEveryTableAndColumnHasAComment(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(12, 20).Fill(log, 300)
	if err := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), `
		SELECT c.relname || coalesce('.' || a.attname, ''), coalesce(d.description, '')
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'proffer'
		LEFT JOIN LATERAL (
			SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
			UNION ALL SELECT NULL, 0) a ON true
		LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
		WHERE c.relkind IN ('r', 'p', 'v', 'm')`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for rows.Next() {
		var name, comment string
		if err := rows.Scan(&name, &comment); err != nil {
			t.Fatal(err)
		}
		seen[name] = comment
		if len(strings.TrimSpace(comment)) < 5 {
			t.Errorf("%s has no comment", name)
		}
	}
	if rows.Err() != nil || len(seen) < 200 {
		t.Errorf("only %d tables and columns found (%v)", len(seen), rows.Err())
	}
	if seen["behaviour_events_2024_11.amount"] == "" {
		t.Error("no month's partition was looked at")
	}
}

func TestTheTablesCountWhatTheLogHolds(t *testing.T) {
	t.Parallel()
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(14, 20).Fill(log, 600)
	counts := projections.NewCountsProjector(log, &projectionstest.MemoryCounts{})
	if err := counts.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	type typed struct {
		Type   string
		Events uint64
	}
	got := map[string]uint64{}
	for _, r := range read[typed](t, projected(t, log), "SELECT type, events FROM proffer.events_by_type") {
		got[r.Type] = r.Events
	}
	want := counts.Counts().Events
	if want["policy_published"] == 0 || want["unknown"] == 0 || want["quarantined"] == 0 {
		t.Fatalf("the sample has too little in it: %v", want)
	}
	for _, effective := range []string{"segment_entered", "segment_left", "quarantine_resolved"} { // the sample's are random: some say nothing new
		if got[effective] > want[effective] {
			t.Errorf("%s: the tables hold %d, status says %d", effective, got[effective], want[effective])
		}
		delete(want, effective)
		delete(got, effective)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status, and the tables (-want +got):\n%s", diff)
	}
}

// What Postgres answers: somebody has no right to do it, or nobody can, as to insert into a view that adds up.
const (
	insufficientPrivilege = "42501"
	notUpdatable          = "55000"
)

func TestAnalystsReadEverythingAndWriteNothing(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(13, 20).Fill(log, 300)
	if err := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var name string
	if err := pool.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	analyst := open(t, withDatabase(machine(t).server.AnalystURL(), name))
	for _, relation := range relations(t, pool.Config().ConnString()) {
		var n int64
		if err := analyst.QueryRow(t.Context(), "SELECT count(*) FROM proffer."+relation).Scan(&n); err != nil {
			t.Errorf("read %s: %v", relation, err)
		}
	}
	if _, err := analyst.Exec(t.Context(), "SELECT last_value FROM proffer.schema_versions_id_seq"); err != nil {
		t.Errorf("read a sequence, as pg_dump does: %v", err)
	}
	for _, attempt := range []string{
		"DELETE FROM proffer.aliases", "UPDATE proffer.projection_checkpoints SET sequence = 9",
		"INSERT INTO proffer.events_by_type VALUES ('x', 1)", "TRUNCATE proffer.decisions",
		"SELECT setval('proffer.schema_versions_id_seq', 1)", "CREATE TABLE proffer.mine (x int)", "DROP TABLE proffer.outcomes",
		"DELETE FROM proffer.behaviour_events_2024_11",
	} {
		// Read-only by default is a courtesy that the analyst can switch off; the rights must hold without it.
		_, err := analyst.Exec(t.Context(), "SET TRANSACTION READ WRITE; "+attempt)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != insufficientPrivilege && refused.Code != notUpdatable {
			t.Errorf("%s, by an analyst: %v", attempt, err)
		}
	}
	for _, setting := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		var timeout string
		if err := analyst.QueryRow(t.Context(), "SHOW "+setting).Scan(&timeout); err != nil || timeout != "1min" {
			t.Errorf("%s of analysts: %q, %v", setting, timeout, err)
		}
	}
}

// relations lists the tables, partitions and views that analysts see.
func relations(t *testing.T, url string) []string {
	t.Helper()
	rows, err := open(t, url).Query(t.Context(), `SELECT c.relname FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'proffer' WHERE c.relkind IN ('r', 'p', 'v')
		AND c.relname <> 'schema_versions'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if len(names) < 20 {
		t.Fatalf("only %d relations", len(names))
	}
	return names
}

func TestMigratingTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	if err := postgres.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
}

// TestPostgresGoesAwayAndComesBack: events keep coming while Postgres is stopped, and none is missing afterwards.
func TestPostgresGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	options := postgres.Options{Dir: dir, NoSync: true}
	server := start(t, options)
	pool := open(t, server.URL())
	if err := postgres.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	log := projectionstest.NewStreamLog()
	sample := projectionstest.NewSample(14, 30)
	p := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{RetryMost: 200 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx) }()

	sample.Fill(log, 500)
	await(t, p, log)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	sample.Fill(log, 500)
	url := server.URL()
	if server = start(t, options); server.URL() != url {
		t.Errorf("a second start has another URL")
	}
	await(t, p, log)
	cancel()
	if err := <-result; err != nil {
		t.Errorf("run: %v", err)
	}
	_, live, err := p.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, rebuilt, err := p.Digest(t.Context()); err != nil || rebuilt != live {
		t.Errorf("events are missing or doubled after Postgres was away (%v)", err)
	}
}

func await(t *testing.T, p *projections.TablesProjector, log projections.Source) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var end domain.Cut
	for _, s := range domain.AllStreams() {
		last, err := log.Last(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		end[s] = last
	}
	for err := p.WaitFor(ctx, end); err != nil; err = p.WaitFor(ctx, end) { // a failure is tried again
		if ctx.Err() != nil {
			t.Fatalf("wait for %v, at %v: %v", end, p.Applied(), err)
		}
	}
}

// TestBatchIsAllOrNothing: a row that Postgres refuses takes the whole batch back, checkpoint included.
func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	tables := postgres.NewTables(machine(t).database(t))
	_, before, err := tables.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := projectionstest.NewSample(1, 1).Alias(0)
	place := projections.Place{At: domain.Position{Sequence: 1}, Alias: a, OccurredMs: projectionstest.SampleStart().UnixMilli()}
	batch := projections.TableBatch{To: domain.Cut{domain.Behaviour: 1}, Rows: projections.Rows{
		Behaviour: []projections.BehaviourRow{{Place: place, Type: "viewed"}},
		Aliases:   []projections.AliasRow{{Alias: a, Profile: a}},
		Profiles:  []projections.ProfileRow{{Profile: a, Totals: projections.Totals{Type: "\x00"}}},
	}}
	if err := tables.Apply(t.Context(), batch); err == nil {
		t.Fatal("Postgres took a NUL")
	}
	cut, after, err := tables.Digest(t.Context())
	if err != nil || cut != (domain.Cut{}) || after != before {
		t.Errorf("half a batch is in: cut %v, unchanged %v, %v", cut, after == before, err)
	}
	batch.Rows.Profiles[0].Totals.Type = ""
	if err := tables.Apply(t.Context(), batch); err != nil {
		t.Errorf("the same batch, repaired: %v", err)
	}
}
