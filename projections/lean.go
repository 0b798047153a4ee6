package projections

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// kept says what of a message is read: all of it, or some of its fields, by number; of a message with neither, only
// that it is there.
type kept struct {
	whole  bool
	fields []*kept
}

// fieldsRead makes a kept of the fields that are read.
func fieldsRead(fields map[protowire.Number]*kept) *kept {
	k := new(kept)
	for number, inner := range fields {
		if missing := int(number) + 1 - len(k.fields); missing > 0 {
			k.fields = append(k.fields, make([]*kept, missing)...)
		}
		k.fields[number] = inner
	}
	return k
}

// activityFields are what the fold of an activity reads of an event: most of a purchase, little of a decision with its
// vector and candidates.
func activityFields() *kept {
	type of = map[protowire.Number]*kept
	whole, mention := &kept{whole: true}, &kept{}
	item := fieldsRead(of{1: whole})
	offer := fieldsRead(of{1: whole, 2: whole})
	return fieldsRead(of{
		2: whole, 3: whole, 4: whole, 5: whole, 8: whole,
		20: fieldsRead(of{3: item}),
		21: fieldsRead(of{1: fieldsRead(of{1: whole, 4: whole})}),
		22: fieldsRead(of{1: whole, 5: item}),
		23: fieldsRead(of{1: whole}),
		24: mention, 25: mention, 26: mention,
		40: fieldsRead(of{1: whole, 2: whole}),
		41: whole,
		42: mention,
		43: mention, 44: mention, 45: mention, 46: mention, 47: mention, 48: mention, 49: mention, 50: mention, 51: mention,
		60: fieldsRead(of{3: whole, 8: whole, 20: whole, 25: whole}),
		80: fieldsRead(of{1: offer}),
		81: fieldsRead(of{1: offer}),
		82: fieldsRead(of{1: offer}),
		83: fieldsRead(of{1: offer, 2: whole, 3: whole}),
	})
}

// seriesFields are what the fold reads, and all that the series of a layout can read of the kinds they take.
func seriesFields(layout *feature.Layout) *kept {
	whole := &kept{whole: true}
	fields := activityFields()
	fields.fields[6] = whole
	for _, k := range layout.Kinds() {
		if k == feature.Offered {
			fields.fields[bodyDecision] = fieldsRead(map[protowire.Number]*kept{
				2: whole, 3: whole, 7: whole, 8: whole, 11: whole, 20: whole, 21: whole, 25: whole,
			})
		} else if number := bodyOf(k); number > 0 {
			fields.fields[number] = whole
		}
	}
	return fields
}

// bodyOf is the number of the body whose events count as a kind.
func bodyOf(k feature.Kind) int {
	switch k {
	case feature.Viewed, feature.Carted, feature.Purchased, feature.Refunded, feature.Tracked:
		return 20 + int(k-feature.Viewed)
	case feature.SegmentEntered, feature.SegmentLeft:
		return 25 + int(k-feature.SegmentEntered)
	case feature.Offered, feature.Withheld:
		return int(bodyDecision)
	case feature.Delivered, feature.Exposed, feature.Clicked, feature.Converted:
		return 80 + int(k-feature.Delivered)
	}
	return 0
}

// typeFields are what domain.TypeOf reads: which body an event has, and whether a decision is external.
func typeFields() *kept {
	fields := map[protowire.Number]*kept{}
	bodies := new(event.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range bodies.Len() {
		fields[bodies.Get(i).Number()] = &kept{}
	}
	fields[60] = fieldsRead(map[protowire.Number]*kept{2: {whole: true}})
	return fieldsRead(fields)
}

// leanDecoder decodes no more of events than is kept.
type leanDecoder struct {
	read    *kept
	scratch []byte
	// fast reads events as they nearly always are; what it does not expect is decoded by the general way.
	fast fastReader
}

// fastReader fills in of an event what is read of it; false when the event is of another shape than it expects.
type fastReader interface {
	decode(e *event.Event, frame []byte, s *slab) bool
}

// activityDecoder decodes what the fold of an activity reads.
func activityDecoder(layout *feature.Layout) *leanDecoder {
	fast := newFastDecoder()
	if layout == nil {
		return &leanDecoder{read: activityFields(), fast: fast}
	}
	for _, k := range layout.Kinds() {
		fast.leaves[bodyOf(k)] = true
	}
	return &leanDecoder{read: seriesFields(layout), fast: fast}
}

// typeDecoder decodes what domain.TypeOf reads.
func typeDecoder() *leanDecoder { return &leanDecoder{read: typeFields(), fast: newTypeReader()} }

// recorded decodes the events of an envelope, whose memory they may share, into memory that is theirs until the slab is
// used again.
func (d *leanDecoder) recorded(s *slab, e domain.Envelope) ([]domain.Recorded, error) {
	s.reuse()
	s.recorded = slices.Grow(s.recorded, len(e.Frames))
	for i, frame := range e.Frames {
		decoded := s.events.next()
		if !d.decode(decoded, frame, s) {
			return nil, fmt.Errorf("%w: event %d of %s/%d", domain.ErrEnvelopeCorrupt, i, e.Lane.Stream, e.Sequence)
		}
		s.recorded = append(s.recorded, domain.Recorded{At: domain.Position{Sequence: e.Sequence, Index: uint32(i)}, Event: decoded})
	}
	return s.recorded, nil
}

func (d *leanDecoder) decode(e *event.Event, frame []byte, s *slab) bool {
	if d.fast != nil && d.fast.decode(e, frame, s) {
		return true
	}
	lean, ok := appendKept(d.scratch[:0], frame, d.read)
	d.scratch = lean
	return ok && proto.Unmarshal(lean, e) == nil
}

// appendKept appends a message's kept fields to dst; false when it is no message.
func appendKept(dst, message []byte, read *kept) ([]byte, bool) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return dst, false
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return dst, false
		}
		field := message[:n+size]
		message = message[n+size:]
		var inner *kept
		if int(number) < len(read.fields) {
			inner = read.fields[number]
		}
		switch {
		case inner == nil:
		case inner.whole || kind != protowire.BytesType:
			dst = append(dst, field...)
		default:
			value, _ := protowire.ConsumeBytes(field[n:])
			var ok bool
			if dst, ok = appendNested(append(dst, field[:n]...), value, inner); !ok {
				return dst, false
			}
		}
	}
	return dst, true
}

// appendNested appends the length and the kept fields of a nested message. Room is left for a length of one byte, as
// nearly all are.
func appendNested(dst, message []byte, read *kept) ([]byte, bool) {
	at := len(dst)
	dst, ok := appendKept(append(dst, 0), message, read)
	size := uint64(len(dst) - at - 1)
	if size < 1<<7 {
		dst[at] = byte(size)
		return dst, ok
	}
	value := string(dst[at+1:])
	return append(protowire.AppendVarint(dst[:at], size), value...), ok
}
