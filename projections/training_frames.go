package projections

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// Numbers of the bodies that an export tells apart without decoding them.
const (
	bodyLinked   protowire.Number = 40
	bodyUnlinked protowire.Number = 41
	bodyMarked   protowire.Number = 45
	bodyDecision protowire.Number = 60
)

// frameHead is what stands before an event's body.
type frameHead struct {
	alias                  domain.Alias
	occurredMS, receivedMS int64
	source                 []byte
	sourceSeq              uint64
	body                   protowire.Number
	// after is where the event's id and alias end that it begins with.
	after int
}

// headOf reads it; false when the event is about nobody or malformed.
func headOf(frame []byte) (frameHead, bool) {
	var h frameHead
	var f field
	known := false
	for rest := frame; len(rest) > 0; {
		var ok bool
		at := len(frame) - len(rest)
		if rest, ok = f.next(rest); !ok {
			return h, false
		}
		if f.number <= 2 && at == h.after {
			h.after = len(frame) - len(rest)
		}
		switch f.number {
		case 2:
			if len(f.bytes) != len(h.alias) || f.kind != protowire.BytesType {
				return h, false
			}
			copy(h.alias[:], f.bytes)
			known = true
		case 4:
			h.occurredMS = int64(f.varint)
		case 5:
			h.receivedMS = int64(f.varint)
		case 6:
			h.source = f.bytes
		case 7:
			h.sourceSeq = f.varint
		}
		if f.number >= 20 && f.number < 200 && h.body == 0 {
			h.body = f.number
		}
	}
	return h, known
}

// decisionIn is a decision in its event's frame.
func decisionIn(frame []byte) (body []byte, ok bool) {
	var f field
	for ok = true; len(frame) > 0 && ok; {
		if frame, ok = f.next(frame); ok && f.number == bodyDecision {
			return f.bytes, f.kind == protowire.BytesType
		}
	}
	return nil, ok
}

// keyMS is when an event was known: when it was accepted, or, of a file of history, when it happened.
func (h *frameHead) keyMS() int64 {
	if h.sourceSeq != 0 && h.occurredMS != 0 {
		return h.occurredMS
	}
	return h.receivedMS
}

// noted is what a pass finds out about decisions: how many rows are asked for, and the views that own ones were made with.
type noted struct {
	expected uint64
	views    map[string]bool
}

// note takes a decision; false when it is malformed.
func (n *noted) note(frame []byte, r *TrainingRequest) bool {
	if !r.AtDecisions {
		return true
	}
	var f field
	var placement, view []byte
	external := false
	body, ok := decisionIn(frame)
	for len(body) > 0 && ok {
		if body, ok = f.next(body); !ok {
			return false
		}
		switch f.number {
		case 2:
			external = f.varint != 0
		case 7:
			placement = f.bytes
		case 14:
			view = f.bytes
		}
	}
	if r.Placement == "" || r.Placement == string(placement) {
		n.expected++
	}
	if len(view) > 0 && !external && !n.views[string(view)] {
		n.views[string(view)] = true
	}
	return ok
}

// decisionFields are what an export reads of a decision: not its candidates, contacts and scores, and its vector only
// where that is to be checked.
func decisionFields(vector bool) *kept {
	type of = map[protowire.Number]*kept
	whole := &kept{whole: true}
	fields := of{}
	for _, n := range []protowire.Number{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 20, 21, 25} {
		fields[n] = whole
	}
	if vector {
		fields[16] = whole
	}
	return fieldsRead(of{3: whole, 4: whole, 5: whole, 6: whole, 8: whole, bodyDecision: fieldsRead(fields)})
}

// foldDecoder decodes what a fold needs, into memory that is used again for the next event.
type foldDecoder struct {
	lean *leanDecoder
	slab *slab
}

func newFoldDecoder(layout *feature.Layout) *foldDecoder {
	return &foldDecoder{lean: activityDecoder(layout), slab: new(slab)}
}

func (d *foldDecoder) decode(frame []byte) (*event.Event, bool) {
	d.slab.reuse()
	e := d.slab.events.next()
	return e, d.lean.decode(e, frame, d.slab)
}
