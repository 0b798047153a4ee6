package projections

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// MixedCurrencies is the currency of totals that add up several.
const MixedCurrencies = "MIXED"

// Totals is what the tables say about one alias, or about a profile: the sum of its aliases. It is additive: Add is
// commutative and associative and the zero Totals is its neutral element, so neither the order between streams nor
// how events were batched shows in it. Times are Unix milliseconds, money is millionths of the currency unit.
type Totals struct {
	// Type is the kind of identifier the alias stands for; of two that differ the smaller stands.
	Type string
	// Events counts every event about the alias, of any stream. FirstMs and LastMs span them.
	Events          int64
	FirstMs, LastMs int64
	// Behaviours counts what the person did: the events of BEHAVIOUR but for moves between segments; LastActiveMs is when the last of them happened.
	Behaviours   int64
	LastActiveMs int64

	Views, Carts, Purchases, Refunds, Tracked int64
	SpentMicros, RefundedMicros               int64
	// Currency is that of all the money here, MixedCurrencies when there are several, "" when there is none.
	Currency string

	// Decisions were made here, ExternalDecisions by other systems; Offers counts those of both that gave one.
	Decisions, ExternalDecisions, Offers int64

	Deliveries, Exposures, Clicks, Conversions int64
	ConvertedMicros, CostMicros                int64
}

// Add is the totals of both together.
func (t Totals) Add(u Totals) Totals {
	t.Type = smallerText(t.Type, u.Type)
	t.Currency = joinCurrency(t.Currency, u.Currency)
	t.FirstMs, t.LastMs = span(t, u)
	t.LastActiveMs = lastActive(t, u)
	t.Events += u.Events
	t.Behaviours += u.Behaviours
	t.Views += u.Views
	t.Carts += u.Carts
	t.Purchases += u.Purchases
	t.Refunds += u.Refunds
	t.Tracked += u.Tracked
	t.SpentMicros += u.SpentMicros
	t.RefundedMicros += u.RefundedMicros
	t.Decisions += u.Decisions
	t.ExternalDecisions += u.ExternalDecisions
	t.Offers += u.Offers
	t.Deliveries += u.Deliveries
	t.Exposures += u.Exposures
	t.Clicks += u.Clicks
	t.Conversions += u.Conversions
	t.ConvertedMicros += u.ConvertedMicros
	t.CostMicros += u.CostMicros
	return t
}

func span(t, u Totals) (first, last int64) {
	switch {
	case u.Events == 0:
		return t.FirstMs, t.LastMs
	case t.Events == 0:
		return u.FirstMs, u.LastMs
	}
	return min(t.FirstMs, u.FirstMs), max(t.LastMs, u.LastMs)
}

func lastActive(t, u Totals) int64 {
	switch {
	case u.Behaviours == 0:
		return t.LastActiveMs
	case t.Behaviours == 0:
		return u.LastActiveMs
	}
	return max(t.LastActiveMs, u.LastActiveMs)
}

// smallerText is the smaller of two texts that are not empty.
func smallerText(a, b string) string {
	if a == "" || (b != "" && b < a) {
		return b
	}
	return a
}

func joinCurrency(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return MixedCurrencies
}

// totalsOf is what one event adds to the alias it is about.
func totalsOf(stream domain.Stream, e *event.Event) Totals {
	ms := tableMs(e.GetOccurredMs())
	t := Totals{Type: cell(e.GetAliasType()), Events: 1, FirstMs: ms, LastMs: ms}
	if stream == domain.Behaviour && !isMove(e) {
		t.Behaviours, t.LastActiveMs = 1, ms
	}
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		t.Views = 1
	case *event.Event_Carted:
		t.Carts = 1
	case *event.Event_Purchased:
		t.Purchases, t.SpentMicros, t.Currency = 1, b.Purchased.GetAmountMicros(), cell(b.Purchased.GetCurrency())
	case *event.Event_Refunded:
		t.Refunds, t.RefundedMicros, t.Currency = 1, b.Refunded.GetAmountMicros(), cell(b.Refunded.GetCurrency())
	case *event.Event_Tracked:
		t.Tracked = 1
	case *event.Event_Decision:
		t.addDecision(b.Decision)
	case *event.Event_Delivered:
		t.Deliveries = 1
	case *event.Event_Exposed:
		t.Exposures = 1
	case *event.Event_Clicked:
		t.Clicks = 1
	case *event.Event_Converted:
		t.Conversions, t.ConvertedMicros, t.CostMicros = 1, b.Converted.GetValueMicros(), b.Converted.GetCostMicros()
	}
	return t
}

func (t *Totals) addDecision(d *event.Decision) {
	if d.GetExternal() {
		t.ExternalDecisions = 1
	} else {
		t.Decisions = 1
	}
	if d.GetOffer() != "" {
		t.Offers = 1
	}
}

// isMove says whether an event tells that somebody was found in a segment, or no more: no deed of a person.
func isMove(e *event.Event) bool { return e.GetSegmentEntered() != nil || e.GetSegmentLeft() != nil }
