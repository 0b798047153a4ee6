package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections"
)

// tablesPeople have projectEach events each: every turn keeps all the rows it wrote, to write them again bare.
const tablesPeople = 10_000

// projectTables measures projecting a log into the analysts' tables beside bare upserts of the same rows, in turns.
func projectTables(ctx context.Context, o Options) (Result, error) {
	const events = tablesPeople * projectEach
	f, err := newFixture(ctx, o, tablesPeople, projectEach)
	if err != nil {
		return Result{}, err
	}
	defer f.close()
	server, pool, err := analystsDatabase(ctx, filepath.Join(o.Dir, "tables"))
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = server.Close() }()
	defer pool.Close()
	var values, ceilings []float64
	for turn := range projectTurns {
		captured := postgres.Capture(postgres.NewTables(pool))
		projector := projections.NewTablesProjector(f.log, captured, projections.TablesOptions{})
		m, err := o.profiled(turn == projectTurns-1, func() (measured, error) {
			started := time.Now()
			err := projector.Rebuild(ctx, nil)
			return measured{calls: events, elapsed: time.Since(started)}, err
		})
		if err != nil {
			return Result{}, err
		}
		bare, err := postgres.Ceiling(ctx, pool, captured.Batches())
		if err != nil {
			return Result{}, err
		}
		o.say("turn %d: %.0f events/s, bare upserts %.0f events/s", turn, m.perSecond(), events/bare.Seconds())
		values, ceilings = append(values, m.perSecond()), append(ceilings, events/bare.Seconds())
	}
	return Result{
		Unit: "events/s", Value: median(values), Ceiling: median(ceilings), Profiles: tablesPeople,
		CeilingIs: "bare unnest upserts of the same rows in the same transactions, into copies of the tables with their indexes",
	}, nil
}

// analystsDatabase starts a private Postgres with empty tables.
func analystsDatabase(ctx context.Context, dir string) (*postgres.Server, *pgxpool.Pool, error) {
	server, err := postgres.Start(ctx, postgres.Options{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	pool, err := postgres.Open(ctx, server.URL())
	if err == nil {
		if err = postgres.Migrate(ctx, pool); err == nil {
			return server, pool, nil
		}
		pool.Close()
	}
	_ = server.Close()
	return nil, nil, fmt.Errorf("prepare the tables: %w", err)
}
