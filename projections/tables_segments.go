package projections

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// SegmentStay is how long an alias was in a segment: from the event at Entered up to the one at Left, which is zero as
// long as it is there.
type SegmentStay struct {
	Alias               domain.Alias
	Definition, Segment string
	// Version is that of the definition by which it was found there, LeftVersion that by which it was found to have left.
	Version, LeftVersion uint64
	Entered, Left        Moment
}

// SegmentEnd ends the stored stay of an alias in a segment that is still open, if there is one.
type SegmentEnd struct {
	Alias               domain.Alias
	Definition, Segment string
	Version             uint64
	Left                Moment
}

// addMove takes an event that says who is in which segment.
func (g *gathering) addMove(place Place, e *event.Event) {
	if place.Alias.IsZero() {
		g.addUnknown(domain.Behaviour, place)
		return
	}
	if in := e.GetSegmentEntered(); in != nil {
		g.stays.enter(stayKey{place.Alias, cell(in.GetDefinition()), cell(in.GetSegment())}, version(in.GetVersion()), momentOf(place))
		return
	}
	out := e.GetSegmentLeft()
	g.stays.leave(stayKey{place.Alias, cell(out.GetDefinition()), cell(out.GetSegment())}, version(out.GetVersion()), momentOf(place))
}

type stayKey struct {
	alias               domain.Alias
	definition, segment string
}

// stays makes the stays of a batch out of moves in the order of the log, without knowing what is stored. A move that says
// what is so already says nothing, as segment.Members has it: two servers may find the same move at once.
type stays struct {
	// firsts are the first stays of the batch, of those who may be there already.
	firsts, rows []SegmentStay
	ends         []SegmentEnd
	// last is what the last move said of each alias and segment that has moved.
	last map[stayKey]lastMove
}

// lastMove is that an alias is in a segment, by a row of firsts or rows, or that it is not.
type lastMove struct {
	in, first bool
	row       int
}

func (s *stays) enter(k stayKey, version uint64, at Moment) {
	before, moved := s.last[k]
	if before.in {
		return
	}
	list := &s.rows
	if !moved {
		list = &s.firsts
	}
	s.now(k, lastMove{in: true, first: !moved, row: len(*list)})
	*list = append(*list, SegmentStay{Alias: k.alias, Definition: k.definition, Segment: k.segment, Version: version, Entered: at})
}

func (s *stays) leave(k stayKey, version uint64, at Moment) {
	before, moved := s.last[k]
	list := s.rows
	if before.first {
		list = s.firsts
	}
	if before.in {
		list[before.row].Left, list[before.row].LeftVersion = at, version
	}
	if !moved || before.in && before.first {
		s.ends = append(s.ends, SegmentEnd{Alias: k.alias, Definition: k.definition, Segment: k.segment, Version: version, Left: at})
	}
	s.now(k, lastMove{})
}

func (s *stays) now(k stayKey, m lastMove) {
	if s.last == nil {
		s.last = map[stayKey]lastMove{}
	}
	s.last[k] = m
}
