package recommend

import (
	"math"
	"slices"
)

// Ask says what is wanted for one person.
type Ask struct {
	// N is how many items.
	N int
	// New leaves out what she has bought.
	New bool
	// Recent is how many of her latest items count; 50 by default.
	Recent int
}

// againWeight is how much an item that she touched speaks for itself, beside its neighbours.
const againWeight = 1.0

// Top are the items that a person may want next, the best first: those most like what she touched lately, and what she
// touched herself unless only new ones are asked for. The rest of the N are the most popular ones, with scores of 0.
func (m *Model) Top(t Trail, a Ask) []Scored {
	if a.Recent < 1 {
		a.Recent = 50
	}
	scores := map[uint32]float64{}
	bought := map[uint32]bool{}
	values := m.values(t)
	for i, e := range t.Entries {
		bought[e.Item] = bought[e.Item] || e.Bought
		if i < len(t.Entries)-a.Recent || int(e.Item) >= len(m.similar) {
			continue
		}
		scores[e.Item] += float64(againWeight * values[i])
		for _, s := range m.similar[e.Item] {
			scores[s.Item] += float64(values[i] * s.Score)
		}
	}
	out := make([]Scored, 0, len(scores))
	for item, score := range scores {
		if score > 0 && !math.IsInf(score, 0) && !(a.New && bought[item]) {
			out = append(out, Scored{item, score})
		}
	}
	slices.SortFunc(out, best)
	out = out[:min(len(out), a.N)]
	return m.fill(out, a, bought)
}

// Listed is an item of a list that answers both with and without what she has bought.
type Listed struct {
	Scored
	Bought bool
}

// List is what Top answers for up to n items: her best n, and of those after them what makes up n that she has not bought. It
// has n items at least, unless there are no more.
func (m *Model) List(t Trail, n int) []Listed {
	bought := map[uint32]bool{}
	for _, e := range t.Entries {
		if e.Bought {
			bought[e.Item] = true
		}
	}
	var out []Listed
	fresh := 0
	for i, s := range m.Top(t, Ask{N: n + len(bought)}) {
		if i >= n && (bought[s.Item] || fresh >= n) {
			continue
		}
		if !bought[s.Item] {
			fresh++
		}
		out = append(out, Listed{s, bought[s.Item]})
	}
	return out
}

// fill adds popular items.
func (m *Model) fill(out []Scored, a Ask, bought map[uint32]bool) []Scored {
	for _, p := range m.popular {
		if len(out) >= a.N {
			break
		}
		if a.New && bought[p.Item] || slices.ContainsFunc(out, func(s Scored) bool { return s.Item == p.Item }) {
			continue
		}
		out = append(out, Scored{Item: p.Item})
	}
	return out
}
