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
	e := Entry{Item: item, TimeMS: timeMS}
	if at := slices.IndexFunc(t.Entries, func(o Entry) bool { return o.Item == item }); at >= 0 {
		e = t.Entries[at]
		e.TimeMS = max(e.TimeMS, timeMS)
		t.Entries = slices.Delete(t.Entries, at, at+1)
	}
	e.Points = min(e.Points+kind.weight(), 1<<20)
	e.Bought = e.Bought || kind == Purchased
	at, _ := slices.BinarySearchFunc(t.Entries, e, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.TimeMS, b.TimeMS), cmp.Compare(a.Item, b.Item))
	})
	t.Entries = slices.Insert(t.Entries, at, e)
	if len(t.Entries) > TrailItems {
		t.Entries = slices.Delete(t.Entries, 0, len(t.Entries)-TrailItems)
	}
}
