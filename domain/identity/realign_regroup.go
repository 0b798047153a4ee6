package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Regrouping is some profiles that become others: together they have the same aliases. Each profile is a list of
// aliases, ascending, so that its first is its id; profiles come in the order of their ids.
type Regrouping struct{ Before, After [][]domain.Alias }

// regroup compares the profiles around the seeds before and after.
func (r *Realignment) regroup(before, after *Graph, seeds []domain.Alias) {
	met := map[domain.Alias]bool{}
	for _, seed := range seeds {
		if met[seed] {
			continue
		}
		g := regrouping(before, after, seed, met)
		if len(g.Before) == 1 && len(g.After) == 1 {
			continue
		}
		r.Regroupings = append(r.Regroupings, g)
		r.count(before, after, g)
	}
	slices.SortFunc(r.Affected, domain.Alias.Compare)
	slices.SortFunc(r.Regroupings, func(x, y Regrouping) int { return x.Before[0][0].Compare(y.Before[0][0]) })
}

// regrouping follows the profiles of before and after from one alias until they have the same aliases.
func regrouping(before, after *Graph, seed domain.Alias, met map[domain.Alias]bool) Regrouping {
	var g Regrouping
	inBefore, inAfter := map[domain.Alias]bool{}, map[domain.Alias]bool{}
	met[seed] = true
	for queue := []domain.Alias{seed}; len(queue) > 0; queue = queue[1:] {
		a := queue[0]
		for _, side := range []struct {
			graph *Graph
			in    map[domain.Alias]bool
			list  *[][]domain.Alias
		}{{before, inBefore, &g.Before}, {after, inAfter, &g.After}} {
			profile := side.graph.Profile(a)
			if side.in[profile] {
				continue
			}
			side.in[profile] = true
			members := side.graph.Aliases(a)
			*side.list = append(*side.list, members)
			for _, m := range members {
				if !met[m] {
					met[m] = true
					queue = append(queue, m)
				}
			}
		}
	}
	byID := func(x, y []domain.Alias) int { return x[0].Compare(y[0]) }
	slices.SortFunc(g.Before, byID)
	slices.SortFunc(g.After, byID)
	return g
}

func (r *Realignment) count(before, after *Graph, g Regrouping) {
	r.Profiles += len(g.After) - len(g.Before)
	r.Splits += scattered(g.Before, after)
	r.Merges += scattered(g.After, before)
	for _, members := range g.Before {
		for _, a := range members {
			if before.Profile(a) != after.Profile(a) {
				r.Affected = append(r.Affected, a)
			}
		}
	}
}

// scattered is how many profiles have members in several profiles of a graph.
func scattered(profiles [][]domain.Alias, graph *Graph) int {
	n := 0
	for _, members := range profiles {
		apart := func(a domain.Alias) bool { return !graph.Linked(a, members[0]) }
		if slices.ContainsFunc(members, apart) {
			n++
		}
	}
	return n
}
