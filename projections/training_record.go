package projections

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain/event"
)

// recordDecoder decodes decisions with all that an export keeps of them, into memory that is theirs until it is used for
// others. Bytes share the frames' memory.
type recordDecoder struct {
	texts   *fastDecoder
	records spares[recordBody]
	seen    spares[seenBody]
}

// Messages with all that a decision usually needs, in one piece.
type (
	recordBody struct {
		event    event.Event
		of       event.Event_Decision
		decision event.Decision
		cut      event.Cut
	}
	seenBody struct {
		seen event.SeenAlias
		// positions are of BEHAVIOUR, DECISION and OUTCOME.
		positions [3]event.Position
	}
)

func newRecordDecoder() *recordDecoder {
	return &recordDecoder{texts: newFastDecoder()}
}

// reuse takes everything back.
func (d *recordDecoder) reuse() { d.records.used, d.seen.used = 0, 0 }

// decode reads what is kept of a decision's event, except for whose it is and from where; false when it is malformed.
func (d *recordDecoder) decode(frame []byte) (*event.Event, bool) {
	if e, ok := d.fast(frame); ok {
		return e, true
	}
	return whole(frame)
}

// fast reads decisions as they nearly always are; false for another shape.
func (d *recordDecoder) fast(frame []byte) (*event.Event, bool) {
	b := d.records.next()
	e := &b.event
	e.OccurredMs, e.ReceivedMs, e.Body = 0, 0, nil
	var f field
	var ok bool
	for len(frame) > 0 {
		if frame, ok = f.next(frame); !ok {
			return nil, false
		}
		switch f.number {
		case 4:
			e.OccurredMs, ok = int64(f.varint), f.kind == protowire.VarintType
		case 5:
			e.ReceivedMs, ok = int64(f.varint), f.kind == protowire.VarintType
		case bodyDecision:
			ok = e.Body == nil && f.kind == protowire.BytesType && d.decision(b, f.bytes)
			b.of.Decision, e.Body = &b.decision, &b.of
		default:
			ok = f.number < 20
		}
		if !ok {
			return nil, false
		}
	}
	return e, e.Body != nil
}

func (d *recordDecoder) decision(b *recordBody, message []byte) bool {
	r := &b.decision
	r.Id, r.External, r.NowMs, r.Profile, r.RequestedAlias, r.Cut = nil, false, 0, nil, nil, nil
	r.Placement, r.Channel, r.Policy, r.PolicyVersion, r.View, r.ViewFingerprint = "", "", "", 0, "", nil
	r.Offer, r.Treatment, r.Category = "", "", ""
	r.Aliases, r.Context, r.Vector = r.Aliases[:0], r.Context[:0], r.Vector[:0]
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok || !d.field(b, &f) {
			return false
		}
	}
	return true
}

// field reads one field of a decision.
func (d *recordDecoder) field(b *recordBody, f *field) (ok bool) {
	r := &b.decision
	switch f.number {
	case 2, 3, 12:
		ok = f.kind == protowire.VarintType
	default:
		ok = f.kind == protowire.BytesType
	}
	if !ok {
		return false
	}
	switch f.number {
	case 1:
		r.Id = f.bytes
	case 2:
		r.External = f.varint != 0
	case 3:
		r.NowMs = int64(f.varint)
	case 4:
		r.Profile = f.bytes
	case 5:
		r.RequestedAlias = f.bytes
	case 6:
		return d.alias(r, f.bytes)
	case 7:
		r.Placement, ok = d.texts.text(f)
	case 8:
		r.Channel, ok = d.texts.text(f)
	case 9:
		fact := new(event.ContextValue)
		r.Context, ok = append(r.Context, fact), proto.Unmarshal(f.bytes, fact) == nil
	case 10:
		if r.Cut != nil {
			return false
		}
		r.Cut = &b.cut
		return cutIn(&b.cut, f.bytes)
	case 11:
		r.Policy, ok = d.texts.text(f)
	case 12:
		r.PolicyVersion = f.varint
	case 14:
		r.View, ok = d.texts.text(f)
	case 15:
		r.ViewFingerprint = f.bytes
	case 16:
		return numbersIn(&r.Vector, f.bytes)
	case 20:
		r.Offer, ok = d.texts.text(f)
	case 21:
		r.Treatment, ok = d.texts.text(f)
	case 25:
		r.Category, ok = d.texts.text(f)
	default:
		return false
	}
	return ok
}

// alias reads one of the aliases that a decision saw, and up to where.
func (d *recordDecoder) alias(r *event.Decision, message []byte) bool {
	b := d.seen.next()
	s := &b.seen
	s.Alias, s.Behaviour, s.Decision, s.Outcome = nil, nil, nil, nil
	r.Aliases = append(r.Aliases, s)
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok || f.kind != protowire.BytesType {
			return false
		}
		switch f.number {
		case 1:
			s.Alias = f.bytes
		case 2:
			ok = positionIn(&s.Behaviour, &b.positions[0], f.bytes)
		case 3:
			ok = positionIn(&s.Decision, &b.positions[1], f.bytes)
		case 4:
			ok = positionIn(&s.Outcome, &b.positions[2], f.bytes)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}

func positionIn(at **event.Position, p *event.Position, message []byte) bool {
	if *at != nil {
		return false
	}
	*at = p
	var index uint64
	ok := varintsIn(message, &p.Sequence, &index)
	p.Index = uint32(index)
	return ok
}

func cutIn(c *event.Cut, message []byte) bool {
	return varintsIn(message, &c.Behaviour, &c.Identity, &c.Decision, &c.Outcome, &c.Policy)
}

// varintsIn reads a message whose fields 1, 2, ... are whole numbers; those that it does not have are 0.
func varintsIn(message []byte, to ...*uint64) bool {
	for _, n := range to {
		*n = 0
	}
	var f field
	var ok bool
	for len(message) > 0 {
		message, ok = f.next(message)
		if !ok || f.kind != protowire.VarintType || int(f.number) > len(to) {
			return false
		}
		*to[f.number-1] = f.varint
	}
	return true
}

// numbersIn appends packed numbers.
func numbersIn(to *[]float64, packed []byte) bool {
	const size = 8
	for ; len(packed) >= size; packed = packed[size:] {
		*to = append(*to, math.Float64frombits(binary.LittleEndian.Uint64(packed)))
	}
	return len(packed) == 0
}
