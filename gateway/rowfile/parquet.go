package rowfile

import (
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows lie together in a Parquet file.
const rowGroup = 50_000

// pageBytes is how much of a column is in memory before it is compressed: more would not compress better, and a file has many
// columns.
const pageBytes = 64 << 10

// parquetFile writes columns as they come: rows are never put together.
type parquetFile struct {
	writer  *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	values  []parquet.Value
	// features is how many of the columns are, rows how many are in the row group.
	features, rows int
}

func newParquet(w io.Writer, h Head) (format, error) {
	schema := parquet.NewSchema("row", parquet.SchemaOf(reflect.New(rowType(h)).Interface()))
	writer := parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Snappy), parquet.CreatedBy("proffer", "1", ""),
		parquet.DataPageStatistics(false), parquet.PageBufferSize(pageBytes))
	for _, kv := range [][2]string{
		{"proffer.view", h.View}, {"proffer.view_fingerprint", h.ViewFingerprint}, {"proffer.label", h.Label},
		{"proffer.label_json", h.LabelJSON}, {"proffer.cut", h.Cut},
	} {
		writer.SetKeyValueMetadata(kv[0], kv[1])
	}
	p := &parquetFile{writer: writer, columns: writer.ColumnWriters(), features: len(h.Features)}
	if want := 4 + p.features; len(p.columns) != want {
		return nil, fmt.Errorf("rowfile: %d columns, want %d", len(p.columns), want)
	}
	return p, nil
}

// rowType is a row as a struct: its fields keep their order.
func rowType(h Head) reflect.Type {
	fields := []reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[string](), Tag: tag(columnProfile, "")},
		{Name: "B", Type: reflect.TypeFor[int64](), Tag: tag(columnAt, ",timestamp(millisecond)")},
		{Name: "C", Type: reflect.TypeFor[*string](), Tag: tag(columnDecision, "")},
		{Name: "D", Type: reflect.TypeFor[*float64](), Tag: tag(columnLabel, "")},
	}
	for i, name := range columnsOf(h.Features) {
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: reflect.TypeFor[*float64](), Tag: tag(name, "")})
	}
	return reflect.StructOf(fields)
}

func tag(name, options string) reflect.StructTag {
	return reflect.StructTag(`parquet:"` + name + options + `"`)
}

func (p *parquetFile) write(r Rows) error {
	for len(r.AtMS) > 0 {
		n := min(len(r.AtMS), rowGroup-p.rows)
		if err := p.writeColumns(r, n); err != nil {
			return err
		}
		if p.rows += n; p.rows == rowGroup {
			if err := p.flush(); err != nil {
				return err
			}
		}
		r.Profiles, r.AtMS, r.Decisions, r.Labels = r.Profiles[n:], r.AtMS[n:], r.Decisions[n:], r.Labels[n:]
		r.Values = r.Values[n*p.features:]
	}
	return nil
}

func (p *parquetFile) flush() error {
	p.rows = 0
	return p.writer.Flush()
}

func (p *parquetFile) writeColumns(r Rows, n int) error {
	for c := range p.columns {
		p.values = p.values[:0]
		switch c {
		case 0:
			for _, profile := range r.Profiles[:n] {
				p.values = append(p.values, parquet.ByteArrayValue([]byte(profile)).Level(0, 0, c))
			}
		case 1:
			for _, at := range r.AtMS[:n] {
				p.values = append(p.values, parquet.Int64Value(at).Level(0, 0, c))
			}
		case 2:
			for _, decision := range r.Decisions[:n] {
				value := parquet.NullValue().Level(0, 0, c)
				if decision != "" {
					value = parquet.ByteArrayValue([]byte(decision)).Level(0, 1, c)
				}
				p.values = append(p.values, value)
			}
		case 3:
			p.numbers(c, r.Labels[:n], 1)
		default:
			p.numbers(c, r.Values[c-4:(n-1)*p.features+c-3], p.features)
		}
		if _, err := p.columns[c].WriteRowValues(p.values); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends every so many-th of some numbers as values of a column.
func (p *parquetFile) numbers(column int, of []float64, every int) {
	missing := parquet.NullValue().Level(0, 0, column)
	for ; ; of = of[every:] {
		if x := of[0]; x == x {
			p.values = append(p.values, parquet.DoubleValue(x).Level(0, 1, column))
		} else {
			p.values = append(p.values, missing)
		}
		if len(of) <= every {
			return
		}
	}
}

func (p *parquetFile) close() error { return p.writer.Close() }
