package importer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// row is one row as read: a value, or why there is none.
type row struct {
	line  int
	raw   string
	value record
	fault *fault
}

// lineCounts say what the lines of a file were: Lines = Header + Blank + Continued + rows.
type lineCounts struct {
	lines, header, blank, continued int
}

// rowReader reads rows of one format. next gives io.EOF after the last row; another error means that the file
// cannot be read further.
type rowReader interface {
	next() (row, error)
	counts() lineCounts
}

func newRowReader(in io.Reader, spec inputSpec) (rowReader, error) {
	lines := newLineReader(in)
	if spec.format == formatJSONLines {
		return &jsonLineReader{lines: lines}, nil
	}
	return newCSVReader(lines, spec)
}

// jsonLineReader reads JSON lines.
type jsonLineReader struct {
	lines *lineReader
	blank int
}

func (r *jsonLineReader) counts() lineCounts {
	return lineCounts{lines: r.lines.number, blank: r.blank}
}

func (r *jsonLineReader) next() (row, error) {
	for {
		line, err := r.lines.next()
		if err != nil {
			return row{}, err
		}
		if isBlankLine(line) {
			r.blank++
			continue
		}
		out, ok := checked(line)
		if !ok {
			return out, nil
		}
		if out.value, err = parseObject(line.text); err != nil {
			out.fault = &fault{reason: ReasonMalformedRow, message: err.Error()}
		}
		return out, nil
	}
}

func isBlankLine(line physicalLine) bool { return !line.huge && strings.TrimSpace(line.text) == "" }

// checked refuses lines that no format can read.
func checked(line physicalLine) (row, bool) {
	out := row{line: line.number, raw: line.text}
	switch {
	case line.huge:
		out.raw = original(strings.ToValidUTF8(line.text, "\ufffd"))
		out.fault = &fault{reason: ReasonRowTooLarge, message: fmt.Sprintf("the line is longer than %d bytes; its beginning is kept", MaxLineBytes)}
	case !utf8.ValidString(line.text):
		out.raw = original(line.text)
		out.fault = &fault{reason: ReasonInvalidUTF8, message: "the line is not UTF-8; it is kept in base 64"}
	default:
		return out, true
	}
	return out, false
}

// original is a row as quarantine keeps it; bytes that are not UTF-8 are kept in base 64.
func original(raw string) string {
	if utf8.ValidString(raw) {
		return raw
	}
	return "base64:" + base64.StdEncoding.EncodeToString([]byte(raw))
}

// maxContinued is how many lines a quoted CSV cell may span before its quote counts as never closed.
const maxContinued = 100

var (
	errNoHeader  = errors.New("the file has no header")
	errBadHeader = errors.New("the header is not a list of distinct names")
	errQuote     = errors.New("a quote is not closed or stands inside a cell")
)

// csvReader reads CSV after RFC 4180: a quoted cell may hold separators, doubled quotes and line ends.
type csvReader struct {
	lines   *lineReader
	spec    inputSpec
	columns *columns
	count   lineCounts
}

func newCSVReader(lines *lineReader, spec inputSpec) (*csvReader, error) {
	r := &csvReader{lines: lines, spec: spec}
	if spec.header != nil {
		r.columns = newColumns(spec.header)
		return r, nil
	}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil, errNoHeader
		}
		if err != nil {
			return nil, err
		}
		r.count.header++
		if !isBlankLine(line) {
			return r, r.readHeader(line)
		}
	}
}

func (r *csvReader) readHeader(line physicalLine) error {
	names, err := splitCSV(line.text, r.spec.separator, r.spec.trim, 0)
	if err != nil || line.huge || !utf8.ValidString(line.text) {
		return errBadHeader
	}
	r.columns = newColumns(names)
	if len(r.columns.at) != len(names) {
		return errBadHeader
	}
	return nil
}

func (r *csvReader) counts() lineCounts {
	r.count.lines = r.lines.number - len(r.lines.back)
	return r.count
}

func (r *csvReader) next() (row, error) {
	for {
		line, err := r.lines.next()
		if err != nil {
			return row{}, err
		}
		if isBlankLine(line) {
			r.count.blank++
			continue
		}
		return r.record(line)
	}
}

func (r *csvReader) record(first physicalLine) (row, error) {
	out, ok := checked(first)
	if !ok {
		return out, nil
	}
	if openQuote(out.raw, r.spec.separator, r.spec.trim) {
		if err := r.joinLines(&out); err != nil {
			return out, err
		}
	}
	cells, err := splitCSV(out.raw, r.spec.separator, r.spec.trim, len(r.columns.all))
	switch {
	case err != nil:
		out.fault = &fault{reason: ReasonMalformedRow, message: err.Error()}
	case len(cells) != len(r.columns.all):
		out.fault = &fault{reason: ReasonMalformedRow, message: fmt.Sprintf("%d cells where the header has %d", len(cells), len(r.columns.all))}
	default:
		out.value = record{csvRow{r.columns, cells}}
	}
	return out, nil
}

// joinLines adds the lines that a quoted cell goes on in. If the quote is never closed the lines are given back:
// only the first is refused.
func (r *csvReader) joinLines(out *row) error {
	var more []physicalLine
	joined := out.raw
	for len(more) < maxContinued && len(joined) <= MaxLineBytes {
		line, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		more = append(more, line)
		if line.huge || !utf8.ValidString(line.text) {
			break
		}
		joined += "\n" + line.text
		if !openQuote(joined, r.spec.separator, r.spec.trim) {
			r.count.continued += len(more)
			out.raw = joined
			return nil
		}
	}
	r.lines.unread(more)
	return nil
}
