package projections

import (
	"context"
	"maps"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// settle completes a batch with the rows of aliases and profiles: the stored totals plus what the batch adds, summed
// over each profile as the graph has it after the batch's links. The graph and the cache are moved on; when anything
// fails they must be made again from the store.
func (g *gathering) settle(ctx context.Context, store TableReader, cache *totalsCache, graph *identity.Graph) (TableBatch, error) {
	g.fold()
	relinked, before := g.link(graph)
	for a := range g.deltas {
		relinked[a] = true
	}
	changed := slices.SortedFunc(maps.Keys(relinked), domain.Alias.Compare)
	profiles := profileSet(graph, changed)
	members := make([]domain.Alias, 0, len(changed))
	for _, p := range profiles {
		members = append(members, graph.Aliases(p)...)
	}
	totals, err := cache.load(ctx, store, members)
	if err != nil {
		return TableBatch{}, err
	}
	for a, delta := range g.deltas {
		totals[a] = totals[a].Add(delta)
	}
	rows := &g.batch.Rows
	rows.Aliases = aliasRows(graph, changed, totals)
	rows.Profiles = profileRows(graph, profiles, totals)
	rows.GoneProfiles = missing(before, profiles)
	for _, r := range rows.Aliases {
		cache.put(r.Alias, r.Totals)
	}
	return g.batch, nil
}

// link moves the graph on by the batch's links. It returns every alias of a component that changed, and the ids
// their profiles had before, ascending.
func (g *gathering) link(graph *identity.Graph) (relinked map[domain.Alias]bool, before []domain.Alias) {
	relinked, old := map[domain.Alias]bool{}, map[domain.Alias]bool{}
	for _, r := range g.links {
		for _, end := range []domain.Alias{aliasOf(r.Event.GetAlias()), otherEnd(r)} {
			if end.IsZero() || relinked[end] {
				continue
			}
			old[graph.Profile(end)] = true
			for _, a := range graph.Aliases(end) {
				relinked[a] = true
			}
		}
	}
	for _, r := range g.links {
		graph.Apply(r)
	}
	return relinked, slices.SortedFunc(maps.Keys(old), domain.Alias.Compare)
}

func otherEnd(r domain.Recorded) domain.Alias {
	if l := r.Event.GetIdentityLinked(); l != nil {
		return aliasOf(l.GetOther())
	}
	return aliasOf(r.Event.GetIdentityUnlinked().GetOther())
}

func profileSet(graph *identity.Graph, aliases []domain.Alias) []domain.Alias {
	ids := make([]domain.Alias, len(aliases))
	for i, a := range aliases {
		ids[i] = graph.Profile(a)
	}
	slices.SortFunc(ids, domain.Alias.Compare)
	return slices.Compact(ids)
}

func aliasRows(graph *identity.Graph, aliases []domain.Alias, totals map[domain.Alias]Totals) []AliasRow {
	rows := make([]AliasRow, len(aliases))
	for i, a := range aliases {
		rows[i] = AliasRow{Alias: a, Profile: graph.Profile(a), Totals: totals[a]}
	}
	return rows
}

func profileRows(graph *identity.Graph, profiles []domain.Alias, totals map[domain.Alias]Totals) []ProfileRow {
	rows := make([]ProfileRow, len(profiles))
	for i, p := range profiles {
		members := graph.Aliases(p)
		row := ProfileRow{Profile: p, Aliases: len(members)}
		for _, a := range members {
			row.Totals = row.Totals.Add(totals[a])
		}
		row.Totals.Type = totals[p].Type
		rows[i] = row
	}
	return rows
}

// missing lists what is in the first ascending list and not in the second.
func missing(first, second []domain.Alias) []domain.Alias {
	var gone []domain.Alias
	for _, a := range first {
		if _, found := slices.BinarySearchFunc(second, a, domain.Alias.Compare); !found {
			gone = append(gone, a)
		}
	}
	return gone
}
