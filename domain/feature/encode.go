package feature

import (
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// The layout of an encoded activity (u: uvarint, z: zig-zag varint), for ever under this schema number:
//
//	schema 2
//	| 4 times applied position: u sequence, u index
//	| flags: bit 0 traits known, bit 1+i part i has content, bit 5 it has a layout
//	| texts: u n, n times u length, then the texts, ascending, each once, never ""
//	| u alias type (texts count from 1; 0 is "")
//	| items: u n, n times 8 bytes little-endian, ascending, each once
//	| each part with content:
//	    totals that the entries do not add up to: u n, n times kind, u count, z amount, z cost, z first, u last-first,
//	    z least, u most-least
//	    u entries, u item references in all of them, the entries
//	    3 rings: u n, n times z slot (first) or u slot-previous, kind, u count, z amount, z cost, z least, u most-least
//	| with a layout: its digest (8 bytes big-endian), u n, n times u place of a series with content, that part
//
//	entry: head | time: z (first) or u since the previous | z sequence since the previous (first: the applied) | u index
//	    [z amount] [z cost] [u channel, and beyond BEHAVIOUR u category, u offer] [u n, n times u item]
//	    head: the kind's code in bits 0-2; amounts are in ten-thousands of micros (cents): bit 3;
//	    amount, cost, texts, items are present: bits 4, 5, 6, 7
//
// Equal states give equal bytes.
const schema = 2

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

// Encode is the activity in bytes: equal activities give equal bytes, whatever way they came about.
func Encode(a Activity) []byte { return appendActivity(nil, &a) }

// AppendEncode appends what Encode returns to dst.
func AppendEncode(dst []byte, a Activity) []byte { return appendActivity(dst, &a) }

func appendActivity(b []byte, a *Activity) []byte {
	var textSpace [32]string
	var itemSpace [64]uint64
	texts := a.usedTexts(textSpace[:0])
	items := a.usedItems(itemSpace[:0])

	b = append(b, schema)
	flags := byte(0)
	if a.traits {
		flags = 1
	}
	for i := range a.parts {
		p := &a.parts[i]
		b = binary.AppendUvarint(b, p.applied.Sequence)
		b = binary.AppendUvarint(b, uint64(p.applied.Index))
		if !p.empty() {
			flags |= 2 << i
		}
	}
	if a.layout != nil {
		flags |= hasLayout
	}
	b = append(b, flags)
	b = appendTexts(b, texts)
	b = binary.AppendUvarint(b, textRef(texts, a.aliasType))
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, h := range items {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	for i := range a.parts {
		if p := &a.parts[i]; !p.empty() {
			b = appendPart(b, p, domain.Stream(i), texts, items)
		}
	}
	if a.layout != nil {
		b = appendSeries(b, a, texts, items)
	}
	return b
}

func appendSeries(b []byte, a *Activity, texts []string, items []uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, a.layout.digest)
	n := uint64(0)
	for i := range a.series {
		if !a.series[i].empty() {
			n++
		}
	}
	b = binary.AppendUvarint(b, n)
	for i := range a.series {
		if p := &a.series[i]; !p.empty() {
			b = binary.AppendUvarint(b, uint64(i))
			b = appendPart(b, p, a.layout.streamOf(i), texts, items)
		}
	}
	return b
}

// everyPart yields the parts and then the series.
func (a *Activity) everyPart(yield func(*part) bool) {
	for i := range a.parts {
		if !yield(&a.parts[i]) {
			return
		}
	}
	for i := range a.series {
		if !yield(&a.series[i]) {
			return
		}
	}
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
	}
	for _, t := range texts {
		b = append(b, t...)
	}
	return b
}

// usedTexts are the texts that stand in any entry, and the alias type, ascending, each once.
func (a *Activity) usedTexts(texts []string) []string {
	if a.aliasType != "" {
		texts = append(texts, a.aliasType)
	}
	var seenSpace [64]bool
	for p := range a.everyPart {
		clear(seenSpace[:])
		seen := seenSpace[:]
		if len(p.texts) > len(seen) {
			seen = make([]bool, len(p.texts))
		}
		use := func(s symbol) {
			if s != 0 && !seen[s] {
				seen[s] = true
				texts = append(texts, p.texts[s])
			}
		}
		for j := range p.entries {
			e := &p.entries[j]
			use(e.channel)
			use(e.category)
			use(e.offer)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// usedItems are the item hashes of all entries, ascending, each once.
func (a *Activity) usedItems(items []uint64) []uint64 {
	for p := range a.everyPart {
		for i := range p.entries {
			items = append(items, p.itemsOf(&p.entries[i])...)
		}
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// textRef is 1 + the place of a text among the texts; 0 for "".
func textRef(texts []string, text string) uint64 {
	if text == "" {
		return 0
	}
	at, _ := slices.BinarySearch(texts, text)
	return uint64(at) + 1
}

func appendPart(b []byte, p *part, s domain.Stream, texts []string, items []uint64) []byte {
	b = appendTotals(b, p)
	references := 0
	for i := range p.entries {
		references += int(p.entries[i].itemN)
	}
	b = binary.AppendUvarint(b, uint64(len(p.entries)))
	b = binary.AppendUvarint(b, uint64(references))

	var refSpace [64]uint64
	refs := refSpace[:]
	if len(p.texts) > len(refs) {
		refs = make([]uint64, len(p.texts))
	}
	w := entryWriter{part: p, stream: s, refs: refs, texts: texts, items: items, seq: p.applied.Sequence}
	for i := range p.entries {
		b = w.append(b, &p.entries[i], i == 0)
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

// appendTotals writes the totals that cannot be had by adding up the entries.
func appendTotals(b []byte, p *part) []byte {
	var listed [kinds]int64
	for i := range p.entries {
		listed[p.entries[i].kind]++
	}
	n := uint64(0)
	for _, t := range p.totals {
		if t.count != listed[t.kind] {
			n++
		}
	}
	b = binary.AppendUvarint(b, n)
	for _, t := range p.totals {
		if t.count == listed[t.kind] {
			continue
		}
		b = append(b, byte(t.kind))
		b = binary.AppendUvarint(b, uint64(t.count))
		b = binary.AppendVarint(b, t.amount)
		b = binary.AppendVarint(b, t.cost)
		b = binary.AppendVarint(b, t.first)
		b = binary.AppendUvarint(b, uint64(t.last)-uint64(t.first))
		b = binary.AppendVarint(b, t.least)
		b = binary.AppendUvarint(b, uint64(t.most)-uint64(t.least))
	}
	return b
}

func appendRing(b []byte, r ring) []byte {
	b = binary.AppendUvarint(b, uint64(len(r)))
	for i, t := range r {
		if i == 0 {
			b = binary.AppendVarint(b, t.slot)
		} else {
			b = binary.AppendUvarint(b, uint64(t.slot)-uint64(r[i-1].slot))
		}
		b = append(b, byte(t.kind))
		b = binary.AppendUvarint(b, uint64(t.count))
		b = binary.AppendVarint(b, t.amount)
		b = binary.AppendVarint(b, t.cost)
		b = binary.AppendVarint(b, t.least)
		b = binary.AppendUvarint(b, uint64(t.most)-uint64(t.least))
	}
	return b
}

// entryWriter writes a part's entries one after another.
type entryWriter struct {
	part   *part
	stream domain.Stream
	// refs remember the reference of each symbol once it was looked up.
	refs  []uint64
	texts []string
	items []uint64
	time  int64
	seq   uint64
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
		b = binary.AppendVarint(b, e.time)
	} else {
		b = binary.AppendUvarint(b, uint64(e.time)-uint64(w.time))
	}
	b = binary.AppendVarint(b, int64(e.seq-w.seq))
	b = binary.AppendUvarint(b, uint64(e.index))
	w.time, w.seq = e.time, e.seq
	if amount != 0 {
		b = binary.AppendVarint(b, amount)
	}
	if cost != 0 {
		b = binary.AppendVarint(b, cost)
	}
	if head&hasTexts != 0 {
		b = w.appendTexts(b, e)
	}
	if head&hasItems != 0 {
		b = w.appendItems(b, e)
	}
	return b
}

func (w *entryWriter) appendTexts(b []byte, e *entry) []byte {
	b = binary.AppendUvarint(b, w.ref(e.channel))
	if w.stream == domain.Behaviour {
		return b
	}
	b = binary.AppendUvarint(b, w.ref(e.category))
	return binary.AppendUvarint(b, w.ref(e.offer))
}

func (w *entryWriter) appendItems(b []byte, e *entry) []byte {
	b = binary.AppendUvarint(b, uint64(e.itemN))
	for _, h := range w.part.itemsOf(e) {
		at, _ := slices.BinarySearch(w.items, h)
		b = binary.AppendUvarint(b, uint64(at))
	}
	return b
}

func (w *entryWriter) ref(s symbol) uint64 {
	if s != 0 && w.refs[s] == 0 {
		w.refs[s] = textRef(w.texts, w.part.texts[s])
	}
	return w.refs[s]
}
