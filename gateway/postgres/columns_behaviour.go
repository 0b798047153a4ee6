package postgres

import "github.com/profferhq/proffer/projections"

func behaviourTable() table[projections.BehaviourRow] {
	type row = projections.BehaviourRow
	return table[row]{name: "behaviour_events", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"type", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Type) }},
		{"name", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Name) }},
		{"amount", oidNumeric, func(b []byte, r *row) []byte { return amountCell(b, r) }},
		{"currency", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Currency) }},
		{"order_id", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Order) }},
		{"coupon", oidBool, func(b []byte, r *row) []byte { return boolCell(b, r.Coupon) }},
		{"items", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Lines) }},
		{"item", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Item) }},
		{"category", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Category) }},
		{"quantity", oidNumeric, func(b []byte, r *row) []byte { return quantityCell(b, r) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
		{"received_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.ReceivedMs) }},
		{"source", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Source) }},
		{"channel", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Channel) }},
	}}
}

func lineTable() table[projections.LineRow] {
	type row = projections.LineRow
	return table[row]{name: "purchase_lines", columns: []column[row]{
		{"log_sequence", oidInt8, func(b []byte, r *row) []byte { return int8Cell(b, int64(r.At.Sequence)) }},
		{"log_index", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, int(r.At.Index)) }},
		{"line", oidInt4, func(b []byte, r *row) []byte { return int4Cell(b, r.Line) }},
		{"alias", oidUUID, func(b []byte, r *row) []byte { return optionalUUID(b, r.Alias) }},
		{"type", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Type) }},
		{"order_id", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Order) }},
		{"item", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Item) }},
		{"category", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Category) }},
		{"quantity", oidNumeric, func(b []byte, r *row) []byte { return milliCell(b, r.QuantityMilli) }},
		{"amount", oidNumeric, func(b []byte, r *row) []byte { return microsCell(b, r.AmountMicros) }},
		{"currency", oidText, func(b []byte, r *row) []byte { return optionalText(b, r.Currency) }},
		{"occurred_at", oidTimestamptz, func(b []byte, r *row) []byte { return timeCell(b, r.OccurredMs) }},
	}}
}

func amountCell(b []byte, r *projections.BehaviourRow) []byte {
	if !r.HasAmount {
		return null(b)
	}
	return microsCell(b, r.AmountMicros)
}

func quantityCell(b []byte, r *projections.BehaviourRow) []byte {
	if r.Item == "" && r.QuantityMilli == 0 {
		return null(b)
	}
	return milliCell(b, r.QuantityMilli)
}
