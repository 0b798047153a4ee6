//go:build unix

package projections_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// counting is a sink that keeps nothing.
type counting struct{ rows int }

func (c *counting) Head(projections.TrainingHead) error { return nil }

func (c *counting) Rows(r *projections.TrainingRows) error {
	c.rows += len(r.AtMS)
	return nil
}

// busyLog has people with events and own decisions, whose vectors are as long as core@1 but not what was known.
func busyLog(people, eventsEach, decisionsEach int) *projectionstest.StreamLog {
	const hour = 3_600_000
	log := projectionstest.NewStreamLog()
	vector := feature.Core().Read(feature.Activity{}, 0, nil)
	fingerprint := feature.Core().Fingerprint()
	at := int64(1_700_000_000_000)
	append500 := func(s domain.Stream, events []*event.Event) []*event.Event {
		if len(events) > 0 {
			log.Append(domain.Lane{Stream: s, Key: "0"}, events...)
		}
		return nil
	}
	var batch []*event.Event
	for n := range eventsEach {
		for p := range people {
			a := projectionstest.ViewAlias(p)
			e := &event.Event{Alias: a[:], AliasType: "user_id", OccurredMs: at, ReceivedMs: at, Source: "segment:web", Channel: "web"}
			if n%4 == 3 {
				e.Body = &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 12_000_000, Lines: []*event.Line{{Item: "tea"}}}}
			} else {
				e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Line: &event.Line{Item: "tea"}}}
			}
			if batch = append(batch, e); len(batch) == 500 {
				batch = append500(domain.Behaviour, batch)
			}
		}
		at += 100 * hour
	}
	append500(domain.Behaviour, batch)
	batch = nil
	for n := range decisionsEach {
		for p := range people {
			a := projectionstest.ViewAlias(p)
			seen := uint64((n + 1) * eventsEach / (decisionsEach + 1) * people / 500)
			d := &event.Decision{
				Id: a[:], NowMs: at - int64(n+2000)*hour, Profile: a[:], RequestedAlias: a[:], Placement: "home", Channel: "web",
				Aliases: []*event.SeenAlias{{Alias: a[:], Behaviour: &event.Position{Sequence: seen, Index: 499}}},
				Cut:     &event.Cut{Behaviour: seen}, Policy: "shop", PolicyVersion: 1, View: "core@1", ViewFingerprint: fingerprint[:],
				Vector: vector, Offer: "tea", Category: "drinks", Candidates: []*event.Candidate{{Offer: "tea"}, {Offer: "coffee"}},
			}
			e := &event.Event{Alias: a[:], OccurredMs: d.GetNowMs(), ReceivedMs: d.GetNowMs(), Body: &event.Event_Decision{Decision: d}}
			if batch = append(batch, e); len(batch) == 200 {
				batch = append500(domain.Decision, batch)
			}
		}
	}
	append500(domain.Decision, batch)
	return log
}

func benchmarkTraining(b *testing.B, r projections.TrainingRequest, decisions int) {
	log := busyLog(5000, 20, decisions)
	r.View = feature.Core()
	rows := 0
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		sink := new(counting)
		end, err := projections.NewTraining(log, coreView{}).Export(context.Background(), r, sink)
		if err != nil {
			b.Fatal(err)
		}
		if rows += sink.rows; end.Rows == 0 {
			b.Fatalf("no rows: %+v", end)
		}
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	spent := func(r syscall.Rusage) int64 { return r.Utime.Nano() + r.Stime.Nano() }
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(rows)*1e9/float64(spent(after)-spent(before)), "rows/cpu-s")
}

func BenchmarkTrainingAtDecisions(b *testing.B) {
	l, _ := label.ShippedAs("conversion_7d")
	benchmarkTraining(b, projections.TrainingRequest{Label: l, AtDecisions: true}, 5)
}

func BenchmarkTrainingAtDates(b *testing.B) {
	l, _ := label.ShippedAs("repeat_purchase_30d")
	benchmarkTraining(b, projections.TrainingRequest{Label: l, EveryMS: 7 * 24 * 3_600_000}, 0)
}
