package segment

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/profferhq/proffer/commands"
)

// MaxBodyBytes is how large a body may be, unpacked.
const MaxBodyBytes = 500 << 10

// memory is what requests borrow: buffers and unpackers are what a request would otherwise allocate most of.
type memory struct{ buffers, unpackers sync.Pool }

// body is a request's body in borrowed memory; nothing may refer to it once the memory is given back.
type body struct {
	bytes  []byte
	buffer *bytes.Buffer
}

func (m *memory) buffer() *bytes.Buffer {
	if b, ok := m.buffers.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return new(bytes.Buffer)
}

// release takes the memory of a body back.
func (m *memory) release(b body) {
	if b.buffer != nil {
		m.buffers.Put(b.buffer)
	}
}

// readBody reads and unpacks the body, MaxBodyBytes at most.
func (m *memory) readBody(r *http.Request) (body, *refusal) {
	tooLarge := &refusal{http.StatusBadRequest, "BODY_TOO_LARGE", "a body may have 500 KB, unpacked"}
	if r.ContentLength > MaxBodyBytes {
		return body{}, tooLarge
	}
	read := m.unpack
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "gzip":
	case "", "identity":
		read = plain
	default:
		return body{}, &refusal{http.StatusUnsupportedMediaType, "UNSUPPORTED_ENCODING", "a body is plain or gzip"}
	}
	b := body{buffer: m.buffer()}
	err := read(b.buffer, io.LimitReader(r.Body, MaxBodyBytes+1))
	b.bytes = b.buffer.Bytes()
	switch {
	case len(b.bytes) > MaxBodyBytes:
		return b, tooLarge
	case errors.Is(err, errGzip):
		return b, &refusal{http.StatusBadRequest, "INVALID_GZIP", "the body is not gzip"}
	case err != nil:
		return b, &refusal{http.StatusBadRequest, commands.ReasonInvalidJSON, "the body ended early"}
	}
	return b, nil
}

func plain(to *bytes.Buffer, from io.Reader) error {
	_, err := to.ReadFrom(from)
	return err
}

var errGzip = errors.New("segment: not gzip")

// unpack stops at one byte more than a body may have, however much the sender packed.
func (m *memory) unpack(to *bytes.Buffer, from io.Reader) error {
	z, ok := m.unpackers.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer m.unpackers.Put(z)
	if err := z.Reset(from); err != nil {
		return errGzip
	}
	if _, err := to.ReadFrom(io.LimitReader(z, MaxBodyBytes+1)); err != nil {
		return errGzip
	}
	return nil
}
