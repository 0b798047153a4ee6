package feature

import (
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// The layout of an encoded activity (u: uvarint, z: zig-zag varint), for ever under this schema number:
//
//	schema 3
//	| 4 times applied position: u sequence, u index
//	| flags: bit 0 traits known, bit 1+i part i has content, bit 5 it has a layout
//	| alias type: u length, text
//	| each part with content: u length, part
//	| with a layout: its digest (8 bytes big-endian), u n, n times u place of a series with content, u length, part
//
//	part: totals that the entries do not add up to: u n, n times kind, u count, z amount, z cost, z first, u last-first,
//	        z least, u most-least
//	    u entries, u items of all of them, the entries
//	    each text of the entries, in the order in which they first name it: all lengths, each u, then all texts
//	    if no more entries could be kept, 3 rings: u n, n times z slot (first) or u slot-previous, kind, u count, z amount,
//	        z cost, z least, u most-least
//
//	entry: head | time: z (first) or u since the previous | z sequence since the previous (first: the applied) | u index
//	    [z amount] [z cost] [u channel, in DECISION u category, beyond BEHAVIOUR u offer] [items]
//	    head: the kind's code in bits 0-2; amounts are in ten-thousands of micros (cents): bit 3;
//	    amount, cost, texts, items are present: bits 4, 5, 6, 7
//	    texts count from 1, in the order in which the part's entries first name them; 0 is ""
//
//	items, ascending, each: bit 7 another follows; bits 0-6 how many places before the first of them in the part's list of
//	    items the same one stands last; 0 when it is not among the 127 there, then 8 bytes little-endian
//
// A part is read by itself, but for its applied position. Equal states give equal bytes.
const schema = 3

// hasLayout is the flag of an activity with a layout.
const hasLayout = 1 << (parts + 1)

const (
	kindBits   = 0x07
	inCents    = 0x08
	hasAmount  = 0x10
	hasCost    = 0x20
	hasTexts   = 0x40
	hasItems   = 0x80
	centMicros = 10_000
)

// itemReach is how many places back an item is looked for, all that 7 bits can say: what people look at again, or buy, they
// mostly saw not long before.
const itemReach = 0x7f

// moreItems says that another item of the entry follows.
const moreItems = 0x80

// undecoded are the parts of an activity, and after them the series, that are still as they were encoded; nil are the
// others, or all.
type undecoded [][]byte

func (u undecoded) at(place int) []byte {
	if u == nil {
		return nil
	}
	return u[place]
}

// Encode is the activity in bytes: equal activities give equal bytes, whatever way they came about.
func Encode(a Activity) []byte { return AppendEncode(nil, a) }

// AppendEncode appends what Encode returns to dst.
func AppendEncode(dst []byte, a Activity) []byte { return appendActivity(dst, &a, nil) }

// appendActivity appends what is left of an encoded activity as it is.
func appendActivity(b []byte, a *Activity, left undecoded) []byte {
	b = append(b, schema)
	flags := byte(0)
	if a.traits {
		flags = 1
	}
	for i := range a.parts {
		p := &a.parts[i]
		b = appendUvarint(b, p.applied.Sequence)
		b = appendUvarint(b, uint64(p.applied.Index))
		if left.at(i) != nil || !p.empty() {
			flags |= 2 << i
		}
	}
	if a.layout != nil {
		flags |= hasLayout
	}
	b = append(b, flags)
	b = appendUvarint(b, uint64(len(a.aliasType)))
	b = append(b, a.aliasType...)
	for i := range a.parts {
		if flags&(2<<i) != 0 {
			b = appendPiece(b, &a.parts[i], domain.Stream(i), left.at(i))
		}
	}
	if a.layout != nil {
		b = appendSeries(b, a, left)
	}
	return b
}

func appendSeries(b []byte, a *Activity, left undecoded) []byte {
	b = binary.BigEndian.AppendUint64(b, a.layout.digest)
	n := uint64(0)
	for i := range a.series {
		if left.at(parts+i) != nil || !a.series[i].empty() {
			n++
		}
	}
	b = appendUvarint(b, n)
	for i := range a.series {
		if p, piece := &a.series[i], left.at(parts+i); piece != nil || !p.empty() {
			b = appendUvarint(b, uint64(i))
			b = appendPiece(b, p, a.layout.streamOf(i), piece)
		}
	}
	return b
}

// appendUvarint is binary.AppendUvarint, quick for what is small.
func appendUvarint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

func appendVarint(b []byte, v int64) []byte { return appendUvarint(b, uint64(v)<<1^uint64(v>>63)) }

// appendPiece appends a part after its length: as it was encoded, when it is still that.
func appendPiece(b []byte, p *part, s domain.Stream, piece []byte) []byte {
	if piece != nil {
		b = appendUvarint(b, uint64(len(piece)))
		return append(b, piece...)
	}
	at := len(b)
	b = appendPart(append(b, 0), p, s)
	n := len(b) - at - 1
	if n < 0x80 {
		b[at] = byte(n)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	return slices.Replace(b, at, at+1, length[:binary.PutUvarint(length[:], uint64(n))]...)
}

func appendPart(b []byte, p *part, s domain.Stream) []byte {
	var listed [kinds]int64
	for i := range p.entries {
		listed[p.entries[i].kind]++
	}
	b = appendTotals(b, p, &listed)
	var few [2][32]symbol
	refs, named := few[0][:], few[1][:]
	if n := len(p.texts); n > len(refs) {
		refs, named = make([]symbol, n), make([]symbol, n)
	}
	w := entryWriter{stream: s, items: p.itemsInOrder(), refs: refs, named: named, seq: p.applied.Sequence}
	b = appendUvarint(b, uint64(len(p.entries)))
	b = appendUvarint(b, uint64(len(w.items)))
	for i := range p.entries {
		b = w.append(b, &p.entries[i], i == 0)
	}
	named = named[:w.texts]
	for _, s := range named {
		b = appendUvarint(b, uint64(len(p.texts[s])))
	}
	for _, s := range named {
		b = append(b, p.texts[s]...)
	}
	if len(p.entries) < entryCap(s) {
		return b
	}
	for g := range grains {
		var r ring
		if p.tiles != nil {
			r = p.tiles[g]
		}
		b = appendRing(b, r)
	}
	return b
}

// appendTotals writes the totals that cannot be had by adding up the entries, of which so many are listed of each kind.
func appendTotals(b []byte, p *part, listed *[kinds]int64) []byte {
	n := uint64(0)
	for i := range p.totals {
		if t := &p.totals[i]; t.count != listed[t.kind] {
			n++
		}
	}
	b = appendUvarint(b, n)
	for i := range p.totals {
		t := &p.totals[i]
		if t.count == listed[t.kind] {
			continue
		}
		b = append(b, byte(t.kind))
		b = appendUvarint(b, uint64(t.count))
		b = appendVarint(b, t.amount)
		b = appendVarint(b, t.cost)
		b = appendVarint(b, t.first)
		b = appendUvarint(b, uint64(t.last)-uint64(t.first))
		b = appendVarint(b, t.least)
		b = appendUvarint(b, uint64(t.most)-uint64(t.least))
	}
	return b
}

func appendRing(b []byte, r ring) []byte {
	b = appendUvarint(b, uint64(len(r)))
	for i := range r {
		t := &r[i]
		if i == 0 {
			b = appendVarint(b, t.slot)
		} else {
			b = appendUvarint(b, uint64(t.slot)-uint64(r[i-1].slot))
		}
		b = append(b, byte(t.kind))
		b = appendUvarint(b, uint64(t.count))
		b = appendVarint(b, t.amount)
		b = appendVarint(b, t.cost)
		b = appendVarint(b, t.least)
		b = appendUvarint(b, uint64(t.most)-uint64(t.least))
	}
	return b
}

// itemsInOrder are the items of all entries, in the order of the entries: as they stand, unless an event came late.
func (p *part) itemsInOrder() []uint64 {
	from, to, inOrder := uint32(0), uint32(0), true
	for i := range p.entries {
		e := &p.entries[i]
		if e.itemN == 0 {
			continue
		}
		if to == 0 {
			from, to = e.itemAt, e.itemAt
		}
		inOrder = inOrder && e.itemAt == to
		to += uint32(e.itemN)
	}
	if inOrder {
		return p.items[from:to]
	}
	all := make([]uint64, 0, to-from)
	for i := range p.entries {
		all = append(all, p.itemsOf(&p.entries[i])...)
	}
	return all
}

// entryWriter writes a part's entries one after another.
type entryWriter struct {
	stream domain.Stream
	// items are those of all entries, of which the first at are written.
	items []uint64
	at    int
	// refs are the references of the symbols; the first of named are those that were written, in order: so many texts.
	refs, named []symbol
	texts       int
	time        int64
	seq         uint64
}

func (w *entryWriter) append(b []byte, e *entry, first bool) []byte {
	head := kindFacts[e.kind].code
	amount, cost := e.amount, e.cost
	if (amount != 0 || cost != 0) && amount%centMicros == 0 && cost%centMicros == 0 {
		head |= inCents
		amount, cost = amount/centMicros, cost/centMicros
	}
	if amount != 0 {
		head |= hasAmount
	}
	if cost != 0 {
		head |= hasCost
	}
	if e.channel != 0 || e.category != 0 || e.offer != 0 {
		head |= hasTexts
	}
	if e.itemN != 0 {
		head |= hasItems
	}
	b = append(b, head)
	if first {
		b = appendVarint(b, e.time)
	} else {
		b = appendUvarint(b, uint64(e.time)-uint64(w.time))
	}
	b = appendVarint(b, int64(e.seq-w.seq))
	b = appendUvarint(b, uint64(e.index))
	w.time, w.seq = e.time, e.seq
	if amount != 0 {
		b = appendVarint(b, amount)
	}
	if cost != 0 {
		b = appendVarint(b, cost)
	}
	if head&hasTexts != 0 {
		b = w.appendTexts(b, e)
	}
	if head&hasItems != 0 {
		b = w.appendItems(b, int(e.itemN))
	}
	return b
}

func (w *entryWriter) appendTexts(b []byte, e *entry) []byte {
	b = w.appendText(b, e.channel)
	if w.stream == domain.Decision {
		b = w.appendText(b, e.category)
	}
	if w.stream != domain.Behaviour {
		b = w.appendText(b, e.offer)
	}
	return b
}

func (w *entryWriter) appendText(b []byte, s symbol) []byte {
	if s != 0 && w.refs[s] == 0 {
		w.named[w.texts] = s
		w.texts++
		w.refs[s] = symbol(w.texts)
	}
	return appendUvarint(b, uint64(w.refs[s]))
}

// appendItems writes the next n items.
func (w *entryWriter) appendItems(b []byte, n int) []byte {
	before := within(w.items[:w.at])
	for i, h := range w.items[w.at:][:n] {
		back := byte(placesBack(before, h))
		if i+1 < n {
			b = append(b, moreItems|back)
		} else {
			b = append(b, back)
		}
		if back == 0 {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
	}
	w.at += n
	return b
}

// within are the items that a next entry can refer to.
func within(before []uint64) []uint64 { return before[max(0, len(before)-itemReach):] }

// placesBack is how many places before the end an item is, the last that is equal; 0 when it is not there.
func placesBack(before []uint64, item uint64) int {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i] == item {
			return len(before) - i
		}
	}
	return 0
}
