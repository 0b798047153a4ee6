package gateway

import (
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// BenchmarkKioskAsOf asks for one of 10,000 people who share a device, as of a cut: every log-in an envelope of its own, with
// nine about other people in between.
func BenchmarkKioskAsOf(b *testing.B) {
	const sharing, between = 10_000, 9
	ctx := b.Context()
	log := benchLog(b)
	random, drawn := rand.New(rand.NewPCG(1, 2)), 0
	alias := func() domain.Alias { drawn++; return drawAlias(random, drawn) }
	says := func(e *event.Event) {
		if _, err := log.Append(ctx, domain.LaneOf(domain.Identity, domain.Alias{}, log.Lanes()), e); err != nil {
			b.Fatal(err)
		}
	}
	links := func(first, other domain.Alias) {
		says(&event.Event{Alias: first[:], AliasType: identity.UserID, Body: &event.Event_IdentityLinked{
			IdentityLinked: &event.IdentityLinked{Other: other[:], OtherType: identity.DeviceID, Rule: identity.RuleIdentify, Posterior: 1},
		}})
	}
	kiosk := alias()
	people := make([]domain.Alias, sharing)
	for i := range people {
		people[i] = alias()
		links(people[i], kiosk)
		links(people[i], alias())
		for range between {
			links(alias(), alias())
		}
		if i == 5 {
			says(&event.Event{Alias: kiosk[:], AliasType: identity.DeviceID, Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: event.AliasMarked_MARK_SHARED}}})
		}
	}
	recall := commands.NewRecall(log)
	if err := recall.Load(ctx); err != nil {
		b.Fatal(err)
	}
	last, err := log.Last(ctx, domain.Identity)
	if err != nil {
		b.Fatal(err)
	}
	traces := decider.NewTraces(log, recall.People)
	for name, households := range map[string]bool{"alone": false, "households": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				events, err := traces.Around(ctx, people[random.IntN(sharing)], households, last)
				if err != nil {
					b.Fatal(err)
				}
				graph := identity.NewGraph()
				for _, r := range events {
					graph.Apply(r)
				}
			}
		})
	}
}
