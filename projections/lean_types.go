package projections

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/profferhq/proffer/domain/event"
)

// Fields of an event's body that domain.TypeOf looks into.
const (
	decisionField protowire.Number = 60
	externalField protowire.Number = 2
)

// typeReader gives an event an empty body of its kind, the same for all of that kind: enough for domain.TypeOf.
type typeReader struct {
	bodies   []*event.Event // by field number; nil for what is no body
	external *event.Event
}

func newTypeReader() *typeReader {
	r := &typeReader{external: &event.Event{Body: &event.Event_Decision{Decision: &event.Decision{External: true}}}}
	fields := new(event.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range fields.Len() {
		r.add(fields.Get(i))
	}
	return r
}

func (r *typeReader) add(fd protoreflect.FieldDescriptor) {
	for len(r.bodies) <= int(fd.Number()) {
		r.bodies = append(r.bodies, nil)
	}
	e := new(event.Event)
	e.ProtoReflect().Set(fd, e.ProtoReflect().NewField(fd))
	r.bodies[fd.Number()] = e
}

// decode fills in the body; false when the event is of another shape than events nearly always are.
func (r *typeReader) decode(e *event.Event, frame []byte, _ *slab) bool {
	e.Body = nil
	var f field
	var ok bool
	for len(frame) > 0 {
		if frame, ok = f.next(frame); !ok {
			return false
		}
		if int(f.number) >= len(r.bodies) || r.bodies[f.number] == nil {
			continue
		}
		if e.Body != nil || f.kind != protowire.BytesType {
			return false
		}
		e.Body = r.bodies[f.number].Body
		if f.number == decisionField && !r.decision(e, f.bytes) {
			return false
		}
	}
	return true
}

// decision tells the external ones apart.
func (r *typeReader) decision(e *event.Event, message []byte) bool {
	var f field
	var ok bool
	for len(message) > 0 {
		if message, ok = f.next(message); !ok {
			return false
		}
		if f.number != externalField {
			continue
		}
		if f.kind != protowire.VarintType {
			return false
		}
		if e.Body = r.bodies[decisionField].Body; f.varint != 0 {
			e.Body = r.external.Body
		}
	}
	return true
}
