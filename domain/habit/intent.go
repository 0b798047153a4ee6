package habit

import (
	"math"
	"slices"

	"github.com/profferhq/proffer/domain/stat"
)

// Deed is what a person did in a session.
type Deed uint8

// Deeds.
const (
	SawPage Deed = iota
	SawItem
	PutIntoCart
	Bought
	GaveBack
)

// Act is one deed at a time (Unix milliseconds), with the item's number where it has one; equal items have equal numbers.
type Act struct {
	TimeMS int64
	Deed   Deed
	Item   uint64
}

// SessionMS is the pause that ends a session: half an hour.
const SessionMS = 30 * 60_000

// Intent is how near to buying a person is in her present session.
type Intent struct {
	// Score is from 0 to 1: 1 - e^-(sum of the terms' points). Above 0.7 is likely, below 0.3 unlikely, as a rule of thumb.
	Score float64 `json:"score"`
	// Terms say where it comes from, the largest first.
	Terms []Term `json:"terms"`
	// Acts is how many acts the session has, SinceMS when it began; 0 and 0 without one.
	Acts    int   `json:"acts"`
	SinceMS int64 `json:"since_ms"`
}

// Term is one reason.
type Term struct {
	Name   string  `json:"name"`
	Count  int     `json:"count"`
	Points float64 `json:"points"`
}

// Points of one deed, and how many of them count.
var points = [...]struct {
	name   string
	each   float64
	most   int
	counts func(acts []Act) int
}{
	{"items in the cart", 0.6, 3, func(a []Act) int { return countOf(a, PutIntoCart) }},
	{"items seen again", 0.25, 4, seenAgain},
	{"items seen", 0.08, 8, func(a []Act) int { return countOf(a, SawItem) }},
	{"pages seen", 0.02, 10, func(a []Act) int { return countOf(a, SawPage) }},
}

// fadeMS is the time in which, without an act, intent halves: ten minutes.
const fadeMS = 10 * 60_000

// IntentOf reads the session that is under way at a time: the acts up to it without a pause of half an hour, after the last
// purchase, for what was wanted has been bought. It is 0 where there is none. Acts may come in any order.
func IntentOf(acts []Act, nowMS int64) Intent {
	session := sessionOf(acts, nowMS)
	out := Intent{Acts: len(session)}
	if len(session) == 0 {
		return out
	}
	out.SinceMS = session[0].TimeMS
	fade := stat.Exp(-math.Ln2 * float64(nowMS-session[len(session)-1].TimeMS) / fadeMS)
	sum := 0.0
	for _, p := range points {
		n := p.counts(session)
		if n == 0 {
			continue
		}
		t := Term{Name: p.name, Count: n, Points: float64(min(n, p.most)) * p.each * fade}
		out.Terms, sum = append(out.Terms, t), float64(sum)+t.Points
	}
	slices.SortStableFunc(out.Terms, func(a, b Term) int {
		switch {
		case a.Points > b.Points:
			return -1
		case a.Points < b.Points:
			return 1
		}
		return 0
	})
	out.Score = 1 - stat.Exp(-sum)
	return out
}

// sessionOf are the acts of the session under way, in their order.
func sessionOf(acts []Act, nowMS int64) []Act {
	var all []Act
	for _, a := range acts {
		if a.TimeMS <= nowMS {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Act) int {
		switch {
		case a.TimeMS < b.TimeMS:
			return -1
		case a.TimeMS > b.TimeMS:
			return 1
		}
		return int(a.Deed) - int(b.Deed)
	})
	last, from := nowMS, len(all)
	for from > 0 && all[from-1].Deed < Bought && float64(last)-float64(all[from-1].TimeMS) < SessionMS {
		from--
		last = all[from].TimeMS
	}
	return all[from:]
}

func countOf(acts []Act, deed Deed) int {
	n := 0
	for _, a := range acts {
		if a.Deed == deed {
			n++
		}
	}
	return n
}

// seenAgain counts the views of items beyond the first of each.
func seenAgain(acts []Act) int {
	seen, n := map[uint64]bool{}, 0
	for _, a := range acts {
		if a.Deed != SawItem || a.Item == 0 {
			continue
		}
		if seen[a.Item] {
			n++
		}
		seen[a.Item] = true
	}
	return n
}
