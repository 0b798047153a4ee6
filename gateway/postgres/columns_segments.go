package postgres

import "github.com/profferhq/proffer/projections"

func stayTable() table[projections.SegmentStay] {
	type row = projections.SegmentStay
	columns := []column[row]{
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
		{"definition", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Definition) }},
		{"segment", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Segment) }},
		{"version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.Version) }},
	}
	columns = append(columns, columnsOf(momentFields("entered", func(r *row) *projections.Moment { return &r.Entered }))...)
	columns = append(columns, columnsOf(momentFields("left", func(r *row) *projections.Moment { return &r.Left }))...)
	return table[row]{
		name: "segment_stays", key: []string{"alias", "definition", "segment", "entered_sequence", "entered_index"},
		columns: append(columns, column[row]{"left_version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.LeftVersion) }}),
	}
}

// stayEndTable are the columns by which stored stays end.
func stayEndTable() table[projections.SegmentEnd] {
	type row = projections.SegmentEnd
	return table[row]{name: "segment_stays", columns: append([]column[row]{
		{"alias", oidUUID, func(b []byte, r *row) []byte { return uuidCell(b, r.Alias) }},
		{"definition", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Definition) }},
		{"segment", oidText, func(b []byte, r *row) []byte { return textCell(b, r.Segment) }},
		{"left_version", oidInt8, func(b []byte, r *row) []byte { return versionCell(b, r.Version) }},
	}, columnsOf(momentFields("left", func(r *row) *projections.Moment { return &r.Left }))...)}
}
