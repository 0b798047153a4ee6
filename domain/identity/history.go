package identity

import (
	"slices"
	"sort"

	"github.com/profferhq/proffer/domain"
)

// History knows the profile of every alias at any position of IDENTITY. It costs about 100 bytes for each time an
// alias gets another profile, beside its graph.
type History struct {
	graph *Graph
	of    map[domain.Alias][]stretch
	// joined are the aliases that came to a profile, each time they did, beside the one it is named after.
	joined map[domain.Alias][]domain.Alias
}

// stretch is a profile from a position on.
type stretch struct {
	from    domain.Position
	profile domain.Alias
}

// Interval is a stretch of IDENTITY in which an alias belonged to a profile: from the event at From up to, but
// without, the one at To.
type Interval struct {
	Alias, Profile domain.Alias
	// From is zero at the beginning of the log; To is zero when it is so still.
	From, To domain.Position
}

// NewHistory is the history before the first event.
func NewHistory() *History {
	return &History{graph: NewGraph(), of: map[domain.Alias][]stretch{}, joined: map[domain.Alias][]domain.Alias{}}
}

// Apply takes the next event of IDENTITY and returns the moves it made, by alias. Positions already applied are
// ignored.
func (h *History) Apply(r domain.Recorded) []Move {
	moves := h.graph.Moves(r)
	for _, m := range moves {
		h.note(m, r.At)
	}
	return moves
}

func (h *History) note(m Move, at domain.Position) {
	h.of[m.Alias] = append(h.of[m.Alias], stretch{from: at, profile: m.To})
	if m.To != m.Alias {
		h.joined[m.To] = append(h.joined[m.To], m.Alias)
	}
}

// Graph is the graph at present: to be read only.
func (h *History) Graph() *Graph { return h.graph }

// Applied is the sequence in IDENTITY of the last event applied.
func (h *History) Applied() uint64 { return h.graph.Applied() }

// Resolve is the profile of an alias after the event at the position; for a cut, that is the last position of its
// sequence.
func (h *History) Resolve(a domain.Alias, at domain.Position) domain.Alias {
	known := h.of[a]
	later := sort.Search(len(known), func(i int) bool { return known[i].from.After(at) })
	if later == 0 {
		return a
	}
	return known[later-1].profile
}

// Members are the aliases of a profile after the event at the position, ascending; nil when no profile had that id.
func (h *History) Members(profile domain.Alias, at domain.Position) []domain.Alias {
	if h.Resolve(profile, at) != profile {
		return nil
	}
	members := []domain.Alias{profile}
	for _, a := range h.joined[profile] {
		if h.Resolve(a, at) == profile {
			members = append(members, a)
		}
	}
	slices.SortFunc(members, domain.Alias.Compare)
	return slices.Compact(members)
}

// Intervals are those of an alias, oldest first: without gaps from the beginning of the log until now.
func (h *History) Intervals(a domain.Alias) []Interval {
	list := []Interval{{Alias: a, Profile: a}}
	for _, s := range h.of[a] {
		list[len(list)-1].To = s.from
		list = append(list, Interval{Alias: a, Profile: s.profile, From: s.from})
	}
	return list
}
