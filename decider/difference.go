package decider

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// The two ways of replay.
const (
	// FromRecord chooses again from what the record says was known.
	FromRecord = "record"
	// FromEvents finds from the raw events what was known, and chooses from that.
	FromEvents = "events"
)

// Difference is one field of a record that came out otherwise.
type Difference struct {
	// From is FromRecord or FromEvents.
	From string
	// Field is its path in the record: candidates[2].expected_value
	Field              string
	Recorded, Replayed string
}

// maxDifferences keeps a record that differs everywhere from filling an answer.
const maxDifferences = 50

// Differences compares two records by their canonical bytes and names the fields that differ; none when they are
// the same.
func Differences(from string, recorded, replayed *event.Decision) []Difference {
	if bytes.Equal(domain.Canonical(recorded), domain.Canonical(replayed)) {
		return nil
	}
	c := comparison{from: from}
	c.messages("", recorded.ProtoReflect(), replayed.ProtoReflect())
	return c.found
}

type comparison struct {
	from  string
	found []Difference
}

func (c *comparison) add(field, recorded, replayed string) {
	if recorded != replayed && len(c.found) < maxDifferences {
		c.found = append(c.found, Difference{From: c.from, Field: field, Recorded: recorded, Replayed: replayed})
	}
}

func (c *comparison) messages(path string, x, y protoreflect.Message) {
	fields := x.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		name := path + string(fd.Name())
		switch {
		case fd.IsList():
			c.lists(name, fd, x.Get(fd).List(), y.Get(fd).List())
		case fd.Kind() == protoreflect.MessageKind && x.Has(fd) && y.Has(fd):
			c.messages(name+".", x.Get(fd).Message(), y.Get(fd).Message())
		default:
			c.add(name, shown(fd, x), shown(fd, y))
		}
	}
}

func (c *comparison) lists(name string, fd protoreflect.FieldDescriptor, x, y protoreflect.List) {
	if x.Len() != y.Len() {
		c.add(name, strconv.Itoa(x.Len())+" entries", strconv.Itoa(y.Len())+" entries")
	}
	for i := range min(x.Len(), y.Len()) {
		field := fmt.Sprintf("%s[%d]", name, i)
		if fd.Kind() == protoreflect.MessageKind {
			c.messages(field+".", x.Get(i).Message(), y.Get(i).Message())
			continue
		}
		c.add(field, value(fd, x.Get(i)), value(fd, y.Get(i)))
	}
}

func shown(fd protoreflect.FieldDescriptor, m protoreflect.Message) string {
	if !m.Has(fd) {
		return "nothing"
	}
	return value(fd, m.Get(fd))
}

// value writes a field so that different values never look the same.
func value(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return "a value"
	case protoreflect.BytesKind:
		return hex.EncodeToString(v.Bytes())
	case protoreflect.StringKind:
		return strconv.Quote(v.String())
	case protoreflect.DoubleKind:
		if math.IsNaN(v.Float()) {
			return "missing"
		}
		if v.Float() == 0 && math.Signbit(v.Float()) {
			return "-0"
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return v.String()
}
