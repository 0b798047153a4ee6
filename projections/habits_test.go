package projections_test

import (
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func did(n byte, at int64, e *event.Event) domain.Recorded {
	a := alias(n)
	e.Id, e.Alias, e.OccurredMs = a[:], a[:], at
	return domain.Recorded{Event: e}
}

func TestHabitsAreOfAllAliasesOfAPerson(t *testing.T) {
	t.Parallel()
	h := projections.NewHabits()
	sequence := uint64(0)
	apply := func(r domain.Recorded) {
		sequence++
		for range 2 { // a redelivery changes nothing
			if err := h.Apply(envelope(t, sequence, r)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range byte(30) {
		for range 2 {
			apply(did(n, noon-86_400_000, &event.Event{Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 5e6, Coupon: n < 6}}}))
		}
	}
	tea := &event.Line{Item: "tea"}
	apply(did(1, noon-3*60_000, &event.Event{Body: &event.Event_Viewed{Viewed: &event.Viewed{Line: tea}}}))
	apply(did(2, noon-2*60_000, &event.Event{Body: &event.Event_Viewed{Viewed: &event.Viewed{Line: tea}}}))
	apply(did(2, noon-60_000, &event.Event{Body: &event.Event_Carted{Carted: &event.Carted{Line: tea}}}))
	got := h.Of([]domain.Alias{alias(1), alias(2)}, noon)
	if got.Usual.Share != .2 || got.Price.Orders != 4 || got.Price.Lowered != 4 || got.Price.Score < .5 {
		t.Errorf("price %+v, usual %+v", got.Price, got.Usual)
	}
	if got.Intent.Acts != 3 || len(got.Intent.Terms) != 3 || got.Intent.Score < .5 {
		t.Errorf("intent %+v", got.Intent)
	}
	if other := h.Of([]domain.Alias{alias(20)}, noon); other.Price.Score > .2 || other.Intent.Acts != 0 {
		t.Errorf("another: %+v", other)
	}
	if stranger := h.Of(nil, noon); stranger.Price.Score != .2 || stranger.Price.Belief != 0 {
		t.Errorf("a stranger: %+v", stranger)
	}
}

func TestHabitsOfHostileHistories(t *testing.T) {
	t.Parallel()
	sample := projectionstest.NewSample(5, 30)
	h := projections.NewHabits()
	for n := uint64(1); n < 3000; n++ {
		lane, e := sample.Next()
		if err := h.Apply(framed(t, lane, n, e)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 30 {
		if got := h.Of([]domain.Alias{sample.Alias(n)}, noon); !(got.Price.Score >= 0 && got.Price.Score <= 1) || !(got.Intent.Score >= 0 && got.Intent.Score <= 1) {
			t.Fatalf("%+v", got)
		}
	}
}
