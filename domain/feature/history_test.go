package feature_test

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
	// noon is 2026-03-01T12:00:00Z.
	noon = int64(1_772_366_400_000)
)

// source is a small deterministic generator of numbers: rapid draws its seed, so failures are repeated exactly.
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *source) below(n int) int { return int(s.next() % uint64(n)) }

func pick[T any](s *source, of ...T) T { return of[s.below(len(of))] }

// history draws n events of one alias in the order of their positions, with times in any order within span.
func history(s *source, n int, span int64) []domain.Recorded {
	var at [domain.Streams]domain.Position
	out := make([]domain.Recorded, n)
	for i := range out {
		ev := happening(s)
		ev.AliasType = "user_id"
		ev.OccurredMs = noon - int64(s.next()%uint64(span))
		if s.below(3) > 0 {
			ev.OccurredMs -= ev.OccurredMs % hour // ties
		}
		stream, known := domain.StreamOf(ev)
		if !known {
			panic("an event of no stream")
		}
		p := &at[stream]
		if s.below(3) == 0 && p.Sequence > 0 {
			p.Index += 1 + uint32(s.below(3))
		} else {
			*p = domain.Position{Sequence: p.Sequence + 1 + uint64(s.below(300)), Index: uint32(s.below(100))}
		}
		out[i] = domain.Recorded{At: *p, Event: ev}
	}
	return out
}

// happening draws what happened.
func happening(s *source) *event.Event {
	line := func() *event.Line {
		return &event.Line{Item: "sku-" + strconv.Itoa(s.below(40)), AmountMicros: int64(s.below(90_000)) * 1000}
	}
	of := &event.OutcomeOf{Offer: pick(s, "", "spring", "bogo", "ten-off")}
	ev := &event.Event{Channel: pick(s, "", "web", "mobile", "email", "carrier-pigeon")}
	switch s.below(14) {
	case 0:
		ev.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_PAGE, Name: "home"}}
	case 1, 2:
		ev.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Line: line()}}
	case 3:
		ev.Body = &event.Event_Carted{Carted: &event.Carted{Line: line()}}
	case 4, 5:
		p := &event.Purchased{AmountMicros: int64(s.below(1_000_000)) * 10_000}
		for range s.below(4) {
			p.Lines = append(p.Lines, line())
		}
		ev.Body = &event.Event_Purchased{Purchased: p}
	case 6:
		ev.Body = &event.Event_Refunded{Refunded: &event.Refunded{AmountMicros: int64(s.below(1_000_000_000))}}
	case 7:
		ev.Body = &event.Event_Tracked{Tracked: &event.Tracked{Name: "signed_up"}}
	case 8:
		ev.Body = &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{Names: []string{"age"}}}
	case 9, 10:
		ev.Body = &event.Event_Decision{Decision: &event.Decision{
			Offer: pick(s, "", "spring", "bogo", "ten-off"), Category: pick(s, "", "discount", "bogo"),
			Channel: pick(s, "", "email", "push"), External: s.below(2) == 0,
		}}
	case 11:
		ev.Body = &event.Event_Delivered{Delivered: &event.Delivered{Of: of}}
	case 12:
		ev.Body = pick(s,
			&event.Event{Body: &event.Event_Exposed{Exposed: &event.Exposed{Of: of}}},
			&event.Event{Body: &event.Event_Clicked{Clicked: &event.Clicked{Of: of}}}).Body
	default:
		ev.Body = &event.Event_Converted{Converted: &event.Converted{
			Of: of, ValueMicros: int64(s.below(50_000)) * 1000, CostMicros: int64(s.below(9)) * 1_000_000,
		}}
	}
	return ev
}

// drawn is a history whose length, spread and content rapid chooses.
func drawn(t *rapid.T) []domain.Recorded {
	s := source(rapid.Uint64().Draw(t, "seed"))
	n := rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(0, 2600)).Draw(t, "events")
	span := rapid.SampledFrom([]int64{2 * hour, 3 * day, 100 * day, 600 * day}).Draw(t, "span")
	return history(&s, n, span)
}

func fold(a feature.Activity, events []domain.Recorded) feature.Activity {
	f := feature.NewFolder(a)
	for _, r := range events {
		f.Fold(r)
	}
	return f.Activity()
}

// same fails unless both activities have the same bytes.
func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, what string, got, want feature.Activity) {
	t.Helper()
	if g, w := feature.Encode(got), feature.Encode(want); !slices.Equal(g, w) {
		t.Fatalf("%s: the states differ (%d and %d bytes)", what, len(g), len(w))
	}
}

func mustFold(t *testing.T, events ...domain.Recorded) feature.Activity {
	t.Helper()
	var a feature.Activity
	for i, r := range events {
		before := feature.Encode(a)
		next := feature.Fold(a, r)
		if string(feature.Encode(a)) != string(before) {
			t.Fatalf("folding event %d changed the state it started from", i)
		}
		a = next
	}
	return a
}

// at is an event of BEHAVIOUR, DECISION, ... at a position and a time.
func at(sequence uint64, ms int64, ev *event.Event) domain.Recorded {
	ev.OccurredMs = ms
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: ev}
}

func viewed(item string) *event.Event {
	return &event.Event{Channel: "web", AliasType: "anonymous_id", Body: &event.Event_Viewed{Viewed: &event.Viewed{
		Kind: event.Viewed_KIND_ITEM, Line: &event.Line{Item: item}}}}
}

func carted(item string, micros int64) *event.Event {
	return &event.Event{Channel: "web", Body: &event.Event_Carted{Carted: &event.Carted{
		Line: &event.Line{Item: item, AmountMicros: micros}}}}
}

func purchased(micros int64, items ...string) *event.Event {
	p := &event.Purchased{AmountMicros: micros}
	for _, item := range items {
		p.Lines = append(p.Lines, &event.Line{Item: item})
	}
	return &event.Event{Channel: "mobile", Body: &event.Event_Purchased{Purchased: p}}
}

func offered(channel, category, offer string) *event.Event {
	return &event.Event{Body: &event.Event_Decision{Decision: &event.Decision{
		Channel: channel, Category: category, Offer: offer}}}
}

func converted(offer string, value, cost int64) *event.Event {
	return &event.Event{Body: &event.Event_Converted{Converted: &event.Converted{
		Of: &event.OutcomeOf{Offer: offer}, ValueMicros: value, CostMicros: cost}}}
}
