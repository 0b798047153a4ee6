package postgres

import "github.com/profferhq/proffer/projections"

func policyEventTable() table[projections.PolicyEventRow] {
	type row = projections.PolicyEventRow
	return table[row]{name: "policy_events", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"type", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Type) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
	}}
}

func policyTable() table[projections.PolicyRow] {
	type row = projections.PolicyRow
	return table[row]{name: "policies", key: []string{"policy", "version"}, columns: []column[row]{
		{"policy", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Policy) }},
		{"version", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.Version)) }},
		{"description", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Description) }},
		{"feature_view", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.View) }},
		{"holdout", oidFloat8, func(b []byte, r *row) []byte { return float8Cell(b, r.Holdout) }},
		{"placements", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Placements) }},
		{"offers", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Offers) }},
		{"contact_limits", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Limits) }},
		{"digest", oidBytea, func(b []byte, r *row) []byte { return bytesCell(b, r.Digest) }},
		{"document", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Document) }},
		{"published_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.PublishedMs) }},
		{"published_by", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.PublishedBy) }},
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
	}}
}

func offerTable() table[projections.OfferRow] {
	type row = projections.OfferRow
	return table[row]{name: "offers", key: []string{"offer", "policy"}, columns: []column[row]{
		{"offer", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Offer) }},
		{"policy", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Policy) }},
		{"policy_version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.PolicyVersion) }},
		{"description", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Description) }},
		{"category", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Category) }},
		{"propensity", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Propensity) }},
		{"value", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Value) }},
		{"weight", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Weight) }},
		{"cost", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Cost) }},
		{"eligibility", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.EligibilityRulesJSON) }},
		{"treatments", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.TreatmentsJSON) }},
		{"attributes", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.AttributesJSON) }},
		{"validity", oidInterval, func(b []byte, r *row) []byte { return durationCell(b, r.ValidityMs) }},
		{"defined_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.DefinedMs) }},
		{"defined_by", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.DefinedBy) }},
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
	}}
}

func featureViewTable() table[projections.FeatureViewRow] {
	type row = projections.FeatureViewRow
	return table[row]{name: "feature_views", key: []string{"name", "fingerprint"}, columns: []column[row]{
		{"name", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Name) }},
		{"fingerprint", oidBytea, func(b []byte, r *row) []byte { return bytesCell(b, r.Fingerprint) }},
		{"specs", oidJSONB, func(b []byte, r *row) []byte { return jsonCell(b, r.SpecsJSON) }},
		{"published_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.PublishedMs) }},
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
	}}
}

func definitionTable() table[projections.DefinitionRow] {
	type row = projections.DefinitionRow
	return table[row]{name: "definitions", key: []string{"kind", "name"}, columns: []column[row]{
		{"kind", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Kind) }},
		{"name", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Name) }},
		{"version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.Version) }},
		{"withdrawn", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.Withdrawn) }},
		{"since", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.SinceMs) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
	}}
}

func quarantineTable() table[projections.QuarantineRow] {
	type row = projections.QuarantineRow
	return table[row]{name: "quarantine", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"quarantine_id", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.ID) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"reason", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Reason) }},
		{"field", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Field) }},
		{"message", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Message) }},
		{"format", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Format) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

func resolutionTable() table[projections.ResolutionRow] {
	type row = projections.ResolutionRow
	return table[row]{name: "quarantine", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"quarantine_id", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Of) }},
		{"resolved_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ResolvedMs) }},
		{"replayed", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.Replayed) }},
		{"note", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Note) }},
	}}
}

func unknownTable() table[projections.UnknownRow] {
	type row = projections.UnknownRow
	return table[row]{name: "unknown_events", columns: []column[row]{
		{"stream", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Stream.String()) }},
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}
