//go:build unix

package postgres_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// shop writes a log like that of a shop: views, carts and purchases of 20,000 people, in envelopes of 100 events.
func shop(log *projectionstest.StreamLog, events int) {
	start := projectionstest.SampleStart().UnixMilli()
	lanes := map[domain.Lane][]*event.Event{}
	for i := range events {
		var random [10]byte
		binary.BigEndian.PutUint64(random[:], uint64(i)*0x9e3779b97f4a7c15%20_000)
		a := domain.NewAlias(projectionstest.SampleStart(), random)
		e := &event.Event{
			Id: a[:], Alias: a[:], AliasType: "user_id", OccurredMs: start + int64(i)*200, ReceivedMs: start + int64(i)*200,
			Source: "import:shop/events.csv", SourceSeq: uint64(i) << 8, Channel: "web",
		}
		switch i % 3 {
		case 0:
			e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Name: "item", Line: &event.Line{Item: "4711", Category: "shoes"}}}
		case 1:
			e.Body = &event.Event_Carted{Carted: &event.Carted{Line: &event.Line{Item: "4711", Category: "shoes", QuantityMilli: 1000, AmountMicros: 9_990_000}}}
		default:
			e.Body = &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 9_990_000, Currency: "EUR", Order: "o"}}
		}
		lane := domain.LaneOf(domain.Behaviour, a, 2)
		if lanes[lane] = append(lanes[lane], e); len(lanes[lane]) == 100 {
			log.Append(lane, lanes[lane]...)
			lanes[lane] = nil
		}
	}
}

// logIns writes a log of people who log in on five devices each: nothing but links, each between other aliases.
func logIns(log *projectionstest.StreamLog, events int) {
	start, lane := projectionstest.SampleStart(), domain.Lane{Stream: domain.Identity, Key: "0"}
	alias := func(n int) []byte {
		var random [10]byte
		binary.BigEndian.PutUint64(random[:], uint64(n)*0x9e3779b97f4a7c15)
		a := domain.NewAlias(start.Add(time.Duration(n)*time.Millisecond), random)
		return a[:]
	}
	envelope := make([]*event.Event, 0, 100)
	for i := range events {
		user, device := i/5*6, i/5*6+1+i%5
		ms := start.UnixMilli() + int64(i)
		envelope = append(envelope, &event.Event{
			Id: alias(i), Alias: alias(user), AliasType: "user_id", OccurredMs: ms, ReceivedMs: ms, Source: "import:shop/log-ins.csv",
			Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
				Other: alias(device), OtherType: "device_id", Rule: "import", Posterior: 1, Evidence: &event.LinkEvidence{Message: alias(i)},
			}},
		})
		if len(envelope) == cap(envelope) {
			log.Append(lane, envelope...)
			envelope = envelope[:0]
		}
	}
}

// BenchmarkProject projects a shop's events into Postgres, with fsync on, and divides by bare unnest upserts of the
// same rows, measured beside it.
func BenchmarkProject(b *testing.B) { benchmarkProject(b, shop) }

// BenchmarkProjectLinks does the same with links alone.
func BenchmarkProjectLinks(b *testing.B) { benchmarkProject(b, logIns) }

func benchmarkProject(b *testing.B, fill func(log *projectionstest.StreamLog, events int)) {
	const events = 100_000
	server, err := postgres.Start(b.Context(), postgres.Options{Dir: folder(b)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	pool := open(b, server.URL())
	if err := postgres.Migrate(b.Context(), pool); err != nil {
		b.Fatal(err)
	}
	log := projectionstest.NewStreamLog()
	fill(log, events)
	tables := postgres.NewTables(pool)
	var projecting, ceiling, digesting time.Duration
	for b.Loop() {
		captured := postgres.Capture(tables)
		p := projections.NewTablesProjector(log, captured, projections.TablesOptions{RebuildEvents: projections.DefaultBatchEvents})
		if err := tables.Clear(b.Context()); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		if err := p.CatchUp(b.Context()); err != nil {
			b.Fatal(err)
		}
		projecting += time.Since(begun)
		bare, err := postgres.Ceiling(b.Context(), pool, captured.Batches())
		if err != nil {
			b.Fatal(err)
		}
		ceiling += bare
		begun = time.Now()
		if _, _, err := p.Digest(b.Context()); err != nil {
			b.Fatal(err)
		}
		digesting += time.Since(begun)
	}
	per := func(d time.Duration) float64 { return events * float64(b.N) / d.Seconds() }
	b.ReportMetric(per(projecting), "events/s")
	b.ReportMetric(per(ceiling), "ceiling_events/s")
	b.ReportMetric(per(projecting)/per(ceiling), "ratio")
	b.ReportMetric(per(digesting), "digest_events/s")
}
