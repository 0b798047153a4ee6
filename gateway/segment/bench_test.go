package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
)

// forgetful takes what is appended and keeps nothing.
type forgetful struct{ *commandstest.MemoryLog }

// Append implements commands.Log.
func (forgetful) Append(context.Context, domain.Lane, ...*event.Event) (domain.Position, error) {
	return domain.Position{Sequence: 1}, nil
}

// BenchmarkBatchOf100 is a request from its body to the append, of people who are known: without HTTP, encoding and the log.
func BenchmarkBatchOf100(b *testing.B) {
	log := forgetful{commandstest.NewMemoryLog(1)}
	handler := newHandler(b, log, realVault(b), commands.NewRecall(log))
	body, ids := batch100()
	requests := 0
	post := func() {
		requests++
		number := fmt.Sprintf("%016x", requests)
		for _, at := range ids {
			copy(body[at:], number)
		}
		r := httptest.NewRequest("POST", "/v1/batch", bytes.NewReader(body))
		r.SetBasicAuth("web-key", "")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if want := `"accepted":100`; !strings.Contains(w.Body.String(), want) {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	post() // everybody becomes known
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		post()
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N*100)/1000, "cpu-us/event")
}

// realVault is the vault that serves.
func realVault(b *testing.B) *natskv.Vault {
	b.Helper()
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: b.TempDir(), Sync: "100ms"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	nc, err := server.Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	vault, err := natskv.OpenVault(b.Context(), nc, natskv.VaultOptions{Key: [32]byte{1}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(vault.Close)
	return vault
}

// batch100 is a batch as the clients send them: 100 events of a shop with two identifiers, properties and context. The ids
// are where the 16 digits stand that tell its message ids from another batch's.
func batch100() (body []byte, ids []int) {
	body = append(body, `{"sentAt":"2026-05-03T10:02:00.000Z","batch":[`...)
	for i := range 100 {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"type":"track","messageId":"ajs-next-`...)
		ids = append(ids, len(body))
		body = fmt.Appendf(body, `0123456789abcdef-%d","anonymousId":"8f2f1a5e-anon-%d","userId":"user-%d","event":"Product Viewed",`+
			`"properties":{"product_id":"sku-%d","sku":"SKU-%d","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","variant":"200 pieces","price":18.99,"quantity":1,"currency":"usd","position":3,"url":"https://shop.example/product/%d","image_url":"https://shop.example/product/%d.jpg"},`+
			`"context":{"library":{"name":"analytics.js","version":"next-1.84.3"},"locale":"en-US","userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36","page":{"path":"/product/%d","title":"Monopoly","referrer":""}},`+
			`"timestamp":"2026-05-03T10:01:59.123Z"}`, i, i, i, i, i, i, i, i)
	}
	return append(body, `]}`...), ids
}

// cpu is what the process has used, in nanoseconds: the figure that other work on the machine does not move.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
