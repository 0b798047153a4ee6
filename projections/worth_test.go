package projections_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/value"
	"github.com/profferhq/proffer/projections"
)

const oneDay = 86_400_000

// couples makes an alias and the next one, from 100 on, one person.
type couples struct{}

func (couples) Profile(a domain.Alias) (domain.Alias, uint64) {
	if n := a[len(a)-1]; n >= 100 && n%2 == 1 {
		return alias(n - 1), 0
	}
	return a, 0
}

func (couples) Aliases(a domain.Alias) []domain.Alias { return []domain.Alias{a} }

func boughtAt(n byte, day int, micros int64) domain.Recorded {
	return did(n, int64(day)*oneDay+3_600_000, &event.Event{Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: micros}}})
}

// shopping is what 60 people bought within a year: each her days, in any order, and the same days again as plain
// occasions.
func shopping() (events []domain.Recorded, histories map[byte][]value.Occasion) {
	r := rand.New(rand.NewPCG(3, 4))
	histories = map[byte][]value.Occasion{}
	for n := byte(1); n <= 60; n++ {
		for range 1 + r.IntN(8) {
			one := value.Occasion{Day: 20_000 + r.IntN(300), Micros: int64(1+r.IntN(50)) * 1e6}
			histories[n] = append(histories[n], one)
			events = append(events, boughtAt(n, one.Day, one.Micros))
		}
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events, histories
}

func remembered(t *testing.T, events []domain.Recorded) *projections.Purchases {
	t.Helper()
	p := projections.NewPurchases()
	for i, e := range events {
		for range 2 { // a redelivery changes nothing
			if err := p.Apply(envelope(t, uint64(i+1), e)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

func TestWorthIsThatOfTheHistories(t *testing.T) {
	t.Parallel()
	events, occasions := shopping()
	p := remembered(t, events)
	got, err := p.Everybody(t.Context(), couples{}, projections.WorthAsk{Until: 20_310, Horizon: 70})
	if err != nil {
		t.Fatal(err)
	}
	var histories []value.History
	for n := byte(1); n <= 60; n++ {
		histories = append(histories, value.HistoryOf(value.Occasions(occasions[n]), 20_310, 7))
	}
	want, err := value.Fit(histories)
	if err != nil {
		t.Fatal(err)
	}
	if got.People != 60 || len(got.Persons) != 60 || got.Model.Purchasing != want.Purchasing {
		t.Fatalf("%d people, %+v, want %+v", got.People, got.Model.Purchasing, want.Purchasing)
	}
	for i, e := range want.Expect(histories, 10) {
		one, err := p.Of(couples{}, alias(byte(i+1)), projections.WorthAsk{Until: 20_310, Horizon: 70})
		if err != nil || len(one.Persons) != 1 || one.Persons[0].History != histories[i] && histories[i].Repeats > 0 {
			t.Fatalf("person %d: %+v, %v; want %+v", i+1, one.Persons, err, histories[i])
		}
		if math.Abs(one.Persons[0].Value-e.Value) > 1e-12*e.Value || one.Persons[0].Alive != e.Alive {
			t.Errorf("person %d: %+v, want %+v", i+1, one.Persons[0].Expectation, e)
		}
	}
	for i := 1; i < len(got.Persons); i++ {
		if got.Persons[i].Value > got.Persons[i-1].Value {
			t.Errorf("%g follows %g", got.Persons[i].Value, got.Persons[i-1].Value)
		}
	}
}

func TestAPersonsAliasesAreOneHistory(t *testing.T) {
	t.Parallel()
	events, _ := shopping()
	events = append(events, boughtAt(100, 20_280, 5e6), boughtAt(101, 20_287, 6e6), boughtAt(101, 20_294, 7e6), boughtAt(100, 20_294, 1e6))
	p := remembered(t, events)
	for _, of := range []byte{100, 101} {
		got, err := p.Of(couples{}, alias(of), projections.WorthAsk{Until: 20_301, Horizon: 365})
		if err != nil {
			t.Fatal(err)
		}
		if want := (value.History{Repeats: 2, Last: 2, Observed: 3, Mean: 7}); len(got.Persons) != 1 || got.Persons[0].History != want || got.Persons[0].Profile != alias(100) {
			t.Errorf("%+v, want %+v", got.Persons, want)
		}
	}
	before, err := p.Of(couples{}, alias(101), projections.WorthAsk{Until: 20_288, Horizon: 365})
	if err != nil || before.Persons[0].History.Repeats != 1 {
		t.Errorf("what came later counts: %+v, %v", before.Persons, err)
	}
	if last, err := p.Everybody(t.Context(), couples{}, projections.WorthAsk{Horizon: 365}); err != nil || last.Until < 20_290 || last.Until > 20_299 {
		t.Errorf("until %d, %v", last.Until, err)
	}
}

func TestTooFewToLearnFrom(t *testing.T) {
	t.Parallel()
	p := remembered(t, []domain.Recorded{boughtAt(1, 20_000, 5e6)})
	if _, err := p.Everybody(t.Context(), couples{}, projections.WorthAsk{Horizon: 365}); !errors.Is(err, value.ErrHopeless) {
		t.Error(err)
	}
	if _, err := projections.NewPurchases().Everybody(t.Context(), couples{}, projections.WorthAsk{Horizon: 365}); !errors.Is(err, value.ErrHopeless) {
		t.Error(err)
	}
}
