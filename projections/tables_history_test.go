package projections_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// someIdentity draws an event about a few people: what the history and the pairs hang on.
func someIdentity(t *rapid.T, people int, ms int64) *event.Event {
	n, m := rapid.IntRange(0, people-1).Draw(t, "who"), rapid.IntRange(0, people-1).Draw(t, "other")
	other := who(m)
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 10:
		return said(n, ms, &event.Event{Body: &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{Other: other[:], Posterior: 0.5}}})
	case 11:
		return said(n, ms, &event.Event{Body: &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
			Other: other[:], Posterior: 0.5, Confirmed: rapid.Bool().Draw(t, "confirmed")}}})
	case 12:
		return said(n, ms, &event.Event{Body: &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
			Other: other[:], Lifted: rapid.Bool().Draw(t, "lifted")}}})
	case 0, 1, 2, 3:
		return linked(n, m, ms, "identify", nil)
	case 4, 5:
		return unlinked(n, m, ms, rapid.SampledFrom([]string{"operator", "guards"}).Draw(t, "rule"))
	case 6:
		return withheld(n, m, ms)
	case 7:
		return marked(n, ms, event.AliasMarked_MARK_NONE)
	default:
		return marked(n, ms, rapid.SampledFrom([]event.AliasMarked_Mark{event.AliasMarked_MARK_SHARED, event.AliasMarked_MARK_BLOCKED}).Draw(t, "mark"))
	}
}

// TestHistoryIsTheGraphAtEveryCut: whatever is linked, taken back and marked, and however the log is cut into batches
// with restarts in between, the history names the profile that the graph had at every place of the log.
func TestHistoryIsTheGraphAtEveryCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
		people := rapid.IntRange(2, 8).Draw(t, "people")
		for envelope := range rapid.IntRange(1, 12).Draw(t, "envelopes") {
			events := make([]*event.Event, rapid.IntRange(1, 5).Draw(t, "events"))
			for i := range events {
				events[i] = someIdentity(t, people, int64(envelope))
			}
			log.Append(identityLane(), events...)
			if rapid.Bool().Draw(t, "restart") {
				catchUp(t, log, tables, rapid.IntRange(1, 9).Draw(t, "batch"))
			}
		}
		catchUp(t, log, tables, rapid.IntRange(1, 9).Draw(t, "batch"))
		history, register := tables.History(), identity.NewRegister()
		graph := register.Graph()
		for r := range recordedOf(t, log) {
			register.Apply(r)
			for n := range people {
				if got := profileAt(history[who(n)], who(n), r.At); got != graph.Profile(who(n)) {
					t.Fatalf("profile of %d at %v = %v, want %v\n%+v", n, r.At, got, graph.Profile(who(n)), history[who(n)])
				}
			}
		}
		checkPairs(t, tables, register, people)
		checkPeople(t, log, tables)
	})
}

func catchUp(t *rapid.T, log projections.Source, tables projections.Tables, batch int) {
	p := projections.NewTablesProjector(log, tables, projections.TablesOptions{RebuildEvents: batch})
	if err := p.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// recordedOf yields IDENTITY, event by event.
func recordedOf(t *rapid.T, log *projectionstest.StreamLog) func(func(domain.Recorded) bool) {
	return func(yield func(domain.Recorded) bool) {
		last, _ := log.Last(context.Background(), domain.Identity)
		for e, err := range log.Read(context.Background(), domain.Identity, 1, last) {
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := e.Recorded()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recorded {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// profileAt reads a history as analysts do: exactly one stretch holds at any place, or there is none at all.
func profileAt(rows []projections.HistoryRow, alias domain.Alias, at domain.Position) domain.Alias {
	profile, found := alias, 0
	for _, r := range rows {
		if !r.From.At.After(at) && (r.To.IsZero() || r.To.At.After(at)) {
			profile = r.Profile
			found++
		}
	}
	if found > 1 || (found == 0 && len(rows) > 0) {
		return domain.Alias{}
	}
	return profile
}

// pairState is what a row and a register both know about two aliases.
type pairState struct {
	Links                  int
	Withheld, Open, Barred bool
	Reviewed               domain.Position
	Confirmed              bool
}

func stateOfRow(r projections.PairRow) pairState {
	return pairState{
		Links: r.Claim.Links, Withheld: r.Claim.Withheld, Open: r.Proposal.Open, Barred: !r.Bar.At.IsZero() && !r.Bar.Lifted,
		Reviewed: r.Review.At.At, Confirmed: r.Review.Confirmed,
	}
}

func stateOfRegister(register *identity.Register, a, b domain.Alias) pairState {
	state := pairState{Links: register.Graph().Links(a, b), Barred: register.Barred(a, b)}
	for _, w := range register.WithheldOf(a) {
		state.Withheld = state.Withheld || w.First.Alias == b || w.Second.Alias == b
	}
	_, state.Open = register.Proposed(a, b)
	review, _ := register.Reviewed(a, b)
	state.Reviewed, state.Confirmed = review.At, review.Confirmed
	return state
}

// checkPairs compares the rows with what commands know: both fold the same events, apart.
func checkPairs(t *rapid.T, tables *projectionstest.MemoryTables, register *identity.Register, people int) {
	rows := tables.PairRows()
	for n := range people {
		for m := n + 1; m < people; m++ {
			want, got := stateOfRegister(register, who(n), who(m)), stateOfRow(rows[projections.Pair{Alias: who(n), Other: who(m)}])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%d and %d, -want +got\n%s", n, m, diff)
			}
		}
	}
}
