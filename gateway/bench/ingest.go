package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natslog"
)

const (
	ingestBatch   = 100
	ingestClients = 16
	ingestPeople  = 50_000
)

// ingest measures Segment batches of 100 events over HTTP, from sending to the durable acknowledgement, beside raw
// durable publishing of the same bytes.
func ingest(ctx context.Context, o Options) (r Result, err error) {
	node, err := startNode(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { _ = node.Close() }()
	raw, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: filepath.Join(o.Dir, "ceiling"), Sync: o.Sync})
	if err != nil {
		return r, err
	}
	defer raw.Close()
	nc, err := raw.Connect(ctx)
	if err != nil {
		return r, err
	}
	defer nc.Close()

	send := batchCall(node.URL(), node.SourceKey())
	// Everybody becomes known first, however slow the disk is.
	if _, err := fixedLoop(ctx, ingestClients, ingestPeople/ingestBatch, send); err != nil {
		return r, err
	}
	settleDisk()
	var values, ceilings, p50s, p99s, ceilingP99s []float64
	for turn := range 3 {
		before := node.Log().Stats().Streams[domain.Behaviour]
		m, err := o.profiled(turn == 2, func() (measured, error) {
			return closedLoop(ctx, ingestClients, o.stretch(), offset(send, uint64(turn+1)<<32))
		})
		if err != nil {
			return r, err
		}
		after := node.Log().Stats().Streams[domain.Behaviour]
		size := int(float64(after.Bytes-before.Bytes) / float64(after.Events-before.Events) * ingestBatch)
		c, err := natslog.RawPublish(ctx, nc, 1500, size)
		if err != nil {
			return r, err
		}
		o.say("turn %d: %.0f events/s (p50 %.1f ms, p99 %.1f ms); raw envelopes of %d bytes: %.0f events/s", turn,
			m.perSecond()*ingestBatch, m.quantile(0.5), m.quantile(0.99), size, c.PerSecond()*ingestBatch)
		values, ceilings = append(values, m.perSecond()*ingestBatch), append(ceilings, c.PerSecond()*ingestBatch)
		p50s, p99s = append(p50s, m.quantile(0.5)), append(p99s, m.quantile(0.99))
		ceilingP99s = append(ceilingP99s, float64(c.P99)/float64(time.Millisecond))
	}
	return Result{
		Unit: "events/s", Value: median(values), Ceiling: median(ceilings), P50: median(p50s), P99: median(p99s),
		CeilingP99: median(ceilingP99s), Profiles: ingestPeople,
		CeilingIs: "raw durable publishing of envelopes of 100 events, the same bytes",
	}, nil
}

func offset(c call, by uint64) call {
	return func(ctx context.Context, n uint64) error { return c(ctx, n+by) }
}

// batchCall posts batches as Segment's libraries do. Bodies are made beforehand but for the message ids.
func batchCall(url, key string) call {
	pool := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: ingestClients}}
	return func(ctx context.Context, n uint64) error {
		body := pool.Get().(*bytes.Buffer)
		defer pool.Put(body)
		body.Reset()
		writeBatch(body, n)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/batch", body)
		if err != nil {
			return err
		}
		request.SetBasicAuth(key, "")
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		return accepted(response.StatusCode, text)
	}
}

func accepted(status int, text []byte) error {
	var verdict struct {
		Accepted int `json:"accepted"`
	}
	if status != http.StatusOK {
		return fmt.Errorf("status %d: %s", status, text)
	}
	if err := json.Unmarshal(text, &verdict); err != nil || verdict.Accepted != ingestBatch {
		return fmt.Errorf("%d of %d events were accepted: %s", verdict.Accepted, ingestBatch, text)
	}
	return nil
}

// writeBatch writes 100 track calls of about 450 bytes each, as a shop's site sends them.
func writeBatch(b *bytes.Buffer, n uint64) {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	b.WriteString(`{"batch":[`)
	for i := range ingestBatch {
		if i > 0 {
			b.WriteByte(',')
		}
		person := (n*ingestBatch + uint64(i)) % ingestPeople
		fmt.Fprintf(b, `{"type":"track","messageId":"ajs-next-%016x-%03d","userId":"bench-%d","event":"Product Viewed",`+
			`"timestamp":"%s","properties":{"product_id":"sku-%d","category":"coffee","name":"Kettle","price":18.99,"quantity":1,`+
			`"url":"https://shop.example/p/%d","image_url":"https://shop.example/i/%d.jpg"},"context":{"library":{"name":"analytics.js",`+
			`"version":"2.11.1"},"page":{"path":"/p","title":"Kettle"},"locale":"en-GB"}}`, n, i, person, now, i, i, i)
	}
	b.WriteString(`],"sentAt":"` + now + `"}`)
}
