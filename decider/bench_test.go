package decider_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
	features "github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

func core() features.View { return features.Core() }

// sixOffers is a policy as a shop has it: six offers with two rules each, three limits and computed scores.
func sixOffers() *event.Policy {
	p := &event.Policy{
		Id: "shop", View: "core@1", Salt: "shop-1", Holdout: 0.05,
		Placements: []*event.Placement{{Id: "home", Channel: "web", Context: []*event.ContextField{{Name: "page", Type: "text"}}}},
		ContactLimits: []*event.ContactLimit{
			{Name: "weekly", Most: 300, WindowMs: 7 * 24 * time.Hour.Milliseconds()},
			{Name: "web_daily", Channel: "web", Most: 200, WindowMs: 24 * time.Hour.Milliseconds()},
			{Name: "discounts", Category: "discount", Most: 200, WindowMs: 30 * 24 * time.Hour.Milliseconds()},
		},
	}
	for i := range 6 {
		p.Offers = append(p.Offers, &event.Offer{
			Id: fmt.Sprintf("offer-%d", i), Category: "discount",
			Eligibility: []*event.Rule{
				{Name: "active", When: "features.views_30d >= 1 || features.purchases_90d >= 1"},
				{Name: "not_recent", When: "!has(features.days_since_purchase) || features.days_since_purchase > 0.01"},
			},
			Propensity: "features.redemption_rate_90d > 0.5 ? 0.3 : 0.1", Value: fmt.Sprint(5 + i), Weight: "1.2", Cost: "0.5",
			Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}},
		})
		p.Offers[i].Propensity = "has(features.redemption_rate_90d) && features.redemption_rate_90d > 0.5 ? 0.3 : 0.1"
	}
	return p
}

func history(name string) []*event.Event {
	var events []*event.Event
	for i := range 20 {
		events = append(events, decidertest.Purchased(name, noon.Add(-time.Duration(i+1)*24*time.Hour), int64(5+i)))
	}
	return events
}

func BenchmarkChoose(b *testing.B) {
	w := given(b, append(history("ann"), published(sixOffers()))...)
	record := w.decides("ann").Record
	compiled, err := policy.Compile(sixOffers(), core())
	if err != nil {
		b.Fatal(err)
	}
	in, err := decider.InputOf(record)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decider.Choose(compiled, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplayRecord(b *testing.B) {
	w := given(b, append(history("ann"), published(sixOffers()))...)
	record := w.decides("ann").Record
	compiled, err := policy.Compile(sixOffers(), core())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, differences, err := decider.ReplayRecord(compiled, record, nil); err != nil || len(differences) > 0 {
			b.Fatal(err, differences)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	b.Run("features", func(b *testing.B) { benchmarkDecide(b, published(sixOffers())) })
	p := sixOffers()
	for _, o := range p.Offers {
		o.Eligibility = append(o.Eligibility, &event.Rule{Name: "lapsed", When: "!('gone' in segments.tags)"})
	}
	b.Run("segments", func(b *testing.B) {
		benchmarkDecide(b, published(p), decidertest.SegmentsDefined("tags", 1, `{"id":"tags","view":"core@1","rules":[
			{"segment":"big spender","when":"features.spend_lifetime > 5000.0"},{"segment":"gone","when":"features.days_since_purchase > 400.0"}]}`, noon))
	})
}

func benchmarkDecide(b *testing.B, events ...*event.Event) {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
		events = append(events, history(names[i])...)
	}
	w := given(b, events...)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		w.clock.Add(1000)
		w.decides(names[n%len(names)])
		if n%2000 == 0 {
			b.StopTimer()
			w.catchUp()
			b.StartTimer()
		}
	}
}

// BenchmarkDecideFirst decides about people as they are read for the first time since something happened to them: people of
// one alias, and of two.
func BenchmarkDecideFirst(b *testing.B) {
	b.Run("alone", func(b *testing.B) { benchmarkDecideFirst(b, false) })
	b.Run("linked", func(b *testing.B) { benchmarkDecideFirst(b, true) })
}

func benchmarkDecideFirst(b *testing.B, linked bool) {
	names := make([]string, 1000)
	events := []*event.Event{published(sixOffers())}
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i)
		events = append(events, history(names[i])...)
		if linked {
			events = append(events, decidertest.Linked(names[i], "app-"+names[i], noon.Add(-time.Hour)))
			events = append(events, history("app-"+names[i])...)
		}
	}
	w := given(b, events...)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		w.clock.Add(1)
		w.decides(names[n%len(names)])
		if n++; n%len(names) == 0 {
			b.StopTimer()
			w.catchUp()
			b.StartTimer()
		}
	}
}

func BenchmarkReplayAll(b *testing.B) {
	events := []*event.Event{published(sixOffers())}
	for i := range 200 {
		events = append(events, history(fmt.Sprintf("p%d", i))...)
	}
	w := given(b, events...)
	for i := range 4000 {
		w.clock.Add(1000)
		w.decides(fmt.Sprintf("p%d", i%200))
		if i%500 == 0 {
			w.catchUp()
		}
	}
	r := decider.NewReplayer(w.log, w.policies)
	n := uint64(0)
	for b.Loop() {
		tally, err := r.All(w.ctx, decider.AllOptions{})
		if err != nil || tally.Different > 0 {
			b.Fatal(err, tally.Differing[0].Differences)
		}
		n += tally.Replayed
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "decisions/s")
}

// shopFull is a log of 200 people, linked in pairs, with 4,000 decisions.
func shopFull(b *testing.B) *world {
	events := []*event.Event{published(sixOffers())}
	for i := range 200 {
		events = append(events, history(fmt.Sprintf("p%d", i))...)
		events = append(events, decidertest.Linked(fmt.Sprintf("p%d", i), fmt.Sprintf("p%d", i^1), noon.Add(-time.Hour)))
	}
	w := given(b, events...)
	for i := range 4000 {
		w.clock.Add(1000)
		w.decides(fmt.Sprintf("p%d", i%200))
		if i%500 == 0 {
			w.catchUp()
		}
	}
	w.catchUp()
	return w
}

// BenchmarkSupposeAll previews the split of 100 pairs: its newest 1,000 decisions are made again.
func BenchmarkSupposeAll(b *testing.B) {
	w := shopFull(b)
	var s decider.Supposition
	for i := 0; i < 200; i += 2 {
		for range 2 {
			s.Changes = append(s.Changes, decidertest.Unlinked(fmt.Sprintf("p%d", i), fmt.Sprintf("p%d", i+1), noon))
		}
	}
	n := uint64(0)
	for b.Loop() {
		tally, err := w.replayer().SupposeAll(w.ctx, s, decider.SupposeOptions{})
		if err != nil || tally.Examined != decider.DefaultSupposed {
			b.Fatal(err, tally.Examined)
		}
		n += tally.Examined
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "decisions/s")
}

// BenchmarkAsOf reads one profile as of the end from the raw events of all.
func BenchmarkAsOf(b *testing.B) {
	w := shopFull(b)
	profiles := w.profiles()
	cut, err := profiles.CutAt(w.ctx, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := profiles.AsOf(w.ctx, decidertest.Named("p7"), core(), cut, noon.UnixMilli()); err != nil {
			b.Fatal(err)
		}
	}
}
