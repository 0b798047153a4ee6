package rowfile

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"time"
)

// csvFile writes one line a row; what is missing is empty. The names of columns need no quotes, nor does any value.
type csvFile struct {
	out      *bufio.Writer
	features int
	line     []byte
}

func newCSV(w io.Writer, h Head) (format, error) {
	c := &csvFile{out: bufio.NewWriterSize(w, 1<<16), features: len(h.Features)}
	head := csv.NewWriter(c.out)
	if err := head.Write(append([]string{columnProfile, columnAt, columnDecision, columnLabel}, columnsOf(h.Features)...)); err != nil {
		return nil, err
	}
	head.Flush()
	return c, head.Error()
}

func (c *csvFile) write(r Rows) error {
	for i := range r.AtMS {
		b := append(c.line[:0], r.Profiles[i]...)
		b = time.UnixMilli(r.AtMS[i]).UTC().AppendFormat(append(b, ','), "2006-01-02T15:04:05.000Z07:00")
		b = append(append(b, ','), r.Decisions[i]...)
		b = appendNumber(append(b, ','), r.Labels[i])
		for _, x := range r.Values[i*c.features : (i+1)*c.features] {
			b = appendNumber(append(b, ','), x)
		}
		c.line = append(b, '\n')
		if _, err := c.out.Write(c.line); err != nil {
			return err
		}
	}
	return nil
}

// appendNumber writes the shortest text that reads back as the same number.
func appendNumber(b []byte, x float64) []byte {
	if x != x {
		return b
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

func (c *csvFile) close() error { return c.out.Flush() }
