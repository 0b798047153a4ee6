package natskv_test

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func openLog(t testing.TB, nc *nats.Conn) *natslog.Log {
	t.Helper()
	log, err := natslog.Open(t.Context(), nc, natslog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

// shopping is the n-th event as an import or a site makes them, with what a fold does not read beside what it does.
func shopping(n int, random *rand.Rand, aliases int) *event.Event {
	a := projectionstest.ViewAlias(random.IntN(aliases))
	id := a
	e := &event.Event{
		Id: id[:], Alias: a[:], AliasType: "user_id", Channel: "web", Source: "segment:web",
		OccurredMs: 1_700_000_000_000 + int64(n)*2_000, ReceivedMs: 1_700_000_000_000,
	}
	line := &event.Line{Item: "article-" + string(rune('a'+random.IntN(26))), Category: "shoes", QuantityMilli: 1000, AmountMicros: 9_990_000}
	switch random.IntN(4) {
	case 0:
		e.Body = &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 19_980_000, Currency: "EUR", Lines: []*event.Line{line}}}
	case 1:
		e.Body = &event.Event_Carted{Carted: &event.Carted{Line: line}}
	default:
		e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Name: "article", Line: line}}
	}
	return e
}

// fill appends events in envelopes of 400.
func fill(t testing.TB, log *natslog.Log, events, aliases int) {
	t.Helper()
	const batch = 400
	random := rand.New(rand.NewPCG(1, 2))
	lane := domain.Lane{Stream: domain.Behaviour, Key: "0"}
	var pending []natslog.Pending
	for done := 0; done < events; done += batch {
		list := make([]*event.Event, batch)
		for i := range list {
			list[i] = shopping(done+i, random, aliases)
		}
		p, err := log.Enqueue(lane, list...)
		if err != nil {
			t.Fatal(err)
		}
		if pending = append(pending, p); len(pending) == 8 {
			await(t, pending)
			pending = pending[:0]
		}
	}
	await(t, pending)
}

func await(t testing.TB, pending []natslog.Pending) {
	t.Helper()
	for _, p := range pending {
		if _, err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// cpu is what the process has used so far.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkProjectKV folds 20 events for each of 50,000 aliases into the buckets, and reads the same stream raw.
func BenchmarkProjectKV(b *testing.B) {
	const aliases, events = 50_000, 1_000_000
	nc := connect(b)
	log := openLog(b, nc)
	fill(b, log, events, aliases)
	last, err := log.Last(b.Context(), domain.Behaviour)
	if err != nil {
		b.Fatal(err)
	}
	views := open(b, nc, natskv.ViewsOptions{Writer: true})
	p := projections.NewViewsProjector(log, views, nil)
	for b.Loop() {
		began, used := time.Now(), cpu(b)
		for _, err := range log.Read(b.Context(), domain.Behaviour, 1, last) {
			if err != nil {
				b.Fatal(err)
			}
		}
		raw, rawCPU := time.Since(began), cpu(b)-used
		began, used = time.Now(), cpu(b)
		if err := p.Rebuild(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		folded, foldedCPU := time.Since(began), cpu(b)-used
		if err := views.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		all, allCPU := time.Since(began), cpu(b)-used
		b.ReportMetric(events/raw.Seconds(), "raw-events/s")
		b.ReportMetric(events/folded.Seconds(), "folded-events/s")
		b.ReportMetric(events/all.Seconds(), "events/s")
		b.ReportMetric(raw.Seconds()/all.Seconds(), "ratio")
		b.ReportMetric(float64(rawCPU.Nanoseconds())/events, "raw-cpu-ns/event")
		b.ReportMetric(float64(foldedCPU.Nanoseconds())/events, "fold-cpu-ns/event")
		b.ReportMetric(float64((allCPU-foldedCPU).Nanoseconds())/aliases, "put-cpu-ns/alias")
		b.ReportMetric(float64(views.Bytes())/float64(views.Len()), "blob-bytes/alias")
	}
}
