package postgres

import (
	"encoding/json"

	"github.com/profferhq/proffer/projections"
)

func aliasTable() table[projections.AliasRow] {
	type row = projections.AliasRow
	return table[row]{name: "aliases", key: []string{"alias"}, columns: []column[row]{
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
		{"type", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Totals.Type) }},
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Profile) }},
		{"events", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Events) }},
		{"first_seen_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Events > 0, r.Totals.FirstMs) }},
		{"last_seen_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Events > 0, r.Totals.LastMs) }},
		{"behaviours", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Behaviours) }},
		{"last_active_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Behaviours > 0, r.Totals.LastActiveMs) }},
		{"views", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Views) }},
		{"carts", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Carts) }},
		{"purchases", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Purchases) }},
		{"refunds", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Refunds) }},
		{"tracked", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Tracked) }},
		{"spent", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.SpentMicros) }},
		{"refunded", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.RefundedMicros) }},
		{"currency", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Totals.Currency) }},
		{"decisions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Decisions) }},
		{"external_decisions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.ExternalDecisions) }},
		{"offers", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Offers) }},
		{"deliveries", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Deliveries) }},
		{"exposures", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Exposures) }},
		{"clicks", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Clicks) }},
		{"conversions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Conversions) }},
		{"converted", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.ConvertedMicros) }},
		{"conversion_cost", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.CostMicros) }},
	}}
}

func profileTable() table[projections.ProfileRow] {
	type row = projections.ProfileRow
	return table[row]{name: "profiles", key: []string{"profile_id"}, columns: []column[row]{
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Profile) }},
		{"type", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Totals.Type) }},
		{"aliases", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Aliases) }},
		{"events", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Events) }},
		{"first_seen_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Events > 0, r.Totals.FirstMs) }},
		{"last_seen_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Events > 0, r.Totals.LastMs) }},
		{"behaviours", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Behaviours) }},
		{"last_active_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, r.Totals.Behaviours > 0, r.Totals.LastActiveMs) }},
		{"views", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Views) }},
		{"carts", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Carts) }},
		{"purchases", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Purchases) }},
		{"refunds", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Refunds) }},
		{"tracked", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Tracked) }},
		{"spent", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.SpentMicros) }},
		{"refunded", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.RefundedMicros) }},
		{"currency", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Totals.Currency) }},
		{"decisions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Decisions) }},
		{"external_decisions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.ExternalDecisions) }},
		{"offers", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Offers) }},
		{"deliveries", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Deliveries) }},
		{"exposures", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Exposures) }},
		{"clicks", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Clicks) }},
		{"conversions", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, r.Totals.Conversions) }},
		{"converted", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.ConvertedMicros) }},
		{"conversion_cost", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.Totals.CostMicros) }},
	}}
}

func identityTable() table[projections.IdentityRow] {
	type row = projections.IdentityRow
	return table[row]{name: "identity_events", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"type", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Type) }},
		{"other", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Other) }},
		{"other_type", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.OtherType) }},
		{"rule", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Rule) }},
		{"posterior", oidFloat8, func(b []byte, r *row) []byte { return posteriorCell(b, r) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"names", oidJSONB, func(b []byte, r *row) []byte { return namesCell(b, r.Names) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

func timeIf(b []byte, known bool, ms int64) []byte {
	if !known {
		return null(b)
	}
	return timeCell(b, ms)
}

func posteriorCell(b []byte, r *projections.IdentityRow) []byte {
	if r.Type != "identity_linked" {
		return null(b)
	}
	return float8Cell(b, r.Posterior)
}

func namesCell(b []byte, names []string) []byte {
	if len(names) == 0 {
		return null(b)
	}
	list, err := json.Marshal(names)
	if err != nil { // text always encodes
		return null(b)
	}
	return jsonCell(b, string(list))
}
