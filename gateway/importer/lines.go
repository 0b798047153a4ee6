package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// MaxLineBytes is the longest line that is read as a row; a longer one is refused and counted. Whatever is
	// refused must fit one envelope of the log, in base 64 too.
	MaxLineBytes = 256 << 10
	// keptOfHugeLine is how much of a line that is too long goes to quarantine.
	keptOfHugeLine = 4 << 10
)

// physicalLine is one line of a file, without its end.
type physicalLine struct {
	// number counts from 1, the header included.
	number int
	text   string
	// huge: the line was longer than MaxLineBytes and text is its beginning.
	huge bool
}

// lineReader splits a file into lines and can take lines back.
type lineReader struct {
	in     *bufio.Reader
	number int
	bytes  int64
	back   []physicalLine
	buf    []byte
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// next is the next line, or io.EOF after the last. Any other error names how far the file could be read.
func (r *lineReader) next() (physicalLine, error) {
	if n := len(r.back); n > 0 {
		line := r.back[n-1]
		r.back = r.back[:n-1]
		return line, nil
	}
	line := physicalLine{number: r.number + 1}
	r.buf = r.buf[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.bytes += int64(len(part))
		if !line.huge {
			r.buf = append(r.buf, part...)
		}
		if len(r.buf) > MaxLineBytes+2 {
			line.huge, r.buf = true, r.buf[:keptOfHugeLine]
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return line, fmt.Errorf("after line %d (byte %d of the decompressed file): %w", r.number, r.bytes, err)
		case err != nil && len(r.buf) == 0:
			return line, io.EOF
		}
		r.number++
		line.text = string(r.trimmed())
		if line.huge = line.huge || len(line.text) > MaxLineBytes; line.huge && len(line.text) > keptOfHugeLine {
			line.text = line.text[:keptOfHugeLine]
		}
		return line, nil
	}
}

// trimmed is the line without its end, and the first line without a byte order mark.
func (r *lineReader) trimmed() []byte {
	text := bytes.TrimSuffix(bytes.TrimSuffix(r.buf, []byte("\n")), []byte("\r"))
	if r.number == 1 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	return text
}

// unread gives lines back, in the order in which they were read.
func (r *lineReader) unread(lines []physicalLine) {
	for i := len(lines) - 1; i >= 0; i-- {
		r.back = append(r.back, lines[i])
	}
}
