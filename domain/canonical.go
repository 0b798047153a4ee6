package domain

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// CanonicalNaN is the one NaN that stands for "missing".
var CanonicalNaN = math.Float64frombits(0x7ff8000000000001)

// Canonical encodes a message to bytes that depend on its content only, on every build and platform:
// protobuf's wire format with fields ascending by number, default values left out, repeated scalars packed,
// maps ascending by key, and every NaN written as CanonicalNaN. protobuf's own deterministic mode promises
// this within one binary only. Unknown fields are left out: a canonical form is of what this version knows.
func Canonical(m protoreflect.ProtoMessage) []byte {
	w := &canonicalWriter{}
	w.collect = func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		w.present = append(w.present, presentField{fd: fd, value: v})
		return true
	}
	return w.message(nil, m.ProtoReflect())
}

// presentField is a field that a message has.
type presentField struct {
	fd    protoreflect.FieldDescriptor
	value protoreflect.Value
}

// canonicalWriter writes one message and those in it.
type canonicalWriter struct {
	// present is a stack: the fields of the message being written, above those of the messages that it is in.
	present []presentField
	collect func(protoreflect.FieldDescriptor, protoreflect.Value) bool
}

func (w *canonicalWriter) message(b []byte, m protoreflect.Message) []byte {
	from := len(w.present)
	m.Range(w.collect)
	to := len(w.present)
	ascend(w.present[from:to])
	for i := from; i < to; i++ {
		fd, v := w.present[i].fd, w.present[i].value
		switch {
		case fd.IsMap():
			b = w.mapping(b, fd, v.Map())
		case fd.IsList():
			b = w.list(b, fd, v.List())
		default:
			b = w.field(b, fd, v)
		}
	}
	w.present = w.present[:from]
	return b
}

// ascend sorts by number. They nearly always are: a message's fields come in the order of its declaration.
func ascend(fields []presentField) {
	for i := 1; i < len(fields); i++ {
		for j := i; j > 0 && fields[j].fd.Number() < fields[j-1].fd.Number(); j-- {
			fields[j], fields[j-1] = fields[j-1], fields[j]
		}
	}
}

func (w *canonicalWriter) mapping(b []byte, fd protoreflect.FieldDescriptor, m protoreflect.Map) []byte {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool { keys = append(keys, k); return true })
	slices.SortFunc(keys, func(x, y protoreflect.MapKey) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		b = protowire.AppendTag(b, fd.Number(), protowire.BytesType)
		at := len(b)
		b = w.field(append(b, 0), fd.MapKey(), k.Value())
		b = closeBytes(w.field(b, fd.MapValue(), m.Get(k)), at)
	}
	return b
}

func (w *canonicalWriter) list(b []byte, fd protoreflect.FieldDescriptor, l protoreflect.List) []byte {
	kind := fd.Kind()
	switch kind {
	case protoreflect.MessageKind, protoreflect.StringKind, protoreflect.BytesKind:
		for i := range l.Len() {
			b = w.field(b, fd, l.Get(i))
		}
		return b
	}
	b = protowire.AppendTag(b, fd.Number(), protowire.BytesType)
	at := len(b)
	b = append(b, 0)
	for i := range l.Len() {
		b = appendScalar(b, kind, l.Get(i))
	}
	return closeBytes(b, at)
}

func (w *canonicalWriter) field(b []byte, fd protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	kind := fd.Kind()
	switch kind {
	case protoreflect.MessageKind:
		b = protowire.AppendTag(b, fd.Number(), protowire.BytesType)
		at := len(b)
		return closeBytes(w.message(append(b, 0), v.Message()), at)
	case protoreflect.StringKind:
		b = protowire.AppendTag(b, fd.Number(), protowire.BytesType)
		return protowire.AppendString(b, v.String())
	case protoreflect.BytesKind:
		b = protowire.AppendTag(b, fd.Number(), protowire.BytesType)
		return protowire.AppendBytes(b, v.Bytes())
	}
	b = protowire.AppendTag(b, fd.Number(), wireType(kind))
	return appendScalar(b, kind, v)
}

// closeBytes writes the length of what stands behind the one byte that was left for it, and makes room for a longer one.
func closeBytes(b []byte, at int) []byte {
	size := len(b) - at - 1
	if size < 1<<7 {
		b[at] = byte(size)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	b = append(b, length[:n-1]...)
	copy(b[at+n:], b[at+1:at+1+size])
	copy(b[at:], length[:n])
	return b
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	}
	return protowire.VarintType
}

func appendScalar(b []byte, k protoreflect.Kind, v protoreflect.Value) []byte {
	switch k {
	case protoreflect.BoolKind:
		return protowire.AppendVarint(b, protowire.EncodeBool(v.Bool()))
	case protoreflect.EnumKind:
		return protowire.AppendVarint(b, uint64(v.Enum()))
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return protowire.AppendVarint(b, uint64(v.Int()))
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.AppendVarint(b, protowire.EncodeZigZag(v.Int()))
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return protowire.AppendVarint(b, v.Uint())
	case protoreflect.Fixed64Kind:
		return protowire.AppendFixed64(b, v.Uint())
	case protoreflect.Sfixed64Kind:
		return protowire.AppendFixed64(b, uint64(v.Int()))
	case protoreflect.Fixed32Kind:
		return protowire.AppendFixed32(b, uint32(v.Uint()))
	case protoreflect.Sfixed32Kind:
		return protowire.AppendFixed32(b, uint32(v.Int()))
	case protoreflect.FloatKind:
		return protowire.AppendFixed32(b, math.Float32bits(float32(v.Float())))
	case protoreflect.DoubleKind:
		f := v.Float()
		if math.IsNaN(f) {
			f = CanonicalNaN
		}
		return protowire.AppendFixed64(b, math.Float64bits(f))
	}
	panic("domain: the catalogue has no field of kind " + k.String())
}
