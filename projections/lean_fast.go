package projections

import (
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/profferhq/proffer/domain/event"
)

// fastDecoder reads the events that make up nearly all of a log, as they are nearly always written, straight from the
// wire into memory that may have been used before. What it does not expect it leaves to the general way.
type fastDecoder struct {
	texts map[string]string
	// The texts of the event before, which are nearly always those of this one.
	aliasType, channel string
	// leaves are the bodies, by number, of which more is read than this decoder does: series take them.
	leaves [128]bool
}

func newFastDecoder() *fastDecoder { return &fastDecoder{texts: map[string]string{}} }

// maxTexts bounds the texts that are kept to be shared: types, channels, offers and the items in fashion.
const maxTexts = 1 << 14

// text is the text of a field, shared with those before; false when it is not valid.
func (d *fastDecoder) text(f *field) (string, bool) {
	if f.kind != protowire.BytesType {
		return "", false
	}
	if t, known := d.texts[string(f.bytes)]; known {
		return t, true
	}
	if !utf8.Valid(f.bytes) {
		return "", false
	}
	t := string(f.bytes)
	if len(d.texts) >= maxTexts {
		clear(d.texts)
	}
	d.texts[t] = t
	return t, true
}

// textLike is text, where it is likely to be the one before.
func (d *fastDecoder) textLike(f *field, before *string) (t string, ok bool) {
	if f.kind == protowire.BytesType && string(f.bytes) == *before {
		return *before, true
	}
	t, ok = d.text(f)
	*before = t
	return t, ok
}

// passing is a text that the fold looks at and does not keep: it shares the frame's memory; false when it is not valid.
func passing(f *field) (string, bool) {
	if f.kind != protowire.BytesType || !utf8.Valid(f.bytes) {
		return "", false
	}
	return unsafe.String(unsafe.SliceData(f.bytes), len(f.bytes)), true
}

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	varint uint64
	bytes  []byte
}

// next reads the first field of a message that is not empty and returns what is behind it; false when it is malformed.
func (f *field) next(message []byte) (rest []byte, ok bool) {
	tag, n := uint64(message[0]), 1
	if tag >= 0x80 {
		if len(message) > 1 && message[1] < 0x80 {
			tag, n = tag&0x7f|uint64(message[1])<<7, 2
		} else if tag, n = protowire.ConsumeVarint(message); n < 0 {
			return nil, false
		}
	}
	if tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return nil, false
	}
	f.number, f.kind = protowire.Number(tag>>3), protowire.Type(tag&7)
	rest = message[n:]
	switch f.kind {
	case protowire.VarintType:
		return f.takeVarint(rest)
	case protowire.BytesType:
		return f.takeBytes(rest)
	}
	size := protowire.ConsumeFieldValue(f.number, f.kind, rest)
	if size < 0 {
		return nil, false
	}
	return rest[size:], true
}

func (f *field) takeVarint(rest []byte) ([]byte, bool) {
	if len(rest) > 0 && rest[0] < 0x80 {
		f.varint = uint64(rest[0])
		return rest[1:], true
	}
	v, size := protowire.ConsumeVarint(rest)
	if size < 0 {
		return nil, false
	}
	f.varint = v
	return rest[size:], true
}

func (f *field) takeBytes(rest []byte) ([]byte, bool) {
	if len(rest) > 0 && rest[0] < 0x80 && len(rest) > int(rest[0]) {
		size := int(rest[0])
		f.bytes = rest[1 : 1+size : 1+size]
		return rest[1+size:], true
	}
	b, size := protowire.ConsumeBytes(rest)
	if size < 0 {
		return nil, false
	}
	f.bytes = b
	return rest[size:], true
}

// decode fills an event with what the fold of an activity reads, with bodies from the slab; false when the event is of
// another shape. The alias, and other bytes, share the frame's memory.
func (d *fastDecoder) decode(e *event.Event, frame []byte, s *slab) bool {
	e.Alias, e.AliasType, e.OccurredMs, e.ReceivedMs, e.Channel, e.Body = nil, "", 0, 0, "", nil
	var f field
	var ok bool
	for len(frame) > 0 {
		if frame, ok = f.next(frame); !ok {
			return false
		}
		switch f.number {
		case 1, 6, 7, 9, 10, 11:
		case 2:
			e.Alias, ok = f.bytes, f.kind == protowire.BytesType
		case 3:
			e.AliasType, ok = d.textLike(&f, &d.aliasType)
		case 4:
			e.OccurredMs, ok = int64(f.varint), f.kind == protowire.VarintType
		case 5:
			e.ReceivedMs, ok = int64(f.varint), f.kind == protowire.VarintType
		case 8:
			e.Channel, ok = d.textLike(&f, &d.channel)
		default:
			ok = e.Body == nil && f.kind == protowire.BytesType && d.body(e, &f, s)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *fastDecoder) body(e *event.Event, f *field, s *slab) bool {
	if int(f.number) >= len(d.leaves) || d.leaves[f.number] {
		return false
	}
	switch f.number {
	case 20:
		b := s.viewed.next()
		b.of.Viewed, b.viewed.Line, e.Body = &b.viewed, nil, &b.of
		return d.oneLine(f.bytes, 3, &b.viewed.Line, &b.line)
	case 21:
		b := s.carted.next()
		b.of.Carted, b.carted.Line, e.Body = &b.carted, nil, &b.of
		return d.oneLine(f.bytes, 1, &b.carted.Line, &b.line)
	case 22:
		b := s.purchased.next()
		b.of.Purchased, e.Body = &b.purchased, &b.of
		return d.purchased(&b.purchased, f.bytes, s)
	case 40:
		b := s.linked.next()
		b.of.IdentityLinked, e.Body = &b.linked, &b.of
		return d.linked(&b.linked, f.bytes)
	case 60:
		b := s.decisions.next()
		b.of.Decision, e.Body = &b.decision, &b.of
		return d.decision(&b.decision, f.bytes)
	case 80, 81, 82, 83:
		return d.outcome(e, f, s.outcomes.next())
	}
	return false
}

// outcome reads the offer that an outcome is of, and what a conversion was worth and cost.
func (d *fastDecoder) outcome(e *event.Event, body *field, b *outcomeBody) bool {
	var of **event.OutcomeOf
	switch body.number {
	case 80:
		b.deliveredOf.Delivered, e.Body, of = &b.delivered, &b.deliveredOf, &b.delivered.Of
	case 81:
		b.exposedOf.Exposed, e.Body, of = &b.exposed, &b.exposedOf, &b.exposed.Of
	case 82:
		b.clickedOf.Clicked, e.Body, of = &b.clicked, &b.clickedOf, &b.clicked.Of
	case 83:
		b.convertedOf.Converted, e.Body, of = &b.converted, &b.convertedOf, &b.converted.Of
		b.converted.ValueMicros, b.converted.CostMicros = 0, 0
	}
	*of = nil
	var f field
	var ok bool
	for message := body.bytes; len(message) > 0; {
		if message, ok = f.next(message); !ok {
			return false
		}
		switch {
		case f.number == 1:
			if ok = *of == nil && d.offer(&b.of, &f); ok {
				*of = &b.of
			}
		case f.number == 2 && body.number == 83:
			b.converted.ValueMicros, ok = int64(f.varint), f.kind == protowire.VarintType
		case f.number == 3 && body.number == 83:
			b.converted.CostMicros, ok = int64(f.varint), f.kind == protowire.VarintType
		}
		if !ok {
			return false
		}
	}
	return true
}

// bytesAndText reads the first two fields of a message: bytes and a text.
func (d *fastDecoder) bytesAndText(message []byte) (first []byte, second string, ok bool) {
	var f field
	for len(message) > 0 {
		if message, ok = f.next(message); !ok {
			return nil, "", false
		}
		switch f.number {
		case 1:
			first, ok = f.bytes, f.kind == protowire.BytesType
		case 2:
			second, ok = d.text(&f)
		}
		if !ok {
			return nil, "", false
		}
	}
	return first, second, true
}

// offer reads the decision and the offer of a message that says what an outcome belongs to.
func (d *fastDecoder) offer(o *event.OutcomeOf, of *field) (ok bool) {
	if of.kind != protowire.BytesType {
		return false
	}
	o.Decision, o.Offer, ok = d.bytesAndText(of.bytes)
	return ok
}

// oneLine reads a message that has one line, in the field of that number.
func (d *fastDecoder) oneLine(message []byte, number protowire.Number, at **event.Line, line *event.Line) bool {
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok {
			return false
		}
		if f.number != number {
			continue
		}
		if *at != nil || !d.line(line, &f) {
			return false
		}
		*at = line
	}
	return true
}

func (d *fastDecoder) purchased(p *event.Purchased, message []byte, s *slab) bool {
	p.AmountMicros, p.Lines = 0, p.Lines[:0]
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok {
			return false
		}
		switch f.number {
		case 1:
			p.AmountMicros, ok = int64(f.varint), f.kind == protowire.VarintType
		case 5:
			line := s.lines.next()
			p.Lines, ok = append(p.Lines, line), d.line(line, &f)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (d *fastDecoder) line(l *event.Line, of *field) bool {
	if of.kind != protowire.BytesType {
		return false
	}
	l.Item, l.AmountMicros = "", 0
	var f field
	var ok bool
	for message := of.bytes; len(message) > 0; {
		if message, ok = f.next(message); !ok {
			return false
		}
		switch f.number {
		case 1:
			l.Item, ok = passing(&f) // of which the fold keeps a hash
		case 4:
			l.AmountMicros, ok = int64(f.varint), f.kind == protowire.VarintType
		}
		if !ok {
			return false
		}
	}
	return true
}

// linked reads the two ends of a link: all that folds and graphs look at.
func (d *fastDecoder) linked(l *event.IdentityLinked, message []byte) (ok bool) {
	l.Other, l.OtherType, ok = d.bytesAndText(message)
	return ok
}

func (d *fastDecoder) decision(r *event.Decision, message []byte) bool {
	r.NowMs, r.Channel, r.Offer, r.Category = 0, "", "", ""
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok {
			return false
		}
		switch f.number {
		case 3:
			r.NowMs, ok = int64(f.varint), f.kind == protowire.VarintType
		case 8:
			r.Channel, ok = d.text(&f)
		case 20:
			r.Offer, ok = d.text(&f)
		case 25:
			r.Category, ok = d.text(&f)
		}
		if !ok {
			return false
		}
	}
	return true
}
