package natslog

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// lossyProxy stands between a client and its server and drops replies when told to: the request took effect,
// its sender hears nothing.
type lossyProxy struct {
	listener net.Listener
	target   atomic.Value // string
	drop     atomic.Int64 // replies still to drop
	dropped  chan struct{}
}

func newLossyProxy(t *testing.T, target string) *lossyProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &lossyProxy{listener: listener, dropped: make(chan struct{}, 10_000)}
	p.target.Store(target)
	t.Cleanup(func() { _ = listener.Close() })
	go p.serve()
	return p
}

func (p *lossyProxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *lossyProxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target.Load().(string))
		if err != nil {
			_ = client.Close()
			continue
		}
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		go func() { p.replies(client, server); _ = client.Close() }()
	}
}

// replies passes the server's protocol on, message by message, without the replies that are to be dropped.
func (p *lossyProxy) replies(client io.Writer, server io.Reader) {
	in := bufio.NewReaderSize(server, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		isMessage := bytes.HasPrefix(line, []byte("MSG ")) || bytes.HasPrefix(line, []byte("HMSG "))
		if isMessage {
			fields := strings.Fields(string(line))
			size, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				return
			}
			body := make([]byte, size+2)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			line = append(line, body...)
		}
		if isMessage && p.drop.Load() > 0 && p.drop.Add(-1) >= 0 {
			p.dropped <- struct{}{}
			continue
		}
		if _, err := client.Write(line); err != nil {
			return
		}
	}
}

// loseReplies arms the proxy.
func (p *lossyProxy) loseReplies(n int) { p.drop.Store(int64(n)) }

// hostOf is a server's address without the scheme.
func hostOf(url string) string { return strings.TrimPrefix(url, "nats://") }

func must(t *testing.T, err error, doing string) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", doing, err))
	}
}
