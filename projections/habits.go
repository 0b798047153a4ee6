package projections

import (
	"fmt"
	"hash/fnv"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/habit"
)

// How much is remembered of one alias: the latest.
const (
	maxActs   = 50
	maxOrders = 50
)

// Habits remembers people's latest acts and orders, in memory: folded from BEHAVIOUR at each start. It is safe for concurrent
// use.
type Habits struct {
	mu      sync.RWMutex
	people  map[domain.Alias]*doings
	applied uint64

	// usual was read at usualMS, from so many orders.
	usual   habit.Market
	usualMS int64
	orders  int
}

type doings struct {
	acts   []habit.Act
	orders []habit.Order
}

// NewHabits remembers nothing yet.
func NewHabits() *Habits { return &Habits{people: map[domain.Alias]*doings{}} }

// Apply takes the next envelope of BEHAVIOUR; one that was applied already changes nothing.
func (h *Habits) Apply(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return fmt.Errorf("apply %s %d: %w", e.Lane.Stream, e.Sequence, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Sequence <= h.applied {
		return nil
	}
	h.applied = e.Sequence
	for _, r := range events {
		h.take(r.Event)
	}
	return nil
}

func (h *Habits) take(e *event.Event) {
	alias, err := domain.AliasFromBytes(e.GetAlias())
	if err != nil {
		return // an event about nobody
	}
	act, known := actOf(e)
	if !known {
		return
	}
	d := h.people[alias]
	if d == nil {
		d = &doings{}
		h.people[alias] = d
	}
	d.acts = latest(d.acts, act, maxActs)
	if p := e.GetPurchased(); p != nil {
		d.orders = latest(d.orders, habit.Order{Paid: p.GetAmountMicros(), Coupon: p.GetCoupon()}, maxOrders)
		h.orders++
	}
}

// latest appends, and lets the first go beyond a limit.
func latest[T any](list []T, one T, limit int) []T {
	if len(list) == limit {
		copy(list, list[1:])
		list = list[:limit-1]
	}
	return append(list, one)
}

func actOf(e *event.Event) (habit.Act, bool) {
	act := habit.Act{TimeMS: domain.TimeOf(e)}
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		if act.Item = numberOf(b.Viewed.GetLine()); act.Item != 0 {
			act.Deed = habit.SawItem
		}
	case *event.Event_Carted:
		act.Deed, act.Item = habit.PutIntoCart, numberOf(b.Carted.GetLine())
	case *event.Event_Purchased:
		act.Deed = habit.Bought
	case *event.Event_Refunded:
		act.Deed = habit.GaveBack
	default:
		return act, false
	}
	return act, true
}

// numberOf is a number for an item; 0 is none.
func numberOf(l *event.Line) uint64 {
	if l.GetItem() == "" {
		return 0
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(l.GetItem()))
	return sum.Sum64() | 1
}

// Habit is what is read of one person.
type Habit struct {
	Price  habit.Sensitivity
	Usual  habit.Market
	Intent habit.Intent
}

// Of reads the habits of the person of these aliases at a time (Unix milliseconds).
func (h *Habits) Of(aliases []domain.Alias, nowMS int64) Habit {
	usual := h.market(nowMS)
	h.mu.RLock()
	defer h.mu.RUnlock()
	var all doings
	for _, a := range aliases {
		if d := h.people[a]; d != nil {
			all.acts, all.orders = append(all.acts, d.acts...), append(all.orders, d.orders...)
		}
	}
	return Habit{Price: habit.SensitivityOf(all.orders, usual), Usual: usual, Intent: habit.IntentOf(all.acts, nowMS)}
}

// market is what is usual, read anew when half of all orders have come since, and after an hour. An alias counts as a person: a
// link changes what is usual too little to follow it.
func (h *Habits) market(nowMS int64) habit.Market {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.usual.Orders > 0 && nowMS-h.usualMS < relearnMS && h.orders < 2*h.usual.Orders {
		return h.usual
	}
	people := make([][]habit.Order, 0, len(h.people))
	for _, d := range h.people {
		if len(d.orders) > 0 {
			people = append(people, d.orders)
		}
	}
	h.usual, h.usualMS = habit.MarketOf(people), nowMS
	return h.usual
}
