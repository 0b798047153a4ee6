package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/profferhq/proffer/gateway/postgres"
)

// TestAMissingRoleOfTheAnalystsIsSaidAtTheStart: the owner may not make it, as with managed databases. Everything else works.
func TestAMissingRoleOfTheAnalystsIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	database, err := postgres.Start(t.Context(), postgres.Options{Dir: t.TempDir(), NoSync: true, NoDownload: true})
	if err != nil {
		t.Skipf("skipped: no PostgreSQL on this machine: %v", err)
	}
	t.Cleanup(func() { _ = database.Close() })
	admin, err := pgx.Connect(t.Context(), database.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(t.Context()) })
	execute := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	execute("DROP ROLE proffer_analyst")
	execute("CREATE ROLE shop LOGIN PASSWORD 'shop' NOCREATEROLE")
	execute("CREATE DATABASE shop OWNER shop")
	owner, err := url.Parse(database.URL())
	if err != nil {
		t.Fatal(err)
	}
	owner.User, owner.Path = url.UserPassword("shop", "shop"), "/shop"

	const warning = `analysts may not read the tables error="postgres: the role proffer_analyst does not exist: an administrator creates it`
	s := serve(t, t.TempDir(), "--database-url", owner.String())
	s.digests() // waits until the tables are there
	s.stop()
	if !strings.Contains(s.output.String(), warning) {
		t.Errorf("a start without the role said\n%s", s.output)
	}
	execute("CREATE ROLE proffer_analyst LOGIN")
	s.start()
	s.digests()
	s.stop()
	if strings.Contains(s.output.String(), "analysts may not") {
		t.Errorf("a start with the role said\n%s", s.output)
	}
}
