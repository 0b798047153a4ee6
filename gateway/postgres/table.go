package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// column is one column of a table and how a row R fills it.
type column[R any] struct {
	name string
	oid  uint32
	cell func(b []byte, r *R) []byte
}

// table knows how rows R are written to a table of the schema proffer.
type table[R any] struct {
	name    string
	columns []column[R]
	// key are the columns of the primary key, for tables whose rows are replaced.
	key []string
}

func (t table[R]) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// copyIn appends rows with a binary COPY.
func (t table[R]) copyIn(ctx context.Context, conn *pgconn.PgConn, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	sql := fmt.Sprintf("COPY proffer.%s (%s) FROM STDIN (FORMAT binary)", t.name, strings.Join(t.columnNames(), ", "))
	tag, err := conn.CopyFrom(ctx, &copyStream[R]{columns: t.columns, rows: rows}, sql)
	if err != nil {
		return fmt.Errorf("copy %d rows into %s: %w", len(rows), t.name, err)
	}
	if tag.RowsAffected() != int64(len(rows)) {
		return fmt.Errorf("copy into %s: %d of %d rows", t.name, tag.RowsAffected(), len(rows))
	}
	return nil
}

// upsert writes rows over those of the same key, in one statement over unnested arrays. No key comes twice.
func (t table[R]) upsert(ctx context.Context, conn *pgconn.PgConn, rows []R) error {
	return t.unnest(ctx, conn, rows, t.upsertSQL("proffer"))
}

// insertNew writes the rows whose key is not there yet.
func (t table[R]) insertNew(ctx context.Context, conn *pgconn.PgConn, rows []R) error {
	return t.unnest(ctx, conn, rows, t.insertSQL("proffer")+" ON CONFLICT ("+strings.Join(t.key, ", ")+") DO NOTHING")
}

func (t table[R]) upsertSQL(schema string) string {
	var set []string
	for _, c := range t.columns {
		if !slices.Contains(t.key, c.name) {
			set = append(set, c.name+" = excluded."+c.name)
		}
	}
	return t.insertSQL(schema) + fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", strings.Join(t.key, ", "), strings.Join(set, ", "))
}

func (t table[R]) insertSQL(schema string) string {
	names := strings.Join(t.columnNames(), ", ")
	arrays := make([]string, len(t.columns))
	for i := range t.columns {
		arrays[i] = fmt.Sprintf("$%d", i+1)
	}
	return fmt.Sprintf("INSERT INTO %s.%s (%s) SELECT * FROM unnest(%s)", schema, t.name, names, strings.Join(arrays, ", "))
}

// unnest runs a statement with one array parameter a column.
func (t table[R]) unnest(ctx context.Context, conn *pgconn.PgConn, rows []R, sql string) error {
	if len(rows) == 0 {
		return nil
	}
	values, oids, formats := t.arrays(rows)
	if _, err := conn.ExecParams(ctx, sql, values, oids, formats, nil).Close(); err != nil {
		return fmt.Errorf("write %d rows to %s: %w", len(rows), t.name, err)
	}
	return nil
}

// arrays encodes each column of the rows as a binary array.
func (t table[R]) arrays(rows []R) (values [][]byte, oids []uint32, formats []int16) {
	const binaryFormat = 1
	for _, c := range t.columns {
		b := make([]byte, 0, 20+len(rows)*12)
		b = binary.BigEndian.AppendUint32(b, 1)     // dimensions
		b = binary.BigEndian.AppendUint32(b, 1)     // there may be NULLs
		b = binary.BigEndian.AppendUint32(b, c.oid) // of the elements
		b = binary.BigEndian.AppendUint32(b, uint32(len(rows)))
		b = binary.BigEndian.AppendUint32(b, 1) // the first index
		for i := range rows {
			b = c.cell(b, &rows[i])
		}
		values, oids, formats = append(values, b), append(oids, arrayOf(c.oid)), append(formats, binaryFormat)
	}
	return values, oids, formats
}

// arrayOf is the array type of an element type; as fixed as the types themselves.
func arrayOf(oid uint32) uint32 {
	switch oid {
	case oidBool:
		return 1000
	case oidBytea:
		return 1001
	case oidInt8:
		return 1016
	case oidInt4:
		return 1007
	case oidText:
		return 1009
	case oidFloat8:
		return 1022
	case oidTimestamptz:
		return 1185
	case oidInterval:
		return 1187
	case oidNumeric:
		return 1231
	case oidUUID:
		return 2951
	case oidJSONB:
		return 3807
	}
	return 0
}

// copyStream is rows as a binary COPY reads them, encoded as they are read.
type copyStream[R any] struct {
	columns []column[R]
	rows    []R
	buffer  []byte
	next    int
	begun   bool
	ended   bool
}

// copyChunk is how much is encoded ahead of a Read.
const copyChunk = 64 << 10

// Read fills p.
func (s *copyStream[R]) Read(p []byte) (int, error) {
	if s.next == len(s.buffer) {
		if s.ended {
			return 0, io.EOF
		}
		s.fill()
	}
	n := copy(p, s.buffer[s.next:])
	s.next += n
	return n, nil
}

func (s *copyStream[R]) fill() {
	s.buffer, s.next = s.buffer[:0], 0
	if !s.begun {
		s.begun = true
		s.buffer = append(s.buffer, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for len(s.rows) > 0 && len(s.buffer) < copyChunk {
		s.buffer = binary.BigEndian.AppendUint16(s.buffer, uint16(len(s.columns)))
		for _, c := range s.columns {
			s.buffer = c.cell(s.buffer, &s.rows[0])
		}
		s.rows = s.rows[1:]
	}
	if len(s.rows) == 0 {
		s.ended = true
		s.buffer = append(s.buffer, 0xff, 0xff)
	}
}
