package postgres

import (
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// field is a column that is read back, too: for rows that a batch goes on from. of finds in a row what the column
// holds; NULL is read as the zero value.
type field[R any] struct {
	column[R]
	read   string
	target func(*R) any
}

// columnsOf are the fields as columns to write.
func columnsOf[R any](fields []field[R]) []column[R] {
	columns := make([]column[R], len(fields))
	for i, f := range fields {
		columns[i] = f.column
	}
	return columns
}

// readSQL is the select list of the fields.
func readSQL[R any](fields []field[R]) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.read
	}
	return strings.Join(list, ", ")
}

// targets is where the select list is read to.
func targets[R any](fields []field[R], row *R) []any {
	list := make([]any, len(fields))
	for i, f := range fields {
		list[i] = f.target(row)
	}
	return list
}

func uuidField[R any](name string, of func(*R) *domain.Alias) field[R] {
	return field[R]{
		column[R]{name, oidUUID, func(b []byte, r *R) []byte { return optionalUUID(b, *of(r)) }},
		"coalesce(" + name + ", '00000000-0000-0000-0000-000000000000')", func(r *R) any { return (*[16]byte)(of(r)) },
	}
}

func textField[R any](name string, of func(*R) *string) field[R] {
	return field[R]{
		column[R]{name, oidText, func(b []byte, r *R) []byte { return optionalText(b, *of(r)) }},
		"coalesce(" + name + ", '')", func(r *R) any { return of(r) },
	}
}

func jsonField[R any](name string, of func(*R) *string) field[R] {
	return field[R]{
		column[R]{name, oidJSONB, func(b []byte, r *R) []byte { return optionalJSON(b, *of(r)) }},
		"coalesce(" + name + "::text, '')", func(r *R) any { return of(r) },
	}
}

// versionField is a number counted from 1, at most 2^63 - 1; 0 is NULL.
func versionField[R any](name string, of func(*R) *uint64) field[R] {
	return field[R]{
		column[R]{name, oidInt8, func(b []byte, r *R) []byte { return versionCell(b, *of(r)) }},
		"coalesce(" + name + ", 0)", func(r *R) any { return of(r) },
	}
}

// countField is never NULL.
func countField[R any](name string, of func(*R) *int64) field[R] {
	return field[R]{
		column[R]{name, oidInt8, func(b []byte, r *R) []byte { return int8Cell(b, *of(r)) }},
		name, func(r *R) any { return of(r) },
	}
}

// moneyField is millionths here and a numeric there; never NULL.
func moneyField[R any](name string, of func(*R) *int64) field[R] {
	return field[R]{
		column[R]{name, oidNumeric, func(b []byte, r *R) []byte { return microsCell(b, *of(r)) }},
		"(" + name + " * 1000000)::bigint", func(r *R) any { return of(r) },
	}
}

// timeField is Unix milliseconds here; NULL where nothing is known.
func timeField[R any](name string, of func(*R) *int64, known func(*R) bool) field[R] {
	return field[R]{
		column[R]{name, oidTimestamptz, func(b []byte, r *R) []byte { return timeIf(b, known(r), *of(r)) }},
		"coalesce(round(extract(epoch FROM " + name + ") * 1000)::bigint, 0)", func(r *R) any { return of(r) },
	}
}

func boolField[R any](name string, of func(*R) *bool, known func(*R) bool) field[R] {
	return field[R]{
		column[R]{name, oidBool, func(b []byte, r *R) []byte { return boolIf(b, known(r), *of(r)) }},
		"coalesce(" + name + ", false)", func(r *R) any { return of(r) },
	}
}

func floatField[R any](name string, of func(*R) *float64, known func(*R) bool) field[R] {
	return field[R]{
		column[R]{name, oidFloat8, func(b []byte, r *R) []byte { return float8If(b, known(r), *of(r)) }},
		"coalesce(" + name + ", 0)", func(r *R) any { return of(r) },
	}
}

// momentFields are the three columns of a moment, all NULL for the zero moment.
func momentFields[R any](prefix string, of func(*R) *projections.Moment) []field[R] {
	known := func(r *R) bool { return !of(r).IsZero() }
	sequence, index := prefix+"_sequence", prefix+"_index"
	return []field[R]{
		{
			column[R]{sequence, oidInt8, func(b []byte, r *R) []byte { return versionCell(b, of(r).At.Sequence) }},
			"coalesce(" + sequence + ", 0)", func(r *R) any { return &of(r).At.Sequence },
		},
		{
			column[R]{index, oidInt4, func(b []byte, r *R) []byte { return int4If(b, known(r), int(of(r).At.Index)) }},
			"coalesce(" + index + ", 0)", func(r *R) any { return &of(r).At.Index },
		},
		timeField(prefix+"_at", func(r *R) *int64 { return &of(r).Ms }, known),
	}
}

func optionalJSON(b []byte, v string) []byte {
	if v == "" {
		return null(b)
	}
	return jsonCell(b, v)
}

func timeIf(b []byte, known bool, ms int64) []byte {
	if !known {
		return null(b)
	}
	return timeCell(b, ms)
}

func boolIf(b []byte, known, v bool) []byte {
	if !known {
		return null(b)
	}
	return boolCell(b, v)
}

func float8If(b []byte, known bool, v float64) []byte {
	if !known {
		return null(b)
	}
	return float8Cell(b, v)
}

func int4If(b []byte, known bool, v int) []byte {
	if !known {
		return null(b)
	}
	return int4Cell(b, v)
}
