//go:build unix

package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/migrations"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// beforeIdentity is the last version of the schema without tables of identity.
const beforeIdentity = 7

// downTo takes migrations back.
func downTo(t *testing.T, pool *pgxpool.Pool, version int64) {
	t.Helper()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithTableName("proffer.schema_versions"), goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// TestAnOlderDatabaseIsProjectedAgain: tables that an older version filled say nothing of pairs and history. After the
// upgrade they are made again from the log, and are as if they had always been there.
func TestAnOlderDatabaseIsProjectedAgain(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(23, 20).Fill(log, 600)
	p := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{})
	if err := p.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	at, want, err := p.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	downTo(t, pool, beforeIdentity)
	if err := postgres.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if cut, _, err := p.Digest(t.Context()); err != nil || cut != (domain.Cut{}) {
		t.Fatalf("after the upgrade the tables claim to stand at %v (%v)", cut, err)
	}
	if err := p.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cut, got, err := p.Digest(t.Context()); err != nil || cut != at || got != want {
		t.Errorf("projected again: at %v, want %v; the same contents: %v (%v)", cut, at, got == want, err)
	}
}
