package past

import (
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Stretch is a range of sequences of a stream, both ends included.
type Stretch struct{ From, To uint64 }

// Signs say in which stretches of a stream there may be something about an alias, so that what happened to one person is read
// without reading what happened to everybody. Each stretch has the signs of its aliases in a filter of two bytes an alias,
// which means a stretch too many in one of 500.
//
// Signs are for one goroutine at a time: their owner guards them. Their readers may run side by side.
type Signs struct {
	closed []signed
	// open is the stretch that still grows, with its aliases.
	open    Stretch
	aliases map[domain.Alias]struct{}
}

// signed is a stretch that grows no more.
type signed struct {
	Stretch
	filter []uint64
}

// How many aliases a stretch has, how many bits each has room for, and how many it sets.
const (
	stretchAliases = 512
	bitsAnAlias    = 16
	bitsSet        = 6
)

// Note remembers that the envelope is about the alias. Sequences must not fall.
func (s *Signs) Note(a domain.Alias, sequence uint64) {
	if len(s.aliases) >= stretchAliases && sequence > s.open.To {
		s.close()
	}
	if len(s.aliases) == 0 {
		s.open.From, s.aliases = sequence, make(map[domain.Alias]struct{}, stretchAliases)
	}
	s.open.To = sequence
	s.aliases[a] = struct{}{}
}

func (s *Signs) close() {
	x := signed{Stretch: s.open, filter: make([]uint64, (len(s.aliases)*bitsAnAlias+63)/64)}
	for a := range s.aliases {
		for bit := range bitsOf(a, x.filter) {
			x.filter[bit/64] |= 1 << (bit % 64)
		}
	}
	s.closed, s.aliases = append(s.closed, x), nil
}

// bitsOf are the bits of a filter that an alias sets. An alias ends in 64 bits of which nearly all are random.
func bitsOf(a domain.Alias, filter []uint64) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		bit, step := uint64(binary.BigEndian.Uint32(a[12:])), uint64(binary.BigEndian.Uint32(a[8:]))|1
		for range bitsSet {
			if !yield(bit % uint64(64*len(filter))) {
				return
			}
			bit += step
		}
	}
}

func (x signed) may(a domain.Alias) bool {
	for bit := range bitsOf(a, x.filter) {
		if x.filter[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// Of are the stretches up to the sequence `to` in which there may be something about one of the aliases, ascending; those that
// meet are one. What lies outside of them is about others.
func (s *Signs) Of(aliases []domain.Alias, to uint64) []Stretch {
	var out []Stretch
	last := -2 // the place of the stretch before
	take := func(place int, x Stretch) {
		x.To = min(x.To, to)
		switch {
		case x.From > to:
			return
		case place == last+1:
			out[len(out)-1].To = x.To
		default:
			out = append(out, x)
		}
		last = place
	}
	for place, x := range s.closed {
		if slices.ContainsFunc(aliases, x.may) {
			take(place, x.Stretch)
		}
	}
	for _, a := range aliases {
		if _, in := s.aliases[a]; in {
			take(len(s.closed), s.open)
			break
		}
	}
	return out
}
