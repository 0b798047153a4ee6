//go:build unix

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/gateway/postgres"
)

// shared is a server that several tests share.
type shared struct {
	dir     string
	server  *postgres.Server
	made    atomic.Int64
	copying sync.Mutex
}

// onMachine is the one of this package, on the machine's Postgres.
var onMachine struct {
	shared
	start  sync.Once
	failed error
}

// machine starts it for the first test that asks: those of pure functions, and the processes of a fuzzer, never do.
func machine(t testing.TB) *shared {
	t.Helper()
	onMachine.start.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		m := &onMachine.shared
		if m.server, onMachine.failed = postgres.Start(ctx, postgres.Options{Dir: m.dir, NoSync: true}); onMachine.failed == nil {
			onMachine.failed = m.makeTemplate(ctx)
		}
	})
	if onMachine.failed != nil {
		t.Fatal(onMachine.failed)
	}
	return &onMachine.shared
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		helperProcess(dir)
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "proffer-postgres-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	onMachine.dir = dir
	code := m.Run()
	if onMachine.server == nil {
		return code
	}
	if err := onMachine.server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// makeTemplate migrates the server's own database, which the others are copies of.
func (s *shared) makeTemplate(ctx context.Context) error {
	pool, err := postgres.Open(ctx, s.server.URL())
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool); err != nil {
		return err
	}
	return postgres.LetAnalystsRead(ctx, pool)
}

// database makes an empty, migrated database on a server.
func (s *shared) database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	ctx := context.Background()
	admin := open(t, withDatabase(s.server.URL(), "postgres"))
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	// Copies of one template wait for one another: a copy of a database that is being copied is refused.
	s.copying.Lock()
	defer s.copying.Unlock()
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE proffer STRATEGY file_copy"); err != nil {
		t.Fatal(err)
	}
	return open(t, withDatabase(s.server.URL(), name))
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func withDatabase(url, name string) string {
	var i int
	for j := range url {
		if url[j] == '/' {
			i = j
		}
	}
	return url[:i+1] + name + "?sslmode=disable"
}
