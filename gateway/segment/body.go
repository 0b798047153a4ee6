package segment

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/profferhq/proffer/commands"
)

// MaxBodyBytes is how large a body may be, unpacked.
const MaxBodyBytes = 500 << 10

// body is a request's body in borrowed memory.
type body struct {
	bytes  []byte
	buffer *bytes.Buffer
}

// release gives the memory back; nothing may refer to the body after it.
func (b body) release() {
	if b.buffer != nil {
		buffers.Put(b.buffer)
	}
}

// buffers and unpackers are reused between requests: they are what a request would otherwise allocate most of.
var (
	buffers   = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	unpackers = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// readBody reads and unpacks the body, MaxBodyBytes at most.
func readBody(r *http.Request) (body, *refusal) {
	tooLarge := &refusal{http.StatusBadRequest, "BODY_TOO_LARGE", "a body may have 500 KB, unpacked"}
	if r.ContentLength > MaxBodyBytes {
		return body{}, tooLarge
	}
	b := body{buffer: buffers.Get().(*bytes.Buffer)}
	b.buffer.Reset()
	var err error
	if isGzip(r) {
		err = unpack(b.buffer, io.LimitReader(r.Body, MaxBodyBytes+1))
	} else {
		_, err = b.buffer.ReadFrom(io.LimitReader(r.Body, MaxBodyBytes+1))
	}
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

var errGzip = errors.New("segment: not gzip")

// unpack stops at one byte more than a body may have, however much the sender packed.
func unpack(to *bytes.Buffer, from io.Reader) error {
	z := unpackers.Get().(*gzip.Reader)
	defer unpackers.Put(z)
	if err := z.Reset(from); err != nil {
		return errGzip
	}
	if _, err := to.ReadFrom(io.LimitReader(z, MaxBodyBytes+1)); err != nil {
		return errGzip
	}
	return nil
}
