package postgres

import (
	"encoding/json"
	"slices"

	"github.com/profferhq/proffer/projections"
)

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
		{"posterior", oidFloat8, func(b []byte, r *row) []byte { return float8If(b, hasPosterior(r), r.Posterior) }},
		{"guard", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Guard) }},
		{"guard_type", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.GuardType) }},
		{"mark", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Mark) }},
		{"confirmed", oidBool, func(b []byte, r *row) []byte { return boolIf(b, r.Type == "match_reviewed", r.Confirmed) }},
		{"lifted", oidBool, func(b []byte, r *row) []byte { return boolIf(b, r.Type == "identity_barred", r.Lifted) }},
		{"version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.Version) }},
		{"actor", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Actor) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"names", oidJSONB, func(b []byte, r *row) []byte { return namesCell(b, r.Names) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

func consentTable() table[projections.ConsentRow] {
	type row = projections.ConsentRow
	return table[row]{name: "consents", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
		{"purpose", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Purpose) }},
		{"state", oidText, func(b []byte, r *row) []byte { return textCell(b, consentState(r.Given)) }},
		{"rule", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Rule) }},
		{"actor", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Actor) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

func consentState(given bool) string {
	if given {
		return "given"
	}
	return "withdrawn"
}

// hasPosterior says whether an event's type weighs how sure it is.
func hasPosterior(r *projections.IdentityRow) bool {
	return slices.Contains([]string{"identity_linked", "identity_withheld", "match_proposed", "match_reviewed"}, r.Type)
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

func historyTable() table[projections.HistoryRow] {
	type row = projections.HistoryRow
	return table[row]{name: "identity_history", key: []string{"alias", "from_sequence", "from_index"}, columns: append([]column[row]{
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Profile) }},
		{"from_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.From.At.Sequence)) }},
		{"from_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.From.At.Index)) }},
		{"from_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeIf(b, !r.From.IsZero(), r.From.Ms) }},
	}, columnsOf(momentFields("to", func(r *row) *projections.Moment { return &r.To }))...)}
}

// historyEndTable are the columns by which stored stretches end.
func historyEndTable() table[projections.HistoryEnd] {
	type row = projections.HistoryEnd
	return table[row]{name: "identity_history", columns: append([]column[row]{
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
	}, columnsOf(momentFields("to", func(r *row) *projections.Moment { return &r.To }))...)}
}

func guardsTable() table[projections.GuardsRow] {
	type row = projections.GuardsRow
	return table[row]{name: "identity_guards", key: []string{"version"}, columns: append([]column[row]{
		{"version", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.Version)) }},
		{"document", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Document) }},
		{"types", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.GuardsJSON) }},
		{"profile_most", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, uint64(r.ProfileMost)) }},
		{"actor", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Actor) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
	}, columnsOf(momentFields("since", func(r *row) *projections.Moment { return &r.At }))...)}
}

func matchModelTable() table[projections.MatchModelRow] {
	type row = projections.MatchModelRow
	return table[row]{name: "match_models", key: []string{"name", "version"}, columns: append([]column[row]{
		{"name", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Name) }},
		{"version", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.Version)) }},
		{"digest", oidBytea, func(b []byte, r *row) []byte { return optionalBytes(b, r.Digest) }},
		{"document", oidJSONB, func(b []byte, r *row) []byte { return optionalJSON(b, r.DocumentJSON) }},
		{"actor", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Actor) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
	}, columnsOf(momentFields("since", func(r *row) *projections.Moment { return &r.At }))...)}
}
