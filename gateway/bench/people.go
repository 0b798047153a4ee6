package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
)

// userID is how the benchmarks' people are called.
func userID(n int) string { return fmt.Sprintf("bench-%d", n) }

// loadPeople writes a history for that many people straight into a log: what an import would have left there.
func loadPeople(ctx context.Context, log *natslog.Log, vault *natskv.Vault, people, eventsEach int) error {
	const chunk = 10_000
	for from := 0; from < people; from += chunk {
		ids := make([]identity.Identifier, 0, chunk)
		for n := from; n < min(from+chunk, people); n++ {
			ids = append(ids, identity.Identifier{Type: identity.UserID, Value: userID(n)})
		}
		aliases, err := vault.Aliases(ctx, ids)
		if err != nil {
			return err
		}
		if err := writeHistories(ctx, log, aliases, eventsEach, loadedEnvelope); err != nil {
			return err
		}
	}
	return nil
}

// drawAliases draws aliases that no vault knows, for benchmarks that need no identifiers.
func drawAliases(n int) []domain.Alias {
	out := make([]domain.Alias, n)
	now := time.Now()
	for i := range out {
		var b [10]byte
		rand.Read(b[:])
		out[i] = domain.NewAlias(now.Add(time.Duration(i)*time.Millisecond), b)
	}
	return out
}

// How many events stand in one envelope: as an import writes them, and as ingest does with batches of 100.
const (
	loadedEnvelope   = 1000
	ingestedEnvelope = 100
)

// writeHistories appends a history of each alias, in envelopes of that many events.
func writeHistories(ctx context.Context, log *natslog.Log, aliases []domain.Alias, eventsEach, perEnvelope int) error {
	byLane := map[domain.Lane][]*event.Event{}
	now := time.Now()
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for _, alias := range aliases {
		lane := domain.LaneOf(domain.Behaviour, alias, log.Lanes())
		for k := range eventsEach {
			byLane[lane] = append(byLane[lane], happening(r, alias, now.Add(-time.Duration(eventsEach-k)*36*time.Hour/time.Duration(eventsEach)*10)))
		}
	}
	var writers sync.WaitGroup
	failures := make(chan error, len(byLane))
	for lane, events := range byLane {
		writers.Go(func() {
			for len(events) > 0 {
				n := min(perEnvelope, len(events))
				if _, err := log.Append(ctx, lane, events[:n]...); err != nil {
					failures <- err
					return
				}
				events = events[n:]
			}
		})
	}
	writers.Wait()
	close(failures)
	return <-failures
}

// happening is one event: seven views to two carts to one purchase.
func happening(r *mathrand.Rand, alias domain.Alias, at time.Time) *event.Event {
	id := make([]byte, 16)
	rand.Read(id)
	e := &event.Event{
		Id: id, Alias: alias[:], AliasType: identity.UserID, OccurredMs: at.UnixMilli(), ReceivedMs: at.UnixMilli(),
		Source: "bench", Channel: "web",
	}
	line := &event.Line{Item: fmt.Sprintf("sku-%d", r.IntN(500)), Category: "c", QuantityMilli: 1000, AmountMicros: int64(1+r.IntN(100)) * 1e6}
	switch k := r.IntN(10); {
	case k < 7:
		e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Line: line}}
	case k < 9:
		e.Body = &event.Event_Carted{Carted: &event.Carted{Line: line}}
	default:
		e.Body = &event.Event_Purchased{Purchased: &event.Purchased{
			AmountMicros: line.GetAmountMicros(), Currency: "EUR", Order: fmt.Sprint(r.Uint64()), Lines: []*event.Line{line},
		}}
	}
	return e
}
