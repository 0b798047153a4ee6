package gateway

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natslog"
)

// BenchmarkIdentityAsOf asks for people as of the middle of a million links, in envelopes of 100 as busy sources fill
// them: by what is said around one, and by a fold of everything up to the cut.
func BenchmarkIdentityAsOf(b *testing.B) {
	const people, aliasesEach, perEnvelope = 333_334, 4, 100
	ctx := b.Context()
	log := benchLog(b)
	random := rand.New(rand.NewPCG(1, 2))
	aliases := make([]domain.Alias, people*aliasesEach)
	for i := range aliases {
		aliases[i] = drawAlias(random, i)
	}
	// Each pass links one more alias to everybody, so that the links of a person lie far apart.
	var events []*event.Event
	for with := 1; with < aliasesEach; with++ {
		for person := range people {
			first, other := aliases[person*aliasesEach], aliases[person*aliasesEach+with]
			events = append(events, &event.Event{Alias: first[:], AliasType: identity.UserID, Body: &event.Event_IdentityLinked{
				IdentityLinked: &event.IdentityLinked{Other: other[:], OtherType: identity.DeviceID, Rule: identity.RuleIdentify, Posterior: 1},
			}})
			if len(events) == perEnvelope {
				if _, err := log.Append(ctx, domain.LaneOf(domain.Identity, first, log.Lanes()), events...); err != nil {
					b.Fatal(err)
				}
				events = nil
			}
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
	cut, traces := last/2, decider.NewTraces(log, recall.People)
	b.Run("around", func(b *testing.B) {
		for b.Loop() {
			register := identity.NewRegister()
			alias := aliases[random.IntN(len(aliases))]
			events, err := traces.Around(ctx, alias, true, cut)
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range events {
				register.Apply(r)
			}
			register.Graph().Aliases(alias)
		}
	})
	b.Run("fold", func(b *testing.B) {
		for b.Loop() {
			register := identity.NewRegister()
			for e, err := range log.Read(ctx, domain.Identity, 1, cut) {
				if err != nil {
					b.Fatal(err)
				}
				recorded, err := e.Recorded()
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range recorded {
					register.Apply(r)
				}
			}
		}
	})
}

// benchLog is an empty log on a server of its own.
func benchLog(b *testing.B) *natslog.Log {
	b.Helper()
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: b.TempDir(), Sync: "1s"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	nc, err := server.Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	log, err := natslog.Open(b.Context(), nc, natslog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(log.Close)
	return log
}

// drawAlias is an alias that was drawn in the n-th millisecond.
func drawAlias(random *rand.Rand, n int) domain.Alias {
	var bits [10]byte
	for j := range bits {
		bits[j] = byte(random.Uint32())
	}
	return domain.NewAlias(time.UnixMilli(int64(n)), bits)
}
