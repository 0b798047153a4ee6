// Package lab tries parts of the product on files, without a server: the matcher of identities, lifetime values, segments.
// The matcher reads tables, fits a model or takes one, compares, and
// counts against a known truth where there is one.
package lab

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// Bounds of a file.
const (
	MaxRows     = 5_000_000
	MaxColumns  = 500
	headerBytes = 64 << 10
	// MaxLineEnds is how many a value in quotes may hold: a quote that is never closed must not eat the file.
	MaxLineEnds = 100
)

// ErrFile is wrapped by every error about what a file holds; its text never has a value of the file in it.
var ErrFile = errors.New("lab: the file cannot be used")

// Table is a file: columns by name, and rows in the file's order.
type Table struct {
	Columns []string
	Rows    [][]string
}

// ReadFile reads a table from a file, compressed by gzip or zstd or not.
func ReadFile(path string) (Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return Table{}, fmt.Errorf("open the table: %w", err)
	}
	defer f.Close()
	r, err := plain(bufio.NewReaderSize(f, headerBytes))
	if err != nil {
		return Table{}, fmt.Errorf("%s: %w", path, err)
	}
	t, err := Read(r)
	if err != nil {
		return Table{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// plain takes the compression off, which the first bytes tell.
func plain(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	switch {
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", ErrFile, err)
		}
		return z, nil
	case string(head) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("%w: zstd: %w", ErrFile, err)
		}
		return z.IOReadCloser(), nil
	}
	return r, nil
}

// Read reads a table: a line of column names, then rows of values, separated by whichever of comma, semicolon,
// tab and bar is most frequent in the first line. Space around values is taken off; short rows are filled up, and a
// column without a name is called column_N.
func Read(r io.Reader) (Table, error) {
	in := &ending{Reader: r}
	b := bufio.NewReaderSize(in, headerBytes)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(3)
	}
	c := csv.NewReader(b)
	c.Comma = separator(b)
	c.FieldsPerRecord = -1
	c.LazyQuotes = true
	c.TrimLeadingSpace = c.Comma != '\t'
	var t Table
	open := false
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Table{}, fmt.Errorf("%w: row %d: %w", ErrFile, len(t.Rows)+1, err)
		}
		open = strings.Contains(row[len(row)-1], "\n")
		if err := t.take(row); err != nil {
			return Table{}, err
		}
	}
	if open && in.last != '"' {
		return Table{}, fmt.Errorf("%w: row %d: a quote is not closed", ErrFile, len(t.Rows))
	}
	if t.Columns == nil {
		return Table{}, fmt.Errorf("%w: it is empty", ErrFile)
	}
	return t, nil
}

// ending remembers the last byte that is no space.
type ending struct {
	io.Reader
	last byte
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if text := bytes.TrimSpace(p[:n]); len(text) > 0 {
		e.last = text[len(text)-1]
	}
	return n, err
}

func (t *Table) take(row []string) error {
	for i, v := range row {
		if strings.Count(v, "\n") > MaxLineEnds {
			return fmt.Errorf("%w: row %d, column %d: a quote is not closed within %d lines", ErrFile, len(t.Rows)+1, i+1, MaxLineEnds)
		}
		if !utf8.ValidString(v) {
			return fmt.Errorf("%w: row %d, column %d: not UTF-8", ErrFile, len(t.Rows)+1, i+1)
		}
		row[i] = strings.TrimSpace(v)
	}
	switch {
	case t.Columns == nil:
		return t.name(row)
	case len(row) > len(t.Columns):
		return fmt.Errorf("%w: row %d has %d values for %d columns", ErrFile, len(t.Rows)+1, len(row), len(t.Columns))
	case len(t.Rows) == MaxRows:
		return fmt.Errorf("%w: more than %d rows", ErrFile, MaxRows)
	}
	for len(row) < len(t.Columns) {
		row = append(row, "")
	}
	t.Rows = append(t.Rows, row)
	return nil
}

// name takes the first row.
func (t *Table) name(row []string) error {
	for i, name := range row {
		if strings.Contains(name, "\r") {
			return fmt.Errorf("%w: its lines end with carriage returns alone: save it with line feeds", ErrFile)
		}
		if name == "" {
			row[i] = fmt.Sprintf("column_%d", i+1)
		}
	}
	if len(row) > MaxColumns {
		return fmt.Errorf("%w: more than %d columns", ErrFile, MaxColumns)
	}
	for i, name := range row {
		if first := slices.Index(row[:i], name); first >= 0 {
			return fmt.Errorf("%w: columns %d and %d have one name: the first line must name the columns, each differently",
				ErrFile, first+1, i+1)
		}
	}
	t.Columns = row
	return nil
}

// separator looks at the first line.
func separator(b *bufio.Reader) rune {
	head, _ := b.Peek(headerBytes)
	line, _, _ := strings.Cut(string(head), "\n")
	best, most := ',', 0
	for _, s := range ",;\t|" {
		if n := strings.Count(line, string(s)); n > most {
			best, most = s, n
		}
	}
	return best
}

// values are a column's values, row by row.
func (t Table) values(column int) []string {
	values := make([]string, 0, len(t.Rows))
	for _, row := range t.Rows {
		values = append(values, row[column])
	}
	return values
}

// Column is the place of a column; -1 when there is none of the name.
func (t Table) Column(name string) int { return slices.Index(t.Columns, name) }
