package feature

import (
	"slices"
	"unsafe"

	"github.com/profferhq/proffer/domain"
)

// part is what is kept of one stream.
type part struct {
	applied domain.Position
	// entries are the latest events, ascending by time and position.
	entries []entry
	// tiles hold the events older than the entries; nil while there are none.
	tiles *tiles
	// totals are for life, ascending by kind, only kinds that occurred.
	totals []total
	// texts are what the symbols of the entries stand for; texts[0] is "". It may hold texts no longer used.
	texts []string
	// items are the item hashes of the entries; wasted counts those of entries that have left.
	items  []uint64
	wasted int
}

// total is the sum over all events of one kind.
type total struct {
	kind        Kind
	count       int64
	amount      int64
	cost        int64
	first, last int64
	// least and most are the extremes of the amounts.
	least, most int64
}

// entryCap is how many events a part keeps one by one.
func entryCap(s domain.Stream) int {
	if s == domain.Decision {
		return MaxContacts
	}
	return MaxEntries
}

// count adds one event (or a total of several) to the totals.
func (p *part) count(x total) {
	at := 0
	for at < len(p.totals) && p.totals[at].kind < x.kind {
		at++
	}
	if at == len(p.totals) || p.totals[at].kind != x.kind {
		p.totals = slices.Insert(p.totals, at, x)
		return
	}
	t := &p.totals[at]
	t.count += x.count
	t.amount += x.amount
	t.cost += x.cost
	t.first = min(t.first, x.first)
	t.last = max(t.last, x.last)
	t.least = min(t.least, x.least)
	t.most = max(t.most, x.most)
}

// list keeps an event one by one and moves the oldest beyond the limit into the tiles.
func (p *part) list(e entry, limit int) {
	p.entries = insertEntry(p.entries, e)
	for len(p.entries) > limit {
		p.evict()
	}
}

// evict moves the oldest entry into the tiles.
func (p *part) evict() {
	oldest := &p.entries[0]
	if p.tiles == nil {
		p.tiles = new(tiles)
	}
	p.tiles.add(oldest)
	p.wasted += int(oldest.itemN)
	p.entries = p.entries[1:]
	if p.wasted > 1024 && p.wasted > len(p.items)/2 {
		p.compactItems()
	}
}

// itemsOf are the hashes of an entry's items.
func (p *part) itemsOf(e *entry) []uint64 { return p.items[e.itemAt:][:e.itemN] }

func (p *part) compactItems() {
	kept := make([]uint64, 0, len(p.items)-p.wasted)
	for i := range p.entries {
		e := &p.entries[i]
		at := len(kept)
		kept = append(kept, p.itemsOf(e)...)
		e.itemAt = uint32(at)
	}
	p.items, p.wasted = kept, 0
}

// intern is the symbol of a text.
func (p *part) intern(text string) symbol {
	if text == "" {
		return 0
	}
	for i := len(p.texts) - 1; i > 0; i-- {
		if p.texts[i] == text {
			return symbol(i)
		}
	}
	if cap(p.texts) == 0 {
		p.texts = make([]string, 0, firstTexts)
	}
	if len(p.texts) == 0 {
		p.texts = append(p.texts, "")
	}
	p.texts = append(p.texts, text)
	return symbol(len(p.texts) - 1)
}

// maxTexts is when a table is cleaned of texts no longer used: more than the entries of any part can use.
const maxTexts = 4 * MaxContacts

// compactTexts drops unused texts once there are too many.
func (p *part) compactTexts() {
	if len(p.texts) <= maxTexts {
		return
	}
	moved := make([]symbol, len(p.texts))
	kept := make([]string, 1, len(p.texts))
	move := func(s symbol) symbol {
		if s != 0 && moved[s] == 0 {
			moved[s] = symbol(len(kept))
			kept = append(kept, p.texts[s])
		}
		return moved[s]
	}
	for i := range p.entries {
		e := &p.entries[i]
		e.channel, e.category, e.offer = move(e.channel), move(e.category), move(e.offer)
	}
	p.texts = kept
}

// text is what a symbol stands for.
func (p *part) text(s symbol) string {
	if s == 0 {
		return ""
	}
	return p.texts[s]
}

// Room that a list gets at first: most people have more events than one.
const (
	firstEntries = 8
	firstItems   = 8
	firstTexts   = 4
	firstTotals  = 4
)

// clone is a copy that shares no memory that either could change. Lists get room to grow.
func (p *part) clone() part {
	c := *p
	c.entries = append(make([]entry, 0, max(len(p.entries)+1, firstEntries)), p.entries...)
	c.totals = append(make([]total, 0, max(len(p.totals)+1, firstTotals)), p.totals...)
	c.texts = slices.Clone(p.texts)
	c.items = append(make([]uint64, 0, len(p.items)+firstItems), p.items...)
	if p.tiles != nil {
		c.tiles = new(tiles)
		for g, r := range p.tiles {
			c.tiles[g] = slices.Clone(r)
		}
	}
	return c
}

// emptied is an empty part in the memory of one whose lists nobody else has.
func (p *part) emptied() part {
	return part{entries: p.entries[:0], totals: p.totals[:0], texts: p.texts[:0], items: p.items[:0]}
}

// empty says whether nothing was ever counted.
func (p *part) empty() bool { return len(p.totals) == 0 }

// bytes is about how much memory the part takes; texts are few and short.
func (p *part) bytes() int {
	n := int(unsafe.Sizeof(*p)) + cap(p.entries)*int(unsafe.Sizeof(entry{})) + cap(p.totals)*int(unsafe.Sizeof(total{}))
	n += cap(p.items)*8 + len(p.texts)*32
	if p.tiles != nil {
		for _, r := range p.tiles {
			n += cap(r) * int(unsafe.Sizeof(tile{}))
		}
	}
	return n
}
