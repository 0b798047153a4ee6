package rpc

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines is a response that notes for how long the request may be read.
type deadlines struct {
	httptest.ResponseRecorder
	set []time.Duration
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	left := time.Duration(0)
	if !at.IsZero() {
		left = time.Until(at).Round(time.Minute)
	}
	d.set = append(d.set, left)
	return nil
}

func TestABodyHasItsTimeAndAnAnswerMore(t *testing.T) {
	t.Parallel()
	const whole, piece = time.Hour, 2 * time.Hour
	for name, c := range map[string]struct {
		contentType, body string
		want              []time.Duration
	}{
		"nothing":        {"application/json", "", nil},
		"one message":    {"application/json", "ab", []time.Duration{whole, 0}},
		"connect stream": {"application/connect+proto", "ab", []time.Duration{piece, piece, piece, 0}},
		"gRPC":           {"application/grpc+proto", "a", []time.Duration{piece, piece, 0}},
	} {
		w := new(deadlines)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		punctual{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for n, err := 1, error(nil); err == nil; {
				n, err = r.Body.Read(make([]byte, n))
			}
		}), whole, piece}.ServeHTTP(w, r)
		if fmt.Sprint(w.set) != fmt.Sprint(c.want) {
			t.Errorf("%s: deadlines %v, want %v", name, w.set, c.want)
		}
	}
}

func TestWhoSendsTheBeginningOfABodyOnlyIsAnswered(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]http.HandlerFunc{
		"refused unread": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"read": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		},
	} {
		server := httptest.NewServer(punctual{handle, 10 * time.Millisecond, time.Hour})
		t.Cleanup(server.Close)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn) // to its end: the connection is closed as well
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 40") {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
	}
}
