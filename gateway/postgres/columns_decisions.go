package postgres

import (
	"math"

	"github.com/profferhq/proffer/projections"
)

func decisionTable() table[projections.DecisionRow] {
	type row = projections.DecisionRow
	return table[row]{name: "decisions", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"decision_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.ID) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"profile_id", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Profile) }},
		{"external", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.External) }},
		{"decided_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.NowMs) }},
		{"placement", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Placement) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
		{"context", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.ContextJSON) }},
		{"policy", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Policy) }},
		{"policy_version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.PolicyVersion) }},
		{"policy_digest", oidBytea, func(b []byte, r *row) []byte { return optionalBytes(b, r.PolicyDigest) }},
		{"feature_view", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.View) }},
		{"feature_view_fingerprint", oidBytea, func(b []byte, r *row) []byte { return optionalBytes(b, r.ViewFingerprint) }},
		{"held_out", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.HeldOut) }},
		{"offer", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Offer) }},
		{"treatment", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Treatment) }},
		{"category", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Category) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"logged_propensity", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.LoggedPropensity) }},
		{"propensity_estimated", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.PropensityEstimated) }},
		{"candidates", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Candidates) }},
		{"contacts", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Contacts) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
	}}
}

func candidateTable() table[projections.CandidateRow] {
	type row = projections.CandidateRow
	return table[row]{name: "decision_candidates", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"candidate", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Candidate) }},
		{"decision_id", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Decision) }},
		{"decided_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.DecidedMs) }},
		{"offer", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Offer) }},
		{"treatment", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Treatment) }},
		{"stage", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Stage) }},
		{"rule", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Rule) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"propensity", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Propensity) }},
		{"value", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Value) }},
		{"weight", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Weight) }},
		{"cost", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Cost) }},
		{"expected_value", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.ExpectedValue) }},
		{"draw", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Draw) }},
	}}
}

func outcomeTable() table[projections.OutcomeRow] {
	type row = projections.OutcomeRow
	return table[row]{name: "outcomes", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"type", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Type) }},
		{"decision_id", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Decision) }},
		{"offer", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Offer) }},
		{"treatment", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Treatment) }},
		{"placement", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Placement) }},
		{"value", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.ValueMicros) }},
		{"cost", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.CostMicros) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

// versionCell writes NULL for 0: there is none. What Postgres cannot hold is the largest that it can.
func versionCell(b []byte, version uint64) []byte {
	if version == 0 {
		return null(b)
	}
	return int8Cell(b, int64(min(version, math.MaxInt64)))
}
