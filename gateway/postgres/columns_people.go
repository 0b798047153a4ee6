package postgres

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// totalsFields are the columns that aliases and profiles share.
func totalsFields[R any](of func(*R) *projections.Totals) []field[R] {
	seen := func(r *R) bool { return of(r).Events > 0 }
	active := func(r *R) bool { return of(r).Behaviours > 0 }
	return []field[R]{
		textField("type", func(r *R) *string { return &of(r).Type }),
		countField("events", func(r *R) *int64 { return &of(r).Events }),
		timeField("first_seen_at", func(r *R) *int64 { return &of(r).FirstMs }, seen),
		timeField("last_seen_at", func(r *R) *int64 { return &of(r).LastMs }, seen),
		countField("behaviours", func(r *R) *int64 { return &of(r).Behaviours }),
		timeField("last_active_at", func(r *R) *int64 { return &of(r).LastActiveMs }, active),
		countField("views", func(r *R) *int64 { return &of(r).Views }),
		countField("carts", func(r *R) *int64 { return &of(r).Carts }),
		countField("purchases", func(r *R) *int64 { return &of(r).Purchases }),
		countField("refunds", func(r *R) *int64 { return &of(r).Refunds }),
		countField("tracked", func(r *R) *int64 { return &of(r).Tracked }),
		moneyField("spent", func(r *R) *int64 { return &of(r).SpentMicros }),
		moneyField("refunded", func(r *R) *int64 { return &of(r).RefundedMicros }),
		textField("currency", func(r *R) *string { return &of(r).Currency }),
		countField("decisions", func(r *R) *int64 { return &of(r).Decisions }),
		countField("external_decisions", func(r *R) *int64 { return &of(r).ExternalDecisions }),
		countField("offers", func(r *R) *int64 { return &of(r).Offers }),
		countField("deliveries", func(r *R) *int64 { return &of(r).Deliveries }),
		countField("exposures", func(r *R) *int64 { return &of(r).Exposures }),
		countField("clicks", func(r *R) *int64 { return &of(r).Clicks }),
		countField("conversions", func(r *R) *int64 { return &of(r).Conversions }),
		moneyField("converted", func(r *R) *int64 { return &of(r).ConvertedMicros }),
		moneyField("conversion_cost", func(r *R) *int64 { return &of(r).CostMicros }),
	}
}

// aliasFields are what is read back of an alias.
func aliasFields() []field[projections.AliasRow] {
	type row = projections.AliasRow
	return append([]field[row]{uuidField("alias", func(r *row) *domain.Alias { return &r.Alias })},
		totalsFields(func(r *row) *projections.Totals { return &r.Totals })...)
}

func aliasTable() table[projections.AliasRow] {
	type row = projections.AliasRow
	return table[row]{name: "aliases", key: []string{"alias"}, columns: append([]column[row]{
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Profile) }},
		{"mark", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Mark) }},
	}, columnsOf(aliasFields())...)}
}

func profileTable() table[projections.ProfileRow] {
	type row = projections.ProfileRow
	return table[row]{name: "profiles", key: []string{"profile_id"}, columns: append([]column[row]{
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Profile) }},
		{"aliases", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Aliases) }},
	}, columnsOf(totalsFields(func(r *row) *projections.Totals { return &r.Totals }))...)}
}
