package segment

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Found is what a version of a definition says of a person.
type Found struct {
	Definition string
	Version    uint64
	// Segments of the definition in which the person is, ascending.
	Segments []string
}

// Move is that an alias enters a segment, or leaves it.
type Move struct {
	Alias               domain.Alias
	Definition, Segment string
	// Version of the definition by which this was found.
	Version uint64
	Entered bool
	// After is where the alias last entered or left the segment; zero for never.
	After domain.Position
}

// ID is the id of the move's event: the same for whoever finds the same move after the same history, so that an event which
// is appended again can be told.
func (m Move) ID() [16]byte {
	b := append(make([]byte, 0, 128), "segment move\x00"...)
	b = append(b, m.Alias[:]...)
	b = append(append(b, m.Definition...), 0)
	b = append(append(b, m.Segment...), 0)
	if m.Entered {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint64(b, m.After.Sequence)
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(b, m.After.Index))
	return [16]byte(sum[:])
}

// Members are the segments that aliases have entered and left, as BEHAVIOUR says: a fold over its events. A person is in a
// segment when any of her aliases is: who is linked with a member is one, and who is unlinked keeps what she entered
// herself. The zero Members has nobody. It is for one goroutine at a time.
type Members struct {
	of map[domain.Alias][]stay
	// names are the segments that were ever entered, numbered.
	names   []segmentOf
	numbers map[segmentOf]uint32
}

type segmentOf struct{ definition, segment string }

// stay is one alias in one segment, or that it was.
type stay struct {
	at      domain.Position
	segment uint32
	in      bool
}

// Apply folds in an event of BEHAVIOUR and says whether it is a move. One that was folded already changes nothing, and
// neither does one that says what is so already.
func (m *Members) Apply(r domain.Recorded) bool {
	entered, left := r.Event.GetSegmentEntered(), r.Event.GetSegmentLeft()
	if entered == nil && left == nil {
		return false
	}
	alias, err := domain.AliasFromBytes(r.Event.GetAlias())
	if err != nil {
		return true // about nobody
	}
	number := m.number(segmentOf{entered.GetDefinition() + left.GetDefinition(), entered.GetSegment() + left.GetSegment()})
	stays := m.of[alias]
	i := slices.IndexFunc(stays, func(s stay) bool { return s.segment == number })
	if i < 0 {
		if m.of == nil {
			m.of = map[domain.Alias][]stay{}
		}
		m.of[alias] = append(stays, stay{at: r.At, segment: number, in: entered != nil})
		return true
	}
	if s := &stays[i]; r.At.After(s.at) && s.in != (entered != nil) {
		s.at, s.in = r.At, entered != nil
	}
	return true
}

func (m *Members) number(of segmentOf) uint32 {
	n, known := m.numbers[of]
	if !known {
		if m.numbers == nil {
			m.numbers = map[segmentOf]uint32{}
		}
		n = uint32(len(m.names))
		m.names, m.numbers[of] = append(m.names, of), n
	}
	return n
}

// Of are the segments of a definition that a person of these aliases is in, ascending.
func (m *Members) Of(aliases []domain.Alias, definition string) []string {
	var out []string
	for _, a := range aliases {
		for _, s := range m.of[a] {
			if name := m.names[s.segment]; s.in && name.definition == definition {
				out = append(out, name.segment)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Moves are what takes the person of these aliases from the segments that she is in to those that were found: she enters
// by the first alias, the profile's id, and leaves by each that is in. Definitions that were not looked at stay as they
// are. Once the moves are folded, there are none.
func (m *Members) Moves(aliases []domain.Alias, found []Found) []Move {
	if len(aliases) == 0 {
		return nil
	}
	var out []Move
	for _, f := range found {
		in := m.Of(aliases, f.Definition)
		for _, name := range f.Segments {
			if _, is := slices.BinarySearch(in, name); !is {
				out = append(out, m.move(aliases[0], f, name, true))
			}
		}
		for _, name := range in {
			if _, is := slices.BinarySearch(f.Segments, name); is {
				continue
			}
			for _, a := range aliases {
				if s, known := m.stayOf(a, segmentOf{f.Definition, name}); known && s.in {
					out = append(out, m.move(a, f, name, false))
				}
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Move) int {
		return cmp.Or(cmp.Compare(x.Definition, y.Definition), cmp.Compare(x.Segment, y.Segment), x.Alias.Compare(y.Alias))
	})
	return out
}

func (m *Members) move(a domain.Alias, f Found, segment string, entered bool) Move {
	s, _ := m.stayOf(a, segmentOf{f.Definition, segment})
	return Move{Alias: a, Definition: f.Definition, Segment: segment, Version: f.Version, Entered: entered, After: s.at}
}

func (m *Members) stayOf(a domain.Alias, of segmentOf) (stay, bool) {
	number, known := m.numbers[of]
	if !known {
		return stay{}, false
	}
	for _, s := range m.of[a] {
		if s.segment == number {
			return s, true
		}
	}
	return stay{}, false
}
