package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/profferhq/proffer/migrations"
)

// Connections of one process: the projector takes one, digests and reads one each, one is spare.
const poolConnections = 4

// Open prepares connections to a database; it does not connect yet, so a database that is away is no error here.
// Parameters in the URL (pool_max_conns, sslmode, ...) win over the defaults.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx leaves the password out of this error.
		return nil, fmt.Errorf("postgres: read the database's URL: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = poolConnections
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "proffer"
	}
	if !strings.Contains(url, "connect_timeout") {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	config.ConnConfig.DialFunc = dialer().DialContext
	config.AfterConnect = boundServer
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: prepare connections: %w", err)
	}
	return pool, nil
}

// Migrate brings the schema up to date. Of several processes that start together one migrates and the rest wait, up
// to a minute.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	// The table of versions lies in the schema, which therefore comes first.
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS proffer"); err != nil {
		return fmt.Errorf("postgres: create the schema: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return fmt.Errorf("postgres: prepare the lock of migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithTableName("proffer.schema_versions"),
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}
