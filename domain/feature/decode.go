package feature

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// ErrActivityCorrupt is returned for bytes that no Encode wrote; ErrActivitySchema for those of another schema or
// layout, which must be folded again from the log.
var (
	ErrActivityCorrupt = errors.New("feature: the encoded activity is corrupt")
	ErrActivitySchema  = errors.New("feature: the activity is encoded under another schema")
)

// maxDecodedTexts is more than the entries of all parts can use together.
const maxDecodedTexts = 8192

// Decode reads what Encode wrote of an activity without a layout; see Layout.Decode.
func Decode(blob []byte) (Activity, error) { return (*Layout)(nil).Decode(blob) }

// Decode reads what Encode wrote of an activity of this layout, whose memory it does not share. It fails with
// ErrActivityCorrupt or ErrActivitySchema. No bytes at all are the empty activity.
func (l *Layout) Decode(blob []byte) (Activity, error) {
	var a Activity
	err := l.DecodeInto(&a, blob)
	return a, err
}

// DecodeInto is Decode in the memory of an activity at which nobody looks any more, nor at what was merged of it or
// prepared of it. After a failure it is empty.
func (l *Layout) DecodeInto(a *Activity, blob []byte) error { return l.decodeInto(a, blob, 0) }

// roomToFold is for how many more entries, each with an item, a list that goes on has room.
const roomToFold = 4

// decodeInto is DecodeInto, with room in new lists for so many more entries.
func (l *Layout) decodeInto(a *Activity, blob []byte, room int) error {
	a.restart(l)
	if len(blob) == 0 {
		return nil
	}
	err := l.read(a, blob, room)
	if err != nil {
		a.restart(l)
	}
	return err
}

// read fills an activity that is empty.
func (l *Layout) read(a *Activity, blob []byte, room int) error {
	if blob[0] != schema {
		return fmt.Errorf("%w: %d, want %d", ErrActivitySchema, blob[0], schema)
	}
	d := decoder{reader: reader{blob: blob, at: 1}, room: room}
	for i := range a.parts {
		a.parts[i].applied = d.position()
	}
	flags := d.byte()
	d.readTexts()
	a.traits = flags&1 != 0
	a.aliasType = d.text(d.uvarint())
	d.readItems()
	for i := range a.parts {
		if flags&(2<<i) != 0 {
			d.readPart(&a.parts[i], domain.Stream(i))
		}
	}
	if d.what == "" && (flags&hasLayout != 0) != (l != nil) {
		return fmt.Errorf("%w: another layout", ErrActivitySchema)
	}
	if l != nil {
		if digest := d.fixed64(); d.what == "" && digest != l.digest {
			return fmt.Errorf("%w: another layout", ErrActivitySchema)
		}
		d.readSeries(a)
	}
	if flags>>(parts+2) != 0 || d.left() != 0 {
		d.fail("bytes too many")
	}
	if d.what != "" {
		return fmt.Errorf("%w: %s", ErrActivityCorrupt, d.what)
	}
	return nil
}

// AppliedOf is Decode(blob).Applied(s) without decoding the rest.
func AppliedOf(blob []byte, s domain.Stream) (domain.Position, error) {
	if len(blob) == 0 || int(s) >= parts {
		return domain.Position{}, nil
	}
	if blob[0] != schema {
		return domain.Position{}, fmt.Errorf("%w: %d, want %d", ErrActivitySchema, blob[0], schema)
	}
	r := reader{blob: blob, at: 1}
	for range s {
		r.position()
	}
	at := r.position()
	if r.what != "" {
		return domain.Position{}, fmt.Errorf("%w: %s", ErrActivityCorrupt, r.what)
	}
	return at, nil
}

// decoder reads an activity.
type decoder struct {
	reader
	// texts start with "" and are shared by the parts, which only ever append to a copy.
	texts []string
	items []byte
	// room is for how many more entries lists are made.
	room int
	// totals by kind, of the part under way.
	totals [kinds]total
}

func (d *decoder) readTexts() {
	n := d.length(1, maxDecodedTexts)
	if n == 0 {
		return
	}
	lengths, sum := d.reader, uint64(0)
	for range n {
		size := d.uvarint()
		if size == 0 || size > uint64(d.left()) {
			d.fail("text")
			return
		}
		sum += size
	}
	if sum > uint64(d.left()) {
		d.fail("texts")
		return
	}
	all := string(d.take(int(sum)))
	d.texts = make([]string, n+1)
	for i := 1; i <= n; i++ {
		size := lengths.uvarint()
		d.texts[i], all = all[:size], all[size:]
		if d.texts[i] <= d.texts[i-1] {
			d.fail("order of texts")
			return
		}
	}
}

func (d *decoder) text(ref uint64) string {
	if s := d.symbol(ref); s != 0 {
		return d.texts[s]
	}
	return ""
}

func (d *decoder) symbol(ref uint64) symbol {
	if ref != 0 && ref >= uint64(len(d.texts)) {
		d.fail("reference to a text")
		return 0
	}
	return symbol(ref)
}

func (d *decoder) readItems() {
	n := d.length(8, MaxEntries*MaxItems)
	d.items = d.take(8 * n)
	for i := 8; i < len(d.items); i += 8 {
		if binary.LittleEndian.Uint64(d.items[i:]) <= binary.LittleEndian.Uint64(d.items[i-8:]) {
			d.fail("order of items")
			return
		}
	}
}

func (d *decoder) readPart(p *part, s domain.Stream) {
	p.texts, d.totals = d.texts, [kinds]total{}
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
	references := d.length(1, MaxEntries*MaxItems)
	p.entries = zeros(p.entries, n, d.room)
	p.items = zeros(p.items, references, d.room)[:0]
	d.readEntries(p, s, references)
	if len(p.items) != references {
		d.fail("item references")
		return
	}
	d.readRings(p, s)
	d.addUp(p, &written)
	d.deal(p)
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

func (d *decoder) readEntries(p *part, s domain.Stream, references int) {
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
		d.readReferences(p, e, head, s, references)
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

func (d *decoder) readReferences(p *part, e *entry, head byte, s domain.Stream, references int) {
	if head&hasTexts != 0 {
		e.channel = d.symbol(d.uvarint())
		if s != domain.Behaviour {
			e.category, e.offer = d.symbol(d.uvarint()), d.symbol(d.uvarint())
		}
		if e.channel == 0 && e.category == 0 && e.offer == 0 {
			d.fail("texts of an entry")
		}
	}
	if head&hasItems == 0 {
		return
	}
	n := d.length(1, MaxItems)
	if n == 0 || len(p.items)+n > references {
		d.fail("items of an entry")
		return
	}
	e.itemAt, e.itemN = uint32(len(p.items)), uint16(n)
	least := uint64(0)
	for range n {
		ref := d.uvarint()
		if ref < least || ref >= uint64(len(d.items)/8) {
			d.fail("reference to an item")
			return
		}
		least = ref + 1
		p.items = append(p.items, binary.LittleEndian.Uint64(d.items[8*ref:]))
	}
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
	if p.tiles != nil && len(p.entries) != entryCap(s) {
		d.fail("tiles of a list that is not full")
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

// readSeries reads the parts of the series.
func (d *decoder) readSeries(a *Activity) {
	least := 0
	for range d.length(4, len(a.series)) {
		i := int(d.index())
		if i < least || i >= len(a.series) {
			d.fail("place of a series")
			return
		}
		least = i + 1
		d.readPart(&a.series[i], a.layout.streamOf(i))
	}
}
