package recommend

import (
	"cmp"
	"slices"
)

// TrailItems is how many items a trail keeps: the latest.
const TrailItems = 200

// Trail is what one person did, one entry an item, the latest last. The zero Trail is empty.
type Trail struct{ Entries []Entry }

// Entry is what a person did with one item.
type Entry struct {
	Item uint32
	// TimeMS is of the last time, Unix milliseconds.
	TimeMS int64
	// Points add up what was done: 1 for a view, 3 for a cart, 6 for a purchase.
	Points uint32
	Bought bool
}

// Add takes one event in. Beyond TrailItems the oldest entry leaves.
func (t *Trail) Add(item uint32, timeMS int64, kind Kind) {
	t.merge(Entry{Item: item, TimeMS: timeMS, Points: kind.weight(), Bought: kind == Purchased})
}

// maxPoints keeps a machine that views one item for ever from counting over.
const maxPoints = 1 << 20

// merge adds what was done with one item.
func (t *Trail) merge(e Entry) {
	if at := slices.IndexFunc(t.Entries, func(o Entry) bool { return o.Item == e.Item }); at >= 0 {
		had := t.Entries[at]
		e.TimeMS, e.Points, e.Bought = max(e.TimeMS, had.TimeMS), min(e.Points+had.Points, maxPoints), e.Bought || had.Bought
		t.Entries = slices.Delete(t.Entries, at, at+1)
	}
	at, _ := slices.BinarySearchFunc(t.Entries, e, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Item, b.Item))
	})
	t.Entries = slices.Insert(t.Entries, at, e)
	if len(t.Entries) > TrailItems {
		t.Entries = slices.Delete(t.Entries, 0, len(t.Entries)-TrailItems)
	}
}

// Merge is what several trails are together, as the trail of one person who did it all; it shares no memory with them.
func Merge(trails ...Trail) Trail {
	var out Trail
	for i, t := range trails {
		if i == 0 {
			out.Entries = slices.Clone(t.Entries)
			continue
		}
		for _, e := range t.Entries {
			out.merge(e)
		}
	}
	return out
}
