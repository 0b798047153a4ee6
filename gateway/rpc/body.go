package rpc

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// punctual answers requests whose bodies come in time. Who sends the beginning of a body and then nothing holds a connection
// otherwise for as long as he likes, with a key or without: before it refuses somebody, net/http waits for the rest, too.
type punctual struct {
	next http.Handler
	// whole is how long a body may take; piece how long a stream of messages, which may last, may be silent.
	whole, piece time.Duration
}

// ServeHTTP implements http.Handler.
func (p punctual) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		b := &body{ReadCloser: r.Body, control: http.NewResponseController(w)}
		within := p.whole
		if streams(r.Header.Get("Content-Type")) {
			b.piece, within = p.piece, p.piece
		}
		b.until(time.Now().Add(within))
		r.Body = b
	}
	p.next.ServeHTTP(w, r)
}

// streams says whether a body is a stream of messages, or of one in the form of one.
func streams(contentType string) bool {
	return strings.HasPrefix(contentType, "application/grpc") || strings.HasPrefix(contentType, "application/connect+")
}

// body is a request's, with the time until which it is read.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	piece   time.Duration // 0 where the first deadline stands
}

// Read implements io.Reader. After the end there is no deadline: an answer may take its time.
func (b *body) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	switch {
	case errors.Is(err, io.EOF):
		b.until(time.Time{})
	case err == nil && b.piece > 0:
		b.until(time.Now().Add(b.piece))
	}
	return n, err
}

// until is nothing where a connection has no deadlines: then nothing is lost but the bound.
func (b *body) until(deadline time.Time) { _ = b.control.SetReadDeadline(deadline) }
