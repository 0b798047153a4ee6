package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
)

// Totals are the stored totals of these aliases.
func (t *Tables) Totals(ctx context.Context, aliases []domain.Alias) (map[domain.Alias]projections.Totals, error) {
	found := make(map[domain.Alias]projections.Totals, len(aliases))
	if len(aliases) == 0 {
		return found, nil
	}
	fields := aliasFields()
	sql := "SELECT " + readSQL(fields) + " FROM unnest($1::uuid[]) AS wanted (alias) JOIN proffer.aliases USING (alias)"
	rows, err := t.pool.Query(ctx, sql, uuids(aliases))
	if err != nil {
		return nil, failed("read totals", err)
	}
	var row projections.AliasRow
	if _, err := pgx.ForEachRow(rows, targets(fields, &row), func() error {
		found[row.Alias] = row.Totals
		return nil
	}); err != nil {
		return nil, failed("read totals", err)
	}
	return found, nil
}

// Pairs are the stored rows of these pairs.
func (t *Tables) Pairs(ctx context.Context, pairs []projections.Pair) (map[projections.Pair]projections.PairRow, error) {
	found := make(map[projections.Pair]projections.PairRow, len(pairs))
	if len(pairs) == 0 {
		return found, nil
	}
	aliases, others := make([]domain.Alias, len(pairs)), make([]domain.Alias, len(pairs))
	for i, p := range pairs {
		aliases[i], others[i] = p.Alias, p.Other
	}
	fields := pairFields()
	sql := "SELECT " + readSQL(fields) + " FROM unnest($1::uuid[], $2::uuid[]) AS wanted (alias, other) JOIN proffer.identity_pairs USING (alias, other)"
	rows, err := t.pool.Query(ctx, sql, uuids(aliases), uuids(others))
	if err != nil {
		return nil, failed("read pairs", err)
	}
	var row projections.PairRow
	if _, err := pgx.ForEachRow(rows, targets(fields, &row), func() error {
		found[row.Pair] = row
		return nil
	}); err != nil {
		return nil, failed("read pairs", err)
	}
	return found, nil
}

func uuids(aliases []domain.Alias) []pgtype.UUID {
	ids := make([]pgtype.UUID, len(aliases))
	for i, a := range aliases {
		ids[i] = pgtype.UUID{Bytes: a, Valid: true}
	}
	return ids
}

// Links yields the links, unlinks and marks in the order of the log.
func (t *Tables) Links(ctx context.Context) iter.Seq2[domain.Recorded, error] {
	return func(yield func(domain.Recorded, error) bool) {
		rows, err := t.pool.Query(ctx, `SELECT log_sequence, log_index, type, alias, coalesce(other, alias), coalesce(mark, '')
			FROM proffer.identity_events
			WHERE alias IS NOT NULL AND (type = 'alias_marked' OR type IN ('identity_linked', 'identity_unlinked') AND other IS NOT NULL)
			ORDER BY log_sequence, log_index`)
		if err != nil {
			yield(domain.Recorded{}, failed("read links", err))
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
			yield(domain.Recorded{}, failed("read links", err))
		}
	}
}

func scanLink(rows pgx.Rows) (domain.Recorded, error) {
	var at domain.Position
	var kind, mark string
	var alias, other [16]byte
	if err := rows.Scan(&at.Sequence, &at.Index, &kind, &alias, &other, &mark); err != nil {
		return domain.Recorded{}, failed("read a link", err)
	}
	e := &event.Event{Alias: alias[:]}
	switch kind {
	case "identity_linked":
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: other[:]}}
	case "identity_unlinked":
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: other[:]}}
	default:
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: projections.MarkNamed(mark)}}
	}
	return domain.Recorded{At: at, Event: e}, nil
}
