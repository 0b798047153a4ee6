package commands_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// faulty ends its appends as a script says: 0 well, 1 not taken, 2 taken but the reply is lost, 3 refused for good.
type faulty struct {
	*commandstest.MemoryLog
	mu     sync.Mutex
	script []int
}

func (f *faulty) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	f.mu.Lock()
	fault := 0
	if len(f.script) > 0 {
		fault, f.script = f.script[0], f.script[1:]
	}
	f.mu.Unlock()
	switch fault {
	case 1:
		return domain.Position{}, domain.ErrUnavailable
	case 3:
		return domain.Position{}, domain.ErrLogFull
	}
	at, err := f.MemoryLog.Append(ctx, lane, events...)
	if fault == 2 && err == nil {
		return domain.Position{}, domain.ErrUnavailable
	}
	return at, err
}

// crowd are the identifiers of the properties below.
func crowd() []identity.Identifier {
	var out []identity.Identifier
	for n := range 5 {
		out = append(out, user(fmt.Sprint("u", n)), email(fmt.Sprint("e", n)), device(fmt.Sprint("d", n%2)), anon(fmt.Sprint("a", n)))
	}
	return out
}

func drawIdentifiers(t *rapid.T, least, most int) []identity.Identifier {
	var out []identity.Identifier
	for range rapid.IntRange(least, most).Draw(t, "identifiers") {
		out = append(out, rapid.SampledFrom(crowd()).Draw(t, "identifier"))
	}
	return out
}

func drawItems(t *rapid.T, call int) []commands.Item {
	items := make([]commands.Item, rapid.IntRange(1, 4).Draw(t, "items"))
	for i := range items {
		items[i] = commands.Item{
			MessageID: fmt.Sprint(call, "/", i), Name: "x", Identifiers: drawIdentifiers(t, 2, 4),
			Type:       rapid.SampledFrom([]string{"track", "identify", "link", "track", "consent"}).Draw(t, "type"),
			OccurredMS: now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour).UnixMilli(),
		}
		if items[i].Type == "consent" || rapid.Bool().Draw(t, "along") {
			items[i].Consents = []commands.Consent{{
				Purpose: rapid.SampledFrom([]string{"ads", "stats"}).Draw(t, "purpose"), Given: rapid.Bool().Draw(t, "given"),
			}}
		}
	}
	return items
}

func drawCommand(t *rapid.T) command {
	two := drawIdentifiers(t, 2, 2)
	yes := rapid.Bool().Draw(t, "yes")
	switch rapid.IntRange(0, 5).Draw(t, "command") {
	case 0:
		return link(two[0], two[1], yes)
	case 1:
		return unlink(two[0], two[1], yes)
	case 2:
		return mark(two[0], rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark"))
	case 3:
		return review(two[0], two[1], yes)
	case 4:
		return consents(two[0], "ads", yes)
	}
	most, above := rapid.Uint32Range(0, 2).Draw(t, "most"), rapid.Uint32Range(0, 3).Draw(t, "above")
	size := rapid.Uint32Range(2, 8).Draw(t, "cap")
	return guardsOf(func(g *event.IdentityGuards) {
		g.Types[0].Most, g.Types[1].Most, g.Types[5].SharedAbove = most, most, above
		g.ProfileMost = size
	})
}

// ingestThrough is an Ingest of the world through another log.
func (w *world) ingestThrough(log commands.SharedLog) *commands.Ingest {
	return commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: w.vault, Normalizer: trimmer{}, Recall: w.recall,
		Now: func() time.Time { return now }, Random: commandstest.NewRandom(3),
	}, 0)
}

func TestTheLiveRegisterIsWhatTheLogGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		log := &faulty{MemoryLog: w.log, script: rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}), 0, 60).Draw(t, "faults")}
		in, changes := w.ingestThrough(log), w.changes(log)
		for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "kind") > 0 {
				_, _ = in.Ingest(context.Background(), "test", drawItems(t, step), false) // may fail: that is the point
			} else {
				_, _ = drawCommand(t)(context.Background(), w, changes, commands.Change{})
			}
			w.compare(t)
		}
	})
}

func TestTheLiveRegisterIsWhatTheLogGivesAfterCallsSideBySide(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		log := &faulty{MemoryLog: w.log, script: rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3}), 0, 60).Draw(t, "faults")}
		in, changes := w.ingestThrough(log), w.changes(log)
		ctx, cancel := context.WithCancel(context.Background())
		var following, calls sync.WaitGroup
		following.Go(func() { _ = w.recall.Follow(ctx) }) // ends with the context
		for n := range rapid.IntRange(2, 6).Draw(t, "callers") {
			items := [][]commands.Item{drawItems(t, 3*n), drawItems(t, 3*n+1), drawItems(t, 3*n+2)}
			change := drawCommand(t)
			calls.Go(func() {
				for _, call := range items {
					_, _ = in.Ingest(context.Background(), "test", call, false)
				}
				_, _ = change(context.Background(), w, changes, commands.Change{})
			})
		}
		calls.Wait()
		cancel()
		following.Wait()
		w.compare(t)
	})
}

func TestAnAcknowledgedLinkSurvivesFaults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		log := &faulty{MemoryLog: w.log, script: rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 1, 2, 3}), 0, 30).Draw(t, "faults")}
		in := w.ingestThrough(log)
		for n := range rapid.IntRange(1, 8).Draw(t, "people") {
			item := commands.Item{MessageID: fmt.Sprint(n), Type: "track", Name: "x", Identifiers: ids(user(fmt.Sprint("u", n)), anon(fmt.Sprint("a", n)))}
			for {
				if v, err := in.Ingest(context.Background(), "test", []commands.Item{item}, false); err == nil {
					if v[0].Status == commands.Rejected {
						t.Fatalf("got %+v", v[0])
					}
					break
				}
				if rapid.Bool().Draw(t, "restart") {
					w = startWorld(t, w.log, w.vault)
					in = w.ingestThrough(log)
				}
			}
			if !w.linked(item.Identifiers[0], item.Identifiers[1]) {
				t.Fatal("an acknowledged event's link is not there")
			}
		}
		w.compare(t)
		if got := w.types(t); got["tracked"] != got["identity_linked"] {
			t.Fatalf("something is there twice: %v", got)
		}
	})
}
