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
// With many people nothing about the next one is in the processor's caches.
func BenchmarkBatchOf100(b *testing.B) {
	for _, people := range []int{100, 50_000} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) { benchmarkBatches(b, people) })
	}
}

func benchmarkBatches(b *testing.B, people int) {
	log := forgetful{commandstest.NewMemoryLog(1)}
	handler := newHandler(b, log, realVault(b), commands.NewRecall(log))
	batch := batch100()
	requests := 0
	post := func() {
		batch.number(requests, people)
		requests++
		r := httptest.NewRequest("POST", "/v1/batch", bytes.NewReader(batch.body))
		r.SetBasicAuth("web-key", "")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if want := `"accepted":100`; !strings.Contains(w.Body.String(), want) {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	for range people / 100 { // everybody becomes known
		post()
	}
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

// batch is a request's body and where each event's numbers stand in it: 16 digits of its message id, 5 of its anonymous id
// and 5 of its user id.
type batch struct {
	body    []byte
	numbers [][3]int
}

// batch100 is a batch as the clients send them: 100 events of a shop with two identifiers, properties and context.
func batch100() batch {
	var b batch
	b.body = append(b.body, `{"sentAt":"2026-05-03T10:02:00.000Z","batch":[`...)
	for i := range 100 {
		if i > 0 {
			b.body = append(b.body, ',')
		}
		var at [3]int
		for k, text := range [...]string{
			`{"type":"track","messageId":"ajs-next-`, `0123456789abcdef","anonymousId":"8f2f1a5e-anon-`, `00000","userId":"user-`,
		} {
			b.body = append(b.body, text...)
			at[k] = len(b.body)
		}
		b.numbers = append(b.numbers, at)
		b.body = fmt.Appendf(b.body, `00000","event":"Product Viewed",`+
			`"properties":{"product_id":"sku-%d","sku":"SKU-%d","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","variant":"200 pieces","price":18.99,"quantity":1,"currency":"usd","position":3,"url":"https://shop.example/product/%d","image_url":"https://shop.example/product/%d.jpg"},`+
			`"context":{"library":{"name":"analytics.js","version":"next-1.84.3"},"locale":"en-US","userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36","page":{"path":"/product/%d","title":"Monopoly","referrer":""}},`+
			`"timestamp":"2026-05-03T10:01:59.123Z"}`, i, i, i, i, i)
	}
	b.body = append(b.body, `]}`...)
	return b
}

// number makes the batch the one of a request: its message ids are new, and its people the next of so many.
func (b batch) number(request, people int) {
	for i, at := range b.numbers {
		event := request*100 + i
		digits(b.body[at[0]:][:16], event)
		digits(b.body[at[1]:][:5], event%people)
		digits(b.body[at[2]:][:5], event%people)
	}
}

func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
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
