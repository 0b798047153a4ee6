package natskv

import (
	"context"
	"testing"

	"github.com/profferhq/proffer/domain"
)

func TestAWaiterWakesAtItsPlaceAndNotBefore(t *testing.T) {
	t.Parallel()
	var a applied
	place := domain.Place{Stream: domain.Outcome, Position: domain.Position{Sequence: 3, Index: 9}}
	w := a.register(place)
	a.advance(domain.Cut{domain.Behaviour: 7, domain.Outcome: 2})
	if w == nil || closed(w.reached) {
		t.Fatal("woken before its place")
	}
	a.advance(domain.Cut{domain.Outcome: 3})
	if !closed(w.reached) || len(a.waiting) != 0 {
		t.Error("not woken at its place")
	}
	if a.register(place) != nil {
		t.Error("a place that is reached is waited for")
	}
	if got := a.now(); got != (domain.Cut{domain.Behaviour: 7, domain.Outcome: 3}) {
		t.Errorf("applied went back: %v", got)
	}
}

func TestAWaiterThatGivesUpIsForgotten(t *testing.T) {
	t.Parallel()
	var a applied
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.wait(ctx, domain.Place{Position: domain.Position{Sequence: 1}}); err == nil || len(a.waiting) != 0 {
		t.Errorf("error %v, %d waiting", err, len(a.waiting))
	}
}
