package gateway

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// BenchmarkProfileAsOf reads the features of people as of the end of a million purchases, 20 a person and in envelopes of 100: where
// something happened to them, and by a scan.
func BenchmarkProfileAsOf(b *testing.B) {
	const people, each, perEnvelope = 50_000, 20, 100
	ctx, log, random := b.Context(), benchLog(b), rand.New(rand.NewPCG(1, 2))
	aliases := make([]domain.Alias, people)
	for i := range aliases {
		aliases[i] = drawAlias(random, i)
	}
	var events []*event.Event
	for range people * each {
		a := aliases[random.IntN(people)]
		events = append(events, &event.Event{Id: make([]byte, 16), Alias: a[:], AliasType: "user_id", OccurredMs: 1, ReceivedMs: 1, Source: "shop",
			Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 1e6}}})
		if len(events) == perEnvelope {
			if _, err := log.Append(ctx, domain.LaneOf(domain.Behaviour, a, log.Lanes()), events...); err != nil {
				b.Fatal(err)
			}
			events = nil
		}
	}
	recall := commands.NewRecall(log)
	if err := recall.Load(ctx); err != nil {
		b.Fatal(err)
	}
	views := decidertest.NewViews(decidertest.NewLog(1))
	for name, found := range map[string]bool{"found": true, "scan": false} {
		traces := decider.NewTraces(log, recall.People)
		if found {
			traces.FoundBy(recall)
		}
		profiles := decider.NewProfiles(log, log, traces, decider.NewVectors(views, decider.NewIdentities(views)))
		cut := domain.Cut{domain.Behaviour: 1 << 40}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := profiles.AsOf(ctx, aliases[random.IntN(people)], feature.Core(), cut, time.Now().UnixMilli()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
