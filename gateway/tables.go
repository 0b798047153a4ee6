package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/projections"
)

// tables are the analysts' tables: a projection that may be away while everything else goes on.
type tables struct {
	mu         sync.Mutex
	projector  *projections.TablesProjector
	analystURL string
	why        string // why there are none
}

func (t *tables) set(projector *projections.TablesProjector, analystURL string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.projector, t.analystURL, t.why = projector, analystURL, ""
}

func (t *tables) off(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.why = why
}

// current is the projector, or ErrTablesAway with the reason.
func (t *tables) current() (*projections.TablesProjector, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.projector == nil {
		return nil, fmt.Errorf("%w: %s", rpc.ErrTablesAway, t.why)
	}
	return t.projector, nil
}

// address is where analysts read, or why they cannot.
func (t *tables) address() (analystURL, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.analystURL, t.why
}

// tablesPatience is how long a start waits for a database that may be away.
const tablesPatience = 5 * time.Second

// startTables starts the private Postgres, or connects to the configured one. Neither being there is no reason not
// to serve: it is said loudly, and a configured database is tried again.
func (n *Node) startTables(ctx context.Context) error {
	if n.config.NoDatabase {
		n.parts.tables.off("they are turned off")
		return nil
	}
	server, err := postgres.Start(ctx, postgres.Options{DatabaseURL: n.config.DatabaseURL, Dir: n.config.Data})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		slog.Warn("no analysts' tables: serving goes on without them", "error", err)
		n.parts.tables.off(err.Error())
		return nil
	}
	n.closing(server.Close)
	n.run("keep Postgres", func(ctx context.Context) error { server.Keep(ctx, slog.Default()); return nil })
	pool, err := postgres.Open(ctx, server.URL())
	if err != nil {
		return err
	}
	n.closing(func() error { pool.Close(); return nil })
	n.parts.modelDays = postgres.NewModelDays(pool)
	projector := projections.NewTablesProjector(n.parts.log, postgres.NewTables(pool), projections.TablesOptions{Log: slog.Default()})
	n.parts.tables.off("the database does not answer yet")
	migrated := make(chan struct{})
	n.run("project tables", func(ctx context.Context) error {
		if !migrate(ctx, pool) {
			return nil
		}
		if err := postgres.LetAnalystsRead(ctx, pool); err != nil {
			slog.Warn("analysts may not read the tables", "error", err)
		}
		n.parts.tables.set(projector, server.AnalystURL())
		close(migrated)
		return projector.Run(ctx)
	})
	select { // most often it is there: then its address can be told
	case <-migrated:
	case <-time.After(tablesPatience):
	case <-n.failed:
	case <-ctx.Done():
	}
	return nil
}

// migrate tries until it succeeds; false when the node stops first.
func migrate(ctx context.Context, pool *pgxpool.Pool) bool {
	pause, told := 100*time.Millisecond, false
	for {
		err := postgres.Migrate(ctx, pool)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if !told {
			slog.Warn("the database does not answer: trying again", "error", err)
			told = true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// projectionTables is what operators see of the tables.
func (n *Node) projectionTables() rpc.Projection {
	t := &n.parts.tables
	return rpc.Projection{
		Name: "tables",
		Applied: func() domain.Cut {
			if p, err := t.current(); err == nil {
				return p.Applied()
			}
			return domain.Cut{}
		},
		Lag: func(ctx context.Context) (uint64, error) {
			p, err := t.current()
			if err != nil {
				return n.logEnd(ctx)
			}
			return p.Lag(ctx)
		},
		Trouble: func() error {
			p, err := t.current()
			if err != nil {
				return err
			}
			return p.Trouble()
		},
		Digest: func(ctx context.Context) (domain.Cut, domain.Hash, error) {
			p, err := t.current()
			if err != nil {
				return domain.Cut{}, domain.Hash{}, err
			}
			end, err := n.cut(ctx)
			if err != nil {
				return domain.Cut{}, domain.Hash{}, err
			}
			if err := p.WaitFor(ctx, end); err != nil {
				return domain.Cut{}, domain.Hash{}, tablesAway(ctx, err)
			}
			at, sum, err := p.Digest(ctx)
			return at, sum, tablesAway(ctx, err)
		},
		Rebuild: func(ctx context.Context, progress func(done, total uint64)) error {
			p, err := t.current()
			if err != nil {
				return err
			}
			return tablesAway(ctx, p.Rebuild(ctx, progress))
		},
	}
}

// tablesAway is the error; ErrTablesAway if it is that the database is away. The cause is told and not wrapped: an attempt
// to connect that took too long is no end of the request's own time.
func tablesAway(ctx context.Context, err error) error {
	if ctx.Err() != nil || !errors.Is(err, postgres.ErrNoConnection) {
		return err
	}
	return fmt.Errorf("%w: %s", rpc.ErrTablesAway, err.Error())
}
