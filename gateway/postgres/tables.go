package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
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
		return cut, fmt.Errorf("postgres: read the checkpoint: %w", err)
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
		return cut, fmt.Errorf("postgres: read the checkpoint: %w", err)
	}
	return cut, nil
}

// totalsColumns reads Totals in the order of scanTotals; money comes back as millionths.
const totalsColumns = `coalesce(type, ''), events, behaviours,
	coalesce(round(extract(epoch FROM first_seen_at) * 1000)::bigint, 0),
	coalesce(round(extract(epoch FROM last_seen_at) * 1000)::bigint, 0),
	coalesce(round(extract(epoch FROM last_active_at) * 1000)::bigint, 0),
	views, carts, purchases, refunds, tracked,
	(spent * 1000000)::bigint, (refunded * 1000000)::bigint, coalesce(currency, ''),
	decisions, external_decisions, offers, deliveries, exposures, clicks, conversions,
	(converted * 1000000)::bigint, (conversion_cost * 1000000)::bigint`

func totalsTargets(t *projections.Totals) []any {
	return []any{&t.Type, &t.Events, &t.Behaviours, &t.FirstMs, &t.LastMs, &t.LastActiveMs,
		&t.Views, &t.Carts, &t.Purchases, &t.Refunds, &t.Tracked,
		&t.SpentMicros, &t.RefundedMicros, &t.Currency,
		&t.Decisions, &t.ExternalDecisions, &t.Offers, &t.Deliveries, &t.Exposures, &t.Clicks, &t.Conversions,
		&t.ConvertedMicros, &t.CostMicros}
}

// Totals are the stored totals of these aliases.
func (t *Tables) Totals(ctx context.Context, aliases []domain.Alias) (map[domain.Alias]projections.Totals, error) {
	found := make(map[domain.Alias]projections.Totals, len(aliases))
	if len(aliases) == 0 {
		return found, nil
	}
	ids := make([]pgtype.UUID, len(aliases))
	for i, a := range aliases {
		ids[i] = pgtype.UUID{Bytes: a, Valid: true}
	}
	rows, err := t.pool.Query(ctx, "SELECT alias, "+totalsColumns+" FROM unnest($1::uuid[]) AS wanted (alias) JOIN proffer.aliases USING (alias)", ids)
	if err != nil {
		return nil, fmt.Errorf("postgres: read totals: %w", err)
	}
	var id [16]byte
	var totals projections.Totals
	_, err = pgx.ForEachRow(rows, append([]any{&id}, totalsTargets(&totals)...), func() error {
		found[domain.Alias(id)] = totals
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: read totals: %w", err)
	}
	return found, nil
}

// Links yields the links and unlinks in the order of the log.
func (t *Tables) Links(ctx context.Context) iter.Seq2[domain.Recorded, error] {
	return func(yield func(domain.Recorded, error) bool) {
		rows, err := t.pool.Query(ctx, `SELECT log_sequence, log_index, alias, other, linked
			FROM proffer.links WHERE alias IS NOT NULL AND other IS NOT NULL ORDER BY log_sequence, log_index`)
		if err != nil {
			yield(domain.Recorded{}, fmt.Errorf("postgres: read links: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanLink(rows)
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(domain.Recorded{}, fmt.Errorf("postgres: read links: %w", err))
		}
	}
}

func scanLink(rows pgx.Rows) (domain.Recorded, error) {
	var sequence int64
	var index int32
	var alias, other [16]byte
	var made bool
	if err := rows.Scan(&sequence, &index, &alias, &other, &made); err != nil {
		return domain.Recorded{}, fmt.Errorf("postgres: read a link: %w", err)
	}
	e := &event.Event{Alias: alias[:]}
	if made {
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: other[:]}}
	} else {
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: other[:]}}
	}
	at := domain.Position{Sequence: uint64(sequence), Index: uint32(index)}
	return domain.Recorded{At: at, Event: e}, nil
}

// contentTables are the tables that hold what is projected, all of them.
func contentTables() []string {
	return []string{"aliases", "profiles", "identity_events", "behaviour_events", "purchase_lines", "decisions",
		"decision_candidates", "outcomes", "policies", "offers", "feature_views", "quarantine", "unknown_events"}
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
		return fmt.Errorf("postgres: clear the tables: %w", err)
	}
	return nil
}
