package domain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain/event"
)

// Position is a place in one stream: the message's sequence (from 1) and the index in its envelope (from 0).
// The zero Position is before everything.
type Position struct {
	Sequence uint64
	Index    uint32
}

// Compare orders positions of one stream: negative, zero or positive.
func (p Position) Compare(q Position) int {
	switch {
	case p.Sequence != q.Sequence:
		if p.Sequence < q.Sequence {
			return -1
		}
		return 1
	case p.Index != q.Index:
		if p.Index < q.Index {
			return -1
		}
		return 1
	}
	return 0
}

// After says whether p is later than q.
func (p Position) After(q Position) bool { return p.Compare(q) > 0 }

// Proto is the position as a record carries it; the zero Position is nil.
func (p Position) Proto() *event.Position {
	if p == (Position{}) {
		return nil
	}
	return &event.Position{Sequence: p.Sequence, Index: p.Index}
}

// PositionOf reads what Proto wrote.
func PositionOf(p *event.Position) Position {
	return Position{Sequence: p.GetSequence(), Index: p.GetIndex()}
}

// Place is a position with its stream: what an answer carries and a request may name.
type Place struct {
	Stream   Stream
	Position Position
}

// String writes "BEHAVIOUR/1234/5".
func (p Place) String() string {
	return p.Stream.String() + "/" + strconv.FormatUint(p.Position.Sequence, 10) + "/" + strconv.FormatUint(uint64(p.Position.Index), 10)
}

// ParsePlace reads what String wrote; the index may be left out.
func ParsePlace(text string) (Place, error) {
	fail := func() (Place, error) {
		return Place{}, fmt.Errorf("domain: %q is not a position (want STREAM/sequence/index)", text)
	}
	parts := strings.Split(text, "/")
	if len(parts) != 2 && len(parts) != 3 {
		return fail()
	}
	stream, err := ParseStream(parts[0])
	if err != nil {
		return fail()
	}
	seq, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil || seq == 0 {
		return fail()
	}
	var index uint64
	if len(parts) == 3 {
		if index, err = strconv.ParseUint(parts[2], 10, 32); err != nil {
			return fail()
		}
	}
	return Place{Stream: stream, Position: Position{Sequence: seq, Index: uint32(index)}}, nil
}

// Cut is one sequence per stream: "the state as of a cut" holds every message up to it.
type Cut [Streams]uint64

// Proto is the cut as a decision record carries it.
func (c Cut) Proto() *event.Cut {
	return &event.Cut{
		Behaviour: c[Behaviour], Identity: c[Identity], Decision: c[Decision],
		Outcome: c[Outcome], Policy: c[Policy],
	}
}

// CutOf reads what Proto wrote.
func CutOf(c *event.Cut) Cut {
	var out Cut
	out[Behaviour], out[Identity], out[Decision] = c.GetBehaviour(), c.GetIdentity(), c.GetDecision()
	out[Outcome], out[Policy] = c.GetOutcome(), c.GetPolicy()
	return out
}
