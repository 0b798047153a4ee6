package feature

import (
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// roomToFold is for how many more entries, each with an item, a list that goes on has room.
const roomToFold = 4

// decoder reads parts.
type decoder struct {
	reader
	// room is for how many more entries lists are made.
	room int
	// named is how many texts the entries named so far, of the part under way.
	named int
	// totals by kind, of the part under way.
	totals [kinds]total
	// texts are those of the part before.
	texts []string
}

// decode reads a part that is empty.
func (d *decoder) decode(p *part, s domain.Stream, piece []byte) {
	if d.what != "" {
		return
	}
	d.blob, d.at, d.named, d.totals = piece, 0, 0, [kinds]total{}
	var written [kinds]bool
	least := Kind(0)
	for range d.length(6, kinds) {
		k := d.readTotal(s)
		if k < least {
			d.fail("order of totals")
		}
		written[k], least = true, k+1
	}
	n := d.length(4, entryCap(s))
	items := d.length(1, entryCap(s)*MaxItems)
	p.entries = zeros(p.entries, n, d.room)
	p.items = zeros(p.items, items, d.room)[:0]
	d.readEntries(p, s, items)
	if len(p.items) != items {
		d.fail("items")
		return
	}
	d.readTexts(p)
	if n == entryCap(s) {
		d.readRings(p, s)
	}
	d.addUp(p, &written)
	d.deal(p)
	if d.left() != 0 {
		d.fail("bytes too many")
	}
}

// zeros are n of them in the memory of a list, or in new memory with room for some more.
func zeros[T any](list []T, n, room int) []T {
	if cap(list) < n {
		return make([]T, n, n+room)
	}
	list = list[:n]
	clear(list)
	return list
}

func (d *decoder) readTotal(s domain.Stream) Kind {
	t := total{kind: d.kind(Kind(d.byte()), s), count: d.counted(), amount: d.varint(), cost: d.varint()}
	t.first = d.varint()
	t.last = d.later(t.first)
	t.least = d.varint()
	t.most = d.later(t.least)
	d.totals[t.kind] = t
	return t.kind
}

// kind checks that a kind belongs to the part.
func (d *decoder) kind(k Kind, s domain.Stream) Kind {
	if !k.valid() || k.Stream() != s {
		d.fail("kind")
		return 0
	}
	return k
}

func (d *decoder) readEntries(p *part, s domain.Stream, items int) {
	seq := p.applied.Sequence
	for i := range p.entries {
		e := &p.entries[i]
		head := d.byte()
		e.kind = d.kind(coded[s][head&kindBits], s)
		if !kindFacts[e.kind].listed {
			d.fail("kind")
			return
		}
		if i == 0 {
			e.time = d.varint()
		} else {
			e.time = d.later(p.entries[i-1].time)
		}
		seq += uint64(d.varint())
		e.seq, e.index = seq, d.index()
		if i > 0 && !p.entries[i-1].before(e) {
			d.fail("order of entries")
			return
		}
		d.readAmounts(e, head)
		if head&hasTexts != 0 {
			d.readSymbols(e, s)
		}
		if head&hasItems != 0 {
			d.readItems(p, e, items)
		}
	}
}

func (d *decoder) readAmounts(e *entry, head byte) {
	if head&hasAmount != 0 {
		e.amount = d.amount(head)
	}
	if head&hasCost != 0 {
		e.cost = d.amount(head)
	}
	cents := e.amount%centMicros == 0 && e.cost%centMicros == 0 && (e.amount != 0 || e.cost != 0)
	if cents != (head&inCents != 0) {
		d.fail("unit of amounts")
	}
}

func (d *decoder) readSymbols(e *entry, s domain.Stream) {
	e.channel = d.symbol()
	if s == domain.Decision {
		e.category = d.symbol()
	}
	if s != domain.Behaviour {
		e.offer = d.symbol()
	}
	if e.channel == 0 && e.category == 0 && e.offer == 0 {
		d.fail("texts of an entry")
	}
}

// symbol reads a reference to a text, which stands in the part's table at the same place.
func (d *decoder) symbol() symbol {
	ref := d.uvarint()
	if ref > uint64(d.named)+1 {
		d.fail("reference to a text")
		return 0
	}
	d.named = max(d.named, int(ref))
	return symbol(ref)
}

// readItems reads an entry's items, of a part with so many.
func (d *decoder) readItems(p *part, e *entry, items int) {
	at, before := len(p.items), within(p.items)
	for more := true; more; {
		if n := len(p.items); n == items || n == at+MaxItems {
			d.fail("items of an entry")
			return
		}
		head := d.byte()
		more = head&moreItems != 0
		h := d.item(before, int(head&^moreItems))
		if n := len(p.items); n > at && h <= p.items[n-1] {
			d.fail("order of items")
			return
		}
		p.items = append(p.items, h)
	}
	e.itemAt, e.itemN = uint32(at), uint16(len(p.items)-at)
}

// item reads an item that stands so many places before.
func (d *decoder) item(before []uint64, back int) uint64 {
	var h uint64
	switch {
	case back > len(before):
		d.fail("reference to an item")
		return 0
	case back > 0:
		h = before[len(before)-back]
	case d.left() < 8:
		d.fail("too short")
	default:
		h = binary.LittleEndian.Uint64(d.take(8))
	}
	if placesBack(before, h) != back {
		d.fail("reference to an item")
	}
	return h
}

// readTexts reads the texts that the entries named.
func (d *decoder) readTexts(p *part) {
	lengths, sum := d.reader, uint64(0)
	for range d.named {
		size := d.uvarint()
		if size > uint64(d.left()) {
			d.fail("text")
			return
		}
		sum += size
	}
	if sum > uint64(d.left()) {
		d.fail("texts")
		return
	}
	if d.named == 0 {
		return
	}
	p.texts = d.tableOf(p.texts)
	bytes, made := d.take(int(sum)), ""
	for i, from := 1, 0; i <= d.named; i++ {
		to := from + int(lengths.uvarint())
		if !d.recall(p.texts, i, bytes[from:to]) {
			if made == "" {
				made = string(bytes)
			}
			p.texts[i] = made[from:to]
		}
		from = to
	}
	if !eachOnce(p.texts) {
		d.fail("texts")
	}
	d.texts = p.texts
}

// tableOf is a table for the texts in the memory of another, or in new memory with room for some more.
func (d *decoder) tableOf(table []string) []string {
	if n := d.named + 1; cap(table) < n {
		table = make([]string, n, n+d.room)
	} else {
		table = table[:n]
	}
	table[0] = ""
	return table
}

// fewTexts are looked through one by one.
const fewTexts = 16

// recall puts a text to its place in the table if it is known: to the table before, or to the part before. Most people's are
// the same few.
func (d *decoder) recall(table []string, i int, text []byte) bool {
	table = table[:cap(table)]
	for j := i; j < min(len(table), i+fewTexts); j++ {
		if table[j] == string(text) {
			table[i], table[j] = table[j], table[i]
			return true
		}
	}
	table[len(table)-1] = table[i] // the next may be this one
	for _, known := range d.texts[:min(len(d.texts), fewTexts)] {
		if known == string(text) {
			table[i] = known
			return true
		}
	}
	return false
}

// eachOnce says whether no text stands there twice, nor the empty one but first.
func eachOnce(texts []string) bool {
	if len(texts) > fewTexts {
		return len(slices.Compact(slices.Sorted(slices.Values(texts)))) == len(texts)
	}
	for i, t := range texts {
		if slices.Contains(texts[:i], t) {
			return false
		}
	}
	return true
}

func (d *decoder) readRings(p *part, s domain.Stream) {
	for g := range grains {
		n := d.length(5, d.left())
		if n == 0 {
			continue
		}
		if p.tiles == nil {
			p.tiles = new(tiles)
		}
		p.tiles[g] = d.ring(n, g, s)
	}
}

func (d *decoder) ring(n, g int, s domain.Stream) ring {
	r := make(ring, n)
	for i := range r {
		t := &r[i]
		if i == 0 {
			t.slot = d.varint()
		} else {
			t.slot = d.later(r[i-1].slot)
		}
		t.kind = d.kind(Kind(d.byte()), s)
		t.count = d.counted()
		t.amount, t.cost = d.varint(), d.varint()
		t.least = d.varint()
		t.most = d.later(t.least)
		if i > 0 && compareTiles(r[i-1], *t) >= 0 {
			d.fail("order of tiles")
			return nil
		}
	}
	if r[0].slot < oldestSlot(r[n-1].slot, g) {
		d.fail("reach of tiles")
		return nil
	}
	return r
}

// addUp adds the entries up to the totals that were not written.
func (d *decoder) addUp(p *part, written *[kinds]bool) {
	var listed [kinds]int64
	for i := range p.entries {
		e := &p.entries[i]
		listed[e.kind]++
		if written[e.kind] {
			continue
		}
		t := &d.totals[e.kind]
		if t.count == 0 {
			t.kind, t.first, t.least, t.most = e.kind, e.time, e.amount, e.amount
		}
		t.count++
		t.amount += e.amount
		t.cost += e.cost
		t.last = e.time // they ascend
		t.least, t.most = min(t.least, e.amount), max(t.most, e.amount)
	}
	for k, n := range listed {
		if written[k] && d.totals[k].count <= n {
			d.fail("totals")
		}
	}
}

// deal gives the part its totals.
func (d *decoder) deal(p *part) {
	n := 0
	for k := range d.totals {
		if d.totals[k].count > 0 {
			n++
		}
	}
	p.totals = zeros(p.totals, n, 0)[:0]
	for k := range d.totals {
		if d.totals[k].count > 0 {
			p.totals = append(p.totals, d.totals[k])
		}
	}
	if p.empty() {
		d.fail("part without content")
	}
}
