package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// Tables are the analysts' tables in a database; it implements projections.Tables. One Tables serves one projector,
// reads may run beside it.
type Tables struct {
	pool *pgxpool.Pool
	// months are the partitions known to exist.
	mu     sync.Mutex
	months map[month]bool
}

// NewTables makes the store over a pool whose database has been migrated, or will be before the first use.
func NewTables(pool *pgxpool.Pool) *Tables { return &Tables{pool: pool, months: map[month]bool{}} }

var _ projections.Tables = (*Tables)(nil)

// projection is the name of the checkpoints of these tables.
const projection = "tables"

// Checkpoint is the cut the tables are at.
func (t *Tables) Checkpoint(ctx context.Context) (domain.Cut, error) {
	return readCheckpoint(ctx, t.pool, "")
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// readCheckpoint reads the cut; lock is "" or the locking clause.
func readCheckpoint(ctx context.Context, q querier, lock string) (domain.Cut, error) {
	var cut domain.Cut
	rows, err := q.Query(ctx, "SELECT stream, sequence FROM proffer.projection_checkpoints WHERE projection = $1 ORDER BY stream "+lock, projection)
	if err != nil {
		return cut, failed("read the checkpoint", err)
	}
	var name string
	var sequence int64
	seen := 0
	_, err = pgx.ForEachRow(rows, []any{&name, &sequence}, func() error {
		stream, err := domain.ParseStream(name)
		if err != nil {
			return err
		}
		cut[stream] = uint64(sequence)
		seen++
		return nil
	})
	if err == nil && seen != domain.Streams {
		err = errors.New("the rows of some streams are missing")
	}
	if err != nil {
		return cut, failed("read the checkpoint", err)
	}
	return cut, nil
}

// contentTables are the tables that hold what is projected, all of them.
func contentTables() []string {
	return []string{"aliases", "profiles", "identity_events", "identity_history", "consents",
		"identity_pairs", "identity_guards", "segment_stays", "match_models", "behaviour_events", "purchase_lines", "decisions",
		"decision_candidates", "outcomes", "policy_events", "policies", "offers", "feature_views", "definitions", "quarantine", "unknown_events"}
}

// Clear empties the tables and puts the checkpoint back to the start.
func (t *Tables) Clear(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		if _, err := readCheckpoint(ctx, tx, "FOR UPDATE"); err != nil {
			return err
		}
		names := "proffer." + strings.Join(contentTables(), ", proffer.")
		if _, err := tx.Exec(ctx, "TRUNCATE "+names); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE proffer.projection_checkpoints SET sequence = 0 WHERE projection = $1", projection)
		return err
	})
	if err != nil {
		return failed("clear the tables", err)
	}
	return nil
}
