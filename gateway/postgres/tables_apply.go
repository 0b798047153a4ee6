package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// Apply writes a batch and moves the checkpoint, in one transaction that commits asynchronously: what a crash of the
// database takes away are whole batches with their checkpoint, and the log has them.
func (t *Tables) Apply(ctx context.Context, batch projections.TableBatch) error {
	months := monthsOf(batch.Rows)
	err := pgx.BeginTxFunc(ctx, t.pool, asynchronous(), func(tx pgx.Tx) error {
		if err := moveCheckpoint(ctx, tx, batch.From, batch.To); err != nil {
			return err
		}
		if err := t.addMonths(ctx, tx, months); err != nil {
			return err
		}
		return writeRows(ctx, tx.Conn().PgConn(), &batch.Rows)
	})
	if err != nil {
		return failed("apply", err)
	}
	t.rememberMonths(months)
	return nil
}

// asynchronous transactions are acknowledged before they are on disk.
func asynchronous() pgx.TxOptions {
	return pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL synchronous_commit = off"}
}

// moveCheckpoint locks the checkpoint's rows, so that a second owner waits, compares and moves them.
func moveCheckpoint(ctx context.Context, tx pgx.Tx, from, to domain.Cut) error {
	stored, err := readCheckpoint(ctx, tx, "FOR UPDATE")
	if err != nil {
		return err
	}
	if err := projections.CompareCheckpoint(stored, from); err != nil {
		return err
	}
	names, old, new := make([]string, domain.Streams), make([]int64, domain.Streams), make([]int64, domain.Streams)
	for i, s := range domain.AllStreams() {
		names[i], old[i], new[i] = s.String(), int64(from[s]), int64(to[s])
	}
	tag, err := tx.Exec(ctx, `UPDATE proffer.projection_checkpoints c SET sequence = n.new
		FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS n (stream, old, new)
		WHERE c.projection = $1 AND c.stream = n.stream AND c.sequence = n.old`, projection, names, old, new)
	if err != nil {
		return fmt.Errorf("move the checkpoint: %w", err)
	}
	if tag.RowsAffected() != int64(domain.Streams) {
		return projections.ErrAnotherOwner
	}
	return nil
}

// writeRows writes every table of the batch. What happened is appended; the rest replaces the row of its key.
func writeRows(ctx context.Context, conn *pgconn.PgConn, rows *projections.Rows) error {
	steps := []func() error{
		func() error { return behaviourTable().copyIn(ctx, conn, rows.Behaviour) },
		func() error { return lineTable().copyIn(ctx, conn, rows.Lines) },
		func() error { return identityTable().copyIn(ctx, conn, rows.Identity) },
		func() error { return consentTable().copyIn(ctx, conn, rows.Consents) },
		func() error { return decisionTable().copyIn(ctx, conn, rows.Decisions) },
		func() error { return candidateTable().copyIn(ctx, conn, rows.Candidates) },
		func() error { return outcomeTable().copyIn(ctx, conn, rows.Outcomes) },
		func() error { return policyEventTable().copyIn(ctx, conn, rows.PolicyEvents) },
		func() error { return quarantineTable().copyIn(ctx, conn, rows.Quarantined) },
		func() error { return unknownTable().copyIn(ctx, conn, rows.Unknown) },
		func() error { return resolve(ctx, conn, rows.Resolutions) },
		func() error { return policyTable().upsert(ctx, conn, rows.Policies) },
		func() error { return offerTable().upsert(ctx, conn, rows.Offers) },
		func() error { return featureViewTable().upsert(ctx, conn, rows.FeatureViews) },
		func() error { return definitionTable().upsert(ctx, conn, rows.Definitions) },
		func() error { return guardsTable().upsert(ctx, conn, rows.Guards) },
		func() error { return matchModelTable().upsert(ctx, conn, rows.MatchModels) },
		func() error { return pairTable().upsert(ctx, conn, rows.Pairs) },
		func() error { return aliasTable().upsert(ctx, conn, rows.Aliases) },
		func() error { return deleteProfiles(ctx, conn, rows.GoneProfiles) },
		func() error { return profileTable().upsert(ctx, conn, rows.Profiles) },
		func() error { return endHistory(ctx, conn, rows.HistoryEnds) },
		func() error { return historyTable().insertNew(ctx, conn, rows.History) },
		func() error { return beginStays(ctx, conn, rows.SegmentFirsts) },
		func() error { return endStays(ctx, conn, rows.SegmentEnds) },
		func() error { return stayTable().copyIn(ctx, conn, rows.SegmentStays) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// resolve marks what was refused as repaired or discarded. The same item may be refused more than once, before and
// after: a resolution is of what stands before it.
func resolve(ctx context.Context, conn *pgconn.PgConn, rows []projections.ResolutionRow) error {
	return resolutionTable().unnest(ctx, conn, rows, `UPDATE proffer.quarantine q
		SET resolved_at = r.resolved_at, replayed = r.replayed, note = r.note
		FROM unnest($1, $2, $3, $4, $5, $6) AS r (log_sequence, log_index, quarantine_id, resolved_at, replayed, note)
		WHERE q.quarantine_id = r.quarantine_id AND (q.log_sequence, q.log_index) < (r.log_sequence, r.log_index)`)
}

// deleteProfiles removes ids that are no profile any more.
func deleteProfiles(ctx context.Context, conn *pgconn.PgConn, gone []domain.Alias) error {
	ids := table[domain.Alias]{name: "profiles", columns: []column[domain.Alias]{
		{"profile_id", pgtype.UUIDOID, func(b []byte, r *domain.Alias) []byte { return uuidCell(b, *r) }},
	}}
	return ids.unnest(ctx, conn, gone, "DELETE FROM proffer.profiles WHERE profile_id = ANY($1)")
}

// endHistory ends the stretches that are still open of aliases that move.
func endHistory(ctx context.Context, conn *pgconn.PgConn, ends []projections.HistoryEnd) error {
	return historyEndTable().unnest(ctx, conn, ends, `UPDATE proffer.identity_history h
		SET to_sequence = e.to_sequence, to_index = e.to_index, to_at = e.to_at
		FROM unnest($1, $2, $3, $4) AS e (alias, to_sequence, to_index, to_at)
		WHERE h.alias = e.alias AND h.to_sequence IS NULL`)
}

// beginStays writes the stays of those who are not there already.
func beginStays(ctx context.Context, conn *pgconn.PgConn, firsts []projections.SegmentStay) error {
	t := stayTable()
	return t.unnest(ctx, conn, firsts, t.insertSQL("proffer")+` AS f (`+strings.Join(t.columnNames(), ", ")+`)
		WHERE NOT EXISTS (SELECT FROM proffer.segment_stays s
			WHERE s.alias = f.alias AND s.definition = f.definition AND s.segment = f.segment AND s.left_sequence IS NULL)`)
}

// endStays ends the stays in segments that are still open.
func endStays(ctx context.Context, conn *pgconn.PgConn, ends []projections.SegmentEnd) error {
	return stayEndTable().unnest(ctx, conn, ends, `UPDATE proffer.segment_stays s
		SET left_sequence = e.left_sequence, left_index = e.left_index, left_at = e.left_at, left_version = e.left_version
		FROM unnest($1, $2, $3, $4, $5, $6, $7) AS e (alias, definition, segment, left_version, left_sequence, left_index, left_at)
		WHERE s.alias = e.alias AND s.definition = e.definition AND s.segment = e.segment AND s.left_sequence IS NULL`)
}
