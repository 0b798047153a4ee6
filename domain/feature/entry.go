package feature

import (
	"cmp"
	"slices"
)

// Bounds of what is kept of one alias, so that its state stays small whatever it does.
const (
	// MaxEntries is how many events a part keeps one by one; older ones are in tiles.
	MaxEntries = 256
	// MaxContacts is the same for the DECISION part: contact limits are exact for a person who received no more
	// offers than this within the limit's window.
	MaxContacts = 512
	// MaxItems is how many different items of one event are kept for distinct counts (the smallest by hash).
	MaxItems = 128
)

// symbol is the index of a text in its part's table; 0 is the empty text.
type symbol uint16

// entry is one event kept one by one. It holds no pointers: a person's list is one block of memory the garbage
// collector does not look into.
type entry struct {
	time   int64
	seq    uint64
	amount int64 // micros: what was paid, refunded, put into the cart, or what a conversion was worth
	cost   int64 // micros: what a conversion cost
	index  uint32
	itemAt uint32 // where the entry's item hashes start in the part's items
	itemN  uint16
	// channel, category and offer stand in the part's table of texts.
	channel, category, offer symbol
	kind                     Kind
}

// compareEntries orders by event time, then position: a total order within a stream.
func compareEntries(a, b entry) int {
	if a.time != b.time {
		return cmp.Compare(a.time, b.time)
	}
	if a.seq != b.seq {
		return cmp.Compare(a.seq, b.seq)
	}
	return cmp.Compare(a.index, b.index)
}

// before says whether e stands before x in that order.
func (e *entry) before(x *entry) bool {
	if e.time != x.time {
		return e.time < x.time
	}
	return e.seq < x.seq || e.seq == x.seq && e.index < x.index
}

// insertEntry puts an entry where it belongs; nearly always at the end.
func insertEntry(list []entry, e entry) []entry {
	if n := len(list); n == 0 || list[n-1].before(&e) {
		return append(list, e)
	}
	at, _ := slices.BinarySearchFunc(list, e, compareEntries)
	return slices.Insert(list, at, e)
}

// hashItem is the 64-bit FNV-1a of an item's id.
func hashItem(item string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(item) {
		h ^= uint64(item[i])
		h *= 1099511628211
	}
	return h
}
