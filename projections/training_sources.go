package projections

import (
	"math"
	"slices"
)

// sources are where events came from: live ones are one source.
type sources struct {
	numbers map[string]uint32
	// from and to are the keys of each one's first and last event.
	from, to []int64
}

func newSources() *sources {
	return &sources{numbers: map[string]uint32{"": 0}, from: []int64{math.MaxInt64}, to: []int64{math.MinInt64}}
}

// join takes another's sources in, and tells their numbers here.
func (s *sources) join(of *sources) []uint32 {
	out := make([]uint32, len(of.from))
	for name, theirs := range of.numbers {
		n := s.number([]byte(name))
		s.from[n], s.to[n] = min(s.from[n], of.from[theirs]), max(s.to[n], of.to[theirs])
		out[theirs] = n
	}
	return out
}

func (s *sources) number(name []byte) uint32 {
	n, known := s.numbers[string(name)]
	if !known {
		n = uint32(len(s.from))
		s.numbers[string(name)] = n
		s.from, s.to = append(s.from, math.MaxInt64), append(s.to, math.MinInt64)
	}
	return n
}

func (s *sources) note(h *frameHead) uint32 {
	n := uint32(0)
	if h.sourceSeq != 0 {
		n = s.number(h.source)
	}
	key := h.keyMS()
	s.from[n], s.to[n] = min(s.from[n], key), max(s.to[n], key)
	return n
}

// covered is until when the log tells all about people with events of these sources, from a moment on: how far the
// spans of the sources reach without a gap.
func (s *sources) covered(of []uint32, fromMS int64) int64 {
	slices.SortFunc(of, func(a, b uint32) int { return int(min(1, max(-1, s.from[a]-s.from[b]))) })
	until := fromMS
	for _, n := range of {
		if s.from[n] <= until {
			until = max(until, s.to[n])
		}
	}
	return until
}
