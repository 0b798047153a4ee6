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
	"github.com/profferhq/proffer/commands/jsontext"
)

// MaxBodyBytes is how large a body may be, unpacked.
const MaxBodyBytes = 500 << 10

// memory is what requests borrow: rooms and unpackers are what a request would otherwise allocate most of.
type memory struct{ rooms, unpackers sync.Pool }

// room is the memory of one request; nothing may refer to it once it is given back.
type room struct {
	body     bytes.Buffer
	elements []jsontext.Value
	items    []commands.Item
	// texts are what is made of parts of the body, one after the other.
	texts []byte
}

func (m *memory) room() *room {
	if r, ok := m.rooms.Get().(*room); ok {
		return r
	}
	return new(room)
}

// release takes a room back, but not when what a batch said of all its events, or many batches, have made it large.
func (m *memory) release(r *room) {
	if cap(r.texts) > 2*MaxBodyBytes || cap(r.elements) > 2*commands.MaxItems {
		return
	}
	r.body.Reset()
	clear(r.elements)
	clear(r.items)
	r.elements, r.items, r.texts = r.elements[:0], r.items[:0], r.texts[:0]
	m.rooms.Put(r)
}

// readBody reads and unpacks the body, MaxBodyBytes at most.
func (m *memory) readBody(r *http.Request, to *bytes.Buffer) *refusal {
	tooLarge := &refusal{http.StatusBadRequest, "BODY_TOO_LARGE", "a body may have 500 KB, unpacked"}
	if r.ContentLength > MaxBodyBytes {
		return tooLarge
	}
	read := m.unpack
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "gzip":
	case "", "identity":
		read = plain
	default:
		return &refusal{http.StatusUnsupportedMediaType, "UNSUPPORTED_ENCODING", "a body is plain or gzip"}
	}
	err := read(to, io.LimitReader(r.Body, MaxBodyBytes+1))
	switch {
	case to.Len() > MaxBodyBytes:
		return tooLarge
	case errors.Is(err, errGzip):
		return &refusal{http.StatusBadRequest, "INVALID_GZIP", "the body is not gzip"}
	case err != nil:
		return &refusal{http.StatusBadRequest, commands.ReasonInvalidJSON, "the body ended early"}
	}
	return nil
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
