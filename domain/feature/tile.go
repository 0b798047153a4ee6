package feature

import (
	"cmp"
	"slices"
)

// Durations in milliseconds.
const (
	minuteMS int64 = 60_000
	hourMS         = 60 * minuteMS
	dayMS          = 24 * hourMS
)

// grains are the widths of the three rings of tiles and how far back each reaches, counted from its latest tile.
// A ring serves the windows that are wider than the finer ring's reach and no wider than its own.
var grains = [3]struct{ width, reach int64 }{
	{5 * minuteMS, 12 * hourMS},
	{hourMS, 12 * dayMS},
	{dayMS, maxWindow},
}

// maxWindow is the widest window that is not for life.
const maxWindow = 400 * dayMS

// grainOf is the ring that serves a window: 5 minutes under 12 hours, 1 hour under 12 days, then 1 day.
func grainOf(window int64) int {
	switch {
	case window < 12*hourMS:
		return 0
	case window < 12*dayMS:
		return 1
	}
	return 2
}

// tile is the sum over the events of one kind in one slot of time: [slot*width, (slot+1)*width).
type tile struct {
	slot   int64
	count  int64
	amount int64
	cost   int64
	// least and most are the extremes of the amounts.
	least, most int64
	kind        Kind
}

func compareTiles(a, b tile) int {
	if a.slot != b.slot {
		return cmp.Compare(a.slot, b.slot)
	}
	return cmp.Compare(a.kind, b.kind)
}

// ring is a sparse list of tiles, ascending by slot and kind.
type ring []tile

// tiles are a part's rings, by grain.
type tiles [len(grains)]ring

// add counts one event that left the list.
func (t *tiles) add(e *entry) {
	for g := range t {
		t[g] = t[g].plus(tile{
			slot: floorDiv(e.time, grains[g].width), count: 1, amount: e.amount, cost: e.cost,
			least: e.amount, most: e.amount, kind: e.kind,
		}, g)
	}
}

// plus adds a tile's sums to the ring of grain g and drops what is then out of the ring's reach. What is dropped
// depends on the latest slot only, so the result does not depend on the order of additions.
func (r ring) plus(x tile, g int) ring {
	n := len(r)
	if n > 0 && x.slot < oldestSlot(r[n-1].slot, g) {
		return r
	}
	at, have := r.find(x)
	if have {
		t := &r[at]
		t.count += x.count
		t.amount += x.amount
		t.cost += x.cost
		t.least, t.most = min(t.least, x.least), max(t.most, x.most)
		return r
	}
	r = slices.Insert(r, at, x)
	oldest, drop := oldestSlot(r[len(r)-1].slot, g), 0
	for r[drop].slot < oldest {
		drop++
	}
	return r[drop:]
}

// find is where the tile of x's slot and kind is or belongs; nearly always at the end.
func (r ring) find(x tile) (int, bool) {
	if n := len(r); n == 0 || compareTiles(r[n-1], x) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(r, x, compareTiles)
}

// oldestSlot is the first slot a ring of grain g keeps when its latest is this one.
func oldestSlot(latest int64, g int) int64 {
	span := grains[g].reach / grains[g].width
	return max(latest, minSlot+span) - span
}

const minSlot = -1 << 63

// floorDiv divides, rounding towards minus infinity.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
