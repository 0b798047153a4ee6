//go:build unix

package postgres_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/gateway/postgres"
)

// TestAnOwnerWithoutCreateRole: an ordinary owner, as managed databases have, cannot make the analysts' role; once an
// administrator has, the next start lets it read, tables made later included, and nothing else.
func TestAnOwnerWithoutCreateRole(t *testing.T) {
	t.Parallel()
	server := start(t, postgres.Options{Dir: folder(t), NoSync: true})
	admin := open(t, server.URL())
	for _, sql := range []string{
		"DROP ROLE proffer_analyst", "CREATE ROLE shop LOGIN PASSWORD 'shop' NOCREATEROLE", "CREATE DATABASE shop OWNER shop",
	} {
		execute(t, admin, sql)
	}
	as := func(role string) *pgxpool.Pool {
		u, err := url.Parse(withDatabase(server.URL(), "shop"))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, role)
		return open(t, u.String())
	}
	owner := as("shop")
	startAgain := func() error {
		if err := postgres.Migrate(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		return postgres.LetAnalystsRead(t.Context(), owner)
	}
	if err := startAgain(); !errors.Is(err, postgres.ErrNoAnalyst) {
		t.Fatalf("got %v, want ErrNoAnalyst", err)
	}
	execute(t, admin, "CREATE ROLE proffer_analyst LOGIN PASSWORD 'proffer_analyst'")
	if err := startAgain(); err != nil {
		t.Fatal(err)
	}
	execute(t, owner, "CREATE TABLE proffer.later ()")
	analyst := as("proffer_analyst")
	execute(t, analyst, "SELECT FROM proffer.events_by_type")
	execute(t, analyst, "SELECT FROM proffer.later")
	if _, err := analyst.Exec(t.Context(), "DELETE FROM proffer.aliases"); err == nil {
		t.Error("an analyst may write")
	}
	if err := startAgain(); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func execute(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
