package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/projections"
)

// Ceiling measures what the projection is divided by: the time that bare unnest upserts of the same rows take, one
// asynchronous transaction a batch, into copies of the tables with the same indexes. Nothing is read, decoded, folded
// or checked. The copies are in a schema of their own, which is dropped before and after.
func Ceiling(ctx context.Context, pool *pgxpool.Pool, batches []projections.TableBatch) (took time.Duration, err error) {
	if err := dropCeiling(ctx, pool); err != nil {
		return 0, err
	}
	if err := makeCeiling(ctx, pool); err != nil {
		return 0, err
	}
	defer func() {
		if dropErr := dropCeiling(ctx, pool); err == nil {
			err = dropErr
		}
	}()
	begun := time.Now()
	for _, b := range batches {
		err := pgx.BeginTxFunc(ctx, pool, asynchronous(), func(tx pgx.Tx) error {
			return upsertAll(ctx, tx.Conn().PgConn(), &b.Rows)
		})
		if err != nil {
			return 0, fmt.Errorf("postgres: measure the ceiling: %w", err)
		}
	}
	return time.Since(begun), nil
}

const ceilingSchema = "proffer_ceiling"

func makeCeiling(ctx context.Context, pool *pgxpool.Pool) error {
	var sql strings.Builder
	sql.WriteString("CREATE SCHEMA " + ceilingSchema)
	for _, name := range contentTables() {
		fmt.Fprintf(&sql, "; CREATE TABLE %s.%s (LIKE proffer.%s INCLUDING ALL)", ceilingSchema, name, name)
	}
	for _, name := range []string{"aliases", "profiles", "identity_pairs", "identity_history"} {
		fmt.Fprintf(&sql, "; ALTER TABLE %s.%s SET (fillfactor = 80)", ceilingSchema, name)
	}
	if _, err := pool.Exec(ctx, sql.String()); err != nil {
		return fmt.Errorf("postgres: make the tables of the ceiling: %w", err)
	}
	return nil
}

func dropCeiling(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS "+ceilingSchema+" CASCADE; RESET client_min_messages"); err != nil {
		return fmt.Errorf("postgres: drop the tables of the ceiling: %w", err)
	}
	return nil
}

func upsertAll(ctx context.Context, conn *pgconn.PgConn, rows *projections.Rows) error {
	for _, step := range []func() error{
		func() error { return bare(ctx, conn, behaviourTable(), rows.Behaviour) },
		func() error { return bare(ctx, conn, lineTable(), rows.Lines) },
		func() error { return bare(ctx, conn, identityTable(), rows.Identity) },
		func() error { return bare(ctx, conn, consentTable(), rows.Consents) },
		func() error { return bare(ctx, conn, decisionTable(), rows.Decisions) },
		func() error { return bare(ctx, conn, candidateTable(), rows.Candidates) },
		func() error { return bare(ctx, conn, outcomeTable(), rows.Outcomes) },
		func() error { return bare(ctx, conn, quarantineTable(), rows.Quarantined) },
		func() error { return bare(ctx, conn, unknownTable(), rows.Unknown) },
		func() error { return bare(ctx, conn, policyTable(), rows.Policies) },
		func() error { return bare(ctx, conn, offerTable(), rows.Offers) },
		func() error { return bare(ctx, conn, featureViewTable(), rows.FeatureViews) },
		func() error { return bare(ctx, conn, definitionTable(), rows.Definitions) },
		func() error { return bare(ctx, conn, guardsTable(), rows.Guards) },
		func() error { return bare(ctx, conn, matchModelTable(), rows.MatchModels) },
		func() error { return bare(ctx, conn, pairTable(), rows.Pairs) },
		func() error { return bare(ctx, conn, historyTable(), rows.History) },
		func() error { return bare(ctx, conn, aliasTable(), rows.Aliases) },
		func() error { return bare(ctx, conn, profileTable(), rows.Profiles) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// bare is one upsert: rows without a key of their own are only added.
func bare[R any](ctx context.Context, conn *pgconn.PgConn, t table[R], rows []R) error {
	sql := t.insertSQL(ceilingSchema) + " ON CONFLICT DO NOTHING"
	if t.key != nil {
		sql = t.upsertSQL(ceilingSchema)
	}
	return t.unnest(ctx, conn, rows, sql)
}

// Captured passes batches on to other tables and keeps them: what Ceiling wants.
type Captured struct {
	projections.Tables
	mu      sync.Mutex
	batches []projections.TableBatch
}

// Capture wraps tables.
func Capture(tables projections.Tables) *Captured { return &Captured{Tables: tables} }

// Apply implements projections.TableWriter.
func (c *Captured) Apply(ctx context.Context, batch projections.TableBatch) error {
	if err := c.Tables.Apply(ctx, batch); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches = append(c.batches, batch)
	return nil
}

// Batches are the batches applied so far.
func (c *Captured) Batches() []projections.TableBatch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]projections.TableBatch(nil), c.batches...)
}
