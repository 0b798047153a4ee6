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

// stays makes the stays of a batch out of moves in the order of the log, without knowing what is stored: who enters, or
// leaves, ends what is open there first.
type stays struct {
	ends []SegmentEnd
	rows []SegmentStay
	// open is, for each alias and segment that has moved, the row of the stay that is still open, or -1.
	open map[stayKey]int
}

func (s *stays) enter(k stayKey, version uint64, at Moment) {
	s.leave(k, version, at)
	s.open[k] = len(s.rows)
	s.rows = append(s.rows, SegmentStay{Alias: k.alias, Definition: k.definition, Segment: k.segment, Version: version, Entered: at})
}

func (s *stays) leave(k stayKey, version uint64, at Moment) {
	i, moved := s.open[k]
	switch {
	case !moved:
		s.ends = append(s.ends, SegmentEnd{Alias: k.alias, Definition: k.definition, Segment: k.segment, Version: version, Left: at})
	case i >= 0:
		s.rows[i].Left, s.rows[i].LeftVersion = at, version
	}
	if s.open == nil {
		s.open = map[stayKey]int{}
	}
	s.open[k] = -1
}
