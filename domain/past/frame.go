package past

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Frame is an encoded event at its place; it shares the memory of its envelope.
type Frame struct {
	At    domain.Position
	Bytes []byte
	// Mirrored: the link is to be folded as seen from its other end.
	Mirrored bool
}

// Decode reads an encoded event, perhaps only as much of it as a fold reads; false when it is malformed. The event may
// be in memory that is used again: it is folded before the next is asked for.
type Decode func(frame []byte) (*event.Event, bool)

// Recorded decodes the event; a nil Decode decodes all of it. It fails with domain.ErrEnvelopeCorrupt.
func (f Frame) Recorded(decode Decode) (domain.Recorded, error) {
	r := domain.Recorded{At: f.At}
	good := false
	if decode != nil {
		r.Event, good = decode(f.Bytes)
	} else {
		r.Event = new(event.Event)
		good = proto.Unmarshal(f.Bytes, r.Event) == nil
	}
	if !good {
		return r, fmt.Errorf("%w: event %d of %d", domain.ErrEnvelopeCorrupt, f.At.Index, f.At.Sequence)
	}
	if f.Mirrored {
		r, _ = identity.Mirror(r)
	}
	return r, nil
}

// AliasIn reads the alias of an encoded event without decoding the rest; the zero Alias when it has none.
func AliasIn(frame []byte) domain.Alias {
	const aliasField = 2
	var alias domain.Alias
	for len(frame) > 0 {
		number, kind, n := protowire.ConsumeTag(frame)
		if n < 0 {
			return domain.Alias{}
		}
		frame = frame[n:]
		if number == aliasField && kind == protowire.BytesType {
			b, n := protowire.ConsumeBytes(frame)
			if n < 0 || len(b) != len(alias) {
				return domain.Alias{}
			}
			copy(alias[:], b)
			return alias
		}
		if number > aliasField {
			return alias // fields are written in ascending order
		}
		if n = protowire.ConsumeFieldValue(number, kind, frame); n < 0 {
			return domain.Alias{}
		}
		frame = frame[n:]
	}
	return alias
}

// MirrorOf is the frame of a decoded event of IDENTITY as its other end has it, and whose alias that is; false for events
// that concern one alias only.
func MirrorOf(f Frame, r domain.Recorded) (domain.Alias, Frame, bool) {
	mirrored, ok := identity.Mirror(r)
	if !ok {
		return domain.Alias{}, f, false
	}
	alias, err := domain.AliasFromBytes(mirrored.Event.GetAlias())
	f.Mirrored = err == nil
	return alias, f, err == nil
}

// Positions are the state of an alias's parts that a decision read, as its record says; all of IDENTITY is at the
// decision's cut of it.
func Positions(s *event.SeenAlias, identityCut uint64) [domain.Streams]domain.Position {
	var to [domain.Streams]domain.Position
	to[domain.Behaviour] = domain.PositionOf(s.GetBehaviour())
	to[domain.Decision] = domain.PositionOf(s.GetDecision())
	to[domain.Outcome] = domain.PositionOf(s.GetOutcome())
	to[domain.Identity] = EndOf(identityCut)
	return to
}

// EndOf is the last position of an envelope.
func EndOf(sequence uint64) domain.Position {
	return domain.Position{Sequence: sequence, Index: math.MaxUint32}
}
