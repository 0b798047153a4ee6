package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// settle completes a batch with the rows that go on from older ones: of aliases and profiles, the stored totals plus
// what the batch adds, summed over each profile as the graph has it after the batch; of pairs, the stored rows with the
// batch's events folded in; of the history, the stretches that the batch's moves begin and end. The graph and the
// cache are moved on; when anything fails they must be made again from the store.
func (g *gathering) settle(ctx context.Context, store RowReader, cache *totalsCache, graph *identity.Graph) (TableBatch, error) {
	g.fold()
	moved, before := g.follow(graph)
	for a := range g.deltas {
		moved[a] = true
	}
	changed := slices.SortedFunc(maps.Keys(moved), domain.Alias.Compare)
	profiles := profileSet(graph, changed, before)
	var members []domain.Alias
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
	if rows.Pairs, err = g.pairs(ctx, store); err != nil {
		return TableBatch{}, err
	}
	return g.batch, nil
}

// pairs are the rows of the pairs that the batch is about.
func (g *gathering) pairs(ctx context.Context, store RowReader) ([]PairRow, error) {
	wanted := pairsOf(g.identity)
	if len(wanted) == 0 {
		return nil, nil
	}
	stored, err := store.Pairs(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("load the rows of pairs: %w", err)
	}
	return foldPairs(stored, g.identity), nil
}

// follow moves the graph on by the batch's events and writes the history of who moved. It returns every alias that
// did, and the ids of the profiles they left, ascending.
func (g *gathering) follow(graph *identity.Graph) (moved map[domain.Alias]bool, left []domain.Alias) {
	moved, old, history := map[domain.Alias]bool{}, map[domain.Alias]bool{}, newHistories()
	for _, r := range g.identity {
		at := momentOf(placeOf(r))
		for _, m := range graph.Moves(r) {
			history.move(m.Alias, m.From, m.To, at)
			moved[m.Alias], old[m.From] = true, true
		}
	}
	g.batch.Rows.HistoryEnds, g.batch.Rows.History = history.ends, history.rows
	return moved, slices.SortedFunc(maps.Keys(old), domain.Alias.Compare)
}

// profileSet lists the profiles that must be written, ascending: those of the aliases, and of the profiles that
// aliases left those that are profiles still.
func profileSet(graph *identity.Graph, aliases, left []domain.Alias) []domain.Alias {
	ids := make([]domain.Alias, 0, len(aliases)+len(left))
	for _, a := range aliases {
		ids = append(ids, graph.Profile(a))
	}
	for _, p := range left {
		ids = append(ids, graph.Profile(p))
	}
	slices.SortFunc(ids, domain.Alias.Compare)
	return slices.Compact(ids)
}

func aliasRows(graph *identity.Graph, aliases []domain.Alias, totals map[domain.Alias]Totals) []AliasRow {
	rows := make([]AliasRow, len(aliases))
	for i, a := range aliases {
		rows[i] = AliasRow{Alias: a, Profile: graph.Profile(a), Mark: graph.Mark(a).String(), Totals: totals[a]}
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
