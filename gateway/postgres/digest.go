package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/profferhq/proffer/domain"
)

// digested is one table's part of the digest: its columns and the order of its rows.
type digested struct {
	name    string
	columns []string
	order   string
}

func digestedTables() []digested {
	const byPlace = "log_sequence, log_index"
	resolved := append(quarantineTable().columnNames(), "resolved_at", "replayed", "note")
	return []digested{
		{"aliases", aliasTable().columnNames(), "alias"},
		{"profiles", profileTable().columnNames(), "profile_id"},
		{"identity_events", identityTable().columnNames(), byPlace},
		{"consents", consentTable().columnNames(), byPlace},
		{"identity_history", historyTable().columnNames(), "alias, from_sequence, from_index"},
		{"identity_pairs", pairTable().columnNames(), "alias, other"},
		{"identity_guards", guardsTable().columnNames(), "version"},
		{"segment_stays", stayTable().columnNames(), `alias, definition COLLATE "C", segment COLLATE "C", entered_sequence, entered_index`},
		{"match_models", matchModelTable().columnNames(), `name COLLATE "C", version`},
		{"behaviour_events", behaviourTable().columnNames(), byPlace},
		{"purchase_lines", lineTable().columnNames(), byPlace + ", line"},
		{"decisions", decisionTable().columnNames(), byPlace},
		{"decision_candidates", candidateTable().columnNames(), byPlace + ", candidate"},
		{"outcomes", outcomeTable().columnNames(), byPlace},
		{"policy_events", policyEventTable().columnNames(), byPlace},
		{"policies", policyTable().columnNames(), `policy COLLATE "C", version`},
		{"offers", offerTable().columnNames(), `offer COLLATE "C", policy COLLATE "C"`},
		{"feature_views", featureViewTable().columnNames(), `name COLLATE "C", fingerprint`},
		{"definitions", definitionTable().columnNames(), `kind COLLATE "C", name COLLATE "C"`},
		{"quarantine", resolved, byPlace},
		{"unknown_events", unknownTable().columnNames(), `stream COLLATE "C", ` + byPlace},
	}
}

// Digest is the checkpoint and a SHA-256 over every row of every table, in the text form of COPY with fixed settings,
// as of one moment. Partitions, indexes and the order on disk do not show in it. Rows stream through: memory stays
// small whatever the size.
func (t *Tables) Digest(ctx context.Context) (domain.Cut, domain.Hash, error) {
	var cut domain.Cut
	hash := sha256.New()
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, t.pool, options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres';
			SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		var err error
		if cut, err = readCheckpoint(ctx, tx, ""); err != nil {
			return err
		}
		for _, d := range digestedTables() {
			fmt.Fprintf(hash, "%s (%s)\n", d.name, strings.Join(d.columns, ", "))
			sql := fmt.Sprintf("COPY (SELECT %s FROM proffer.%s ORDER BY %s) TO STDOUT", strings.Join(d.columns, ", "), d.name, d.order)
			if _, err := tx.Conn().PgConn().CopyTo(ctx, hash, sql); err != nil {
				return fmt.Errorf("read %s: %w", d.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return cut, domain.Hash{}, failed("digest", err)
	}
	return cut, domain.Hash(hash.Sum(nil)), nil
}
