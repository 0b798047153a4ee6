package natslog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// benchmarkLog is a log on an embedded server.
func benchmarkLog(b *testing.B, lanes int, sync string) (*Log, *nats.Conn) {
	b.Helper()
	e, err := StartEmbedded(EmbeddedOptions{Dir: b.TempDir(), Sync: sync})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	nc, err := e.Connect(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	bulk, err := e.ConnectBulk(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(bulk.Close)
	l, err := Open(context.Background(), nc, Options{Lanes: lanes, Bulk: bulk})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	return l, bulk
}

// BenchmarkLanes measures durable appends of one 700-byte event each, from 64 concurrent callers, by lane count:
// the reason for DefaultLanes.
func BenchmarkLanes(b *testing.B) {
	for _, lanes := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(lanes), func(b *testing.B) {
			l, _ := benchmarkLog(b, lanes, "always")
			appendFrom(b, l, 64, 700)
		})
	}
}

// appendFrom spreads b.N appends over the callers and reports latency quantiles and events an envelope.
func appendFrom(b *testing.B, l *Log, callers, size int) {
	b.Helper()
	e := commandstest.Tracked("%s", strings.Repeat("x", size))
	latencies := make([][]time.Duration, callers)
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range callers {
		lane := domain.Lane{Stream: domain.Behaviour, Key: fmt.Sprint(c % l.Lanes())}
		wg.Go(func() {
			for i := c; i < b.N; i += callers {
				started := time.Now()
				if _, err := l.Append(context.Background(), lane, e); err != nil {
					b.Error(err)
					return
				}
				latencies[c] = append(latencies[c], time.Since(started))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	stats := l.Stats().Streams[domain.Behaviour]
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(quantile(all, 0.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(quantile(all, 0.99).Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(stats.Events)/float64(stats.Envelopes), "events/envelope")
}

// BenchmarkAppendBatch measures calls of 100 events (a batch as ingest sends it) beside raw publishing of the
// same bytes.
func BenchmarkAppendBatch(b *testing.B) {
	l, _ := benchmarkLog(b, 2, "always")
	events := make([]*event.Event, 100)
	for i := range events {
		events[i] = commandstest.Tracked("%s", strings.Repeat("x", 240))
	}
	const callers = 8
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		lane := domain.Lane{Stream: domain.Behaviour, Key: fmt.Sprint(c % 2)}
		wg.Go(func() {
			for i := c; i < b.N; i += callers {
				if _, err := l.Append(context.Background(), lane, events...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	stats := l.Stats().Streams[domain.Behaviour]
	size := int(stats.Bytes / stats.Envelopes)
	raw, err := RawPublish(context.Background(), l.nc, max(int(stats.Envelopes), 2), size)
	if err != nil {
		b.Fatal(err)
	}
	rate := float64(stats.Bytes) / b.Elapsed().Seconds()
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(rate/(float64(size)*raw.PerSecond()), "of-raw")
	b.ReportMetric(float64(stats.Events)/float64(stats.Envelopes), "events/envelope")
}

// BenchmarkEncode is what a call of 100 events costs its caller before it is queued.
func BenchmarkEncode(b *testing.B) {
	events := make([]*event.Event, 100)
	for i := range events {
		events[i] = &event.Event{
			Id: make([]byte, 16), Alias: make([]byte, 16), AliasType: "user_id", Source: "segment:web", Channel: "web",
			OccurredMs: 1777795200000, ReceivedMs: 1777795200000, Sealed: &event.Sealed{Nonce: make([]byte, 12), Ciphertext: make([]byte, 550)},
			Body: &event.Event_Viewed{Viewed: &event.Viewed{Line: &event.Line{Item: "sku-1", Category: "Games", QuantityMilli: 1000}}},
		}
	}
	lane := domain.LaneOf(domain.Behaviour, domain.Alias{}, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newCall(lane, events); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead measures checked reading of envelopes of 1, 10 and 100 events beside raw reading, over TCP and
// in the process.
func BenchmarkRead(b *testing.B) {
	for _, each := range []int{1, 10, 100} {
		l, _ := benchmarkLog(b, 2, "1s") // how it was written does not matter here
		fill(b, l, each, 20_000)
		for name, nc := range map[string]*nats.Conn{"tcp": l.bulk, "process": l.nc} {
			b.Run(fmt.Sprintf("%d/%s", each, name), func(b *testing.B) { readAgainstRaw(b, l, nc) })
		}
	}
}

func fill(b *testing.B, l *Log, each, envelopes int) {
	b.Helper()
	events := make([]*event.Event, each)
	for i := range events {
		events[i] = commandstest.Tracked("%s", strings.Repeat("x", 240))
	}
	for i := range envelopes {
		lane := domain.Lane{Stream: domain.Behaviour, Key: fmt.Sprint(i % 2)}
		if _, err := l.Append(context.Background(), lane, events...); err != nil {
			b.Fatal(err)
		}
	}
}

func readAgainstRaw(b *testing.B, l *Log, nc *nats.Conn) {
	reading, err := Open(context.Background(), nc, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer reading.Close()
	messages, took := 0, time.Duration(0)
	rawMessages, rawTook := 0, time.Duration(0)
	for b.Loop() {
		started := time.Now()
		for _, err := range reading.Read(context.Background(), domain.Behaviour, 1, End) {
			if err != nil {
				b.Fatal(err)
			}
			messages++
		}
		took += time.Since(started)
		raw, err := RawRead(context.Background(), nc, domain.Behaviour)
		if err != nil {
			b.Fatal(err)
		}
		rawMessages, rawTook = rawMessages+raw.Messages, rawTook+raw.Elapsed
	}
	rate, rawRate := float64(messages)/took.Seconds(), float64(rawMessages)/rawTook.Seconds()
	b.ReportMetric(rate, "envelopes/s")
	b.ReportMetric(rawRate, "raw-envelopes/s")
	b.ReportMetric(rate/rawRate, "of-raw")
}
