package projections

import (
	"context"
	"fmt"
	"maps"

	"github.com/profferhq/proffer/domain"
)

// totalsCache remembers the totals last written, so that aliases that come again and again are not read back each
// time. It holds two generations of up to cachedAliases: when the younger is full it becomes the older, and what was
// older is forgotten. It is right only as long as this projector alone writes, which the checkpoint guards.
type totalsCache struct{ young, old map[domain.Alias]Totals }

// cachedAliases bounds one generation: some 300 bytes an alias, so 20 MB for both.
const cachedAliases = 32_768

func newTotalsCache() *totalsCache {
	return &totalsCache{young: map[domain.Alias]Totals{}, old: map[domain.Alias]Totals{}}
}

func (c *totalsCache) find(a domain.Alias) (Totals, bool) {
	if t, ok := c.young[a]; ok {
		return t, true
	}
	t, ok := c.old[a]
	return t, ok
}

func (c *totalsCache) put(a domain.Alias, t Totals) {
	if len(c.young) >= cachedAliases {
		c.young, c.old = make(map[domain.Alias]Totals, cachedAliases), c.young
	}
	c.young[a] = t
}

// load gives the totals of these aliases, from memory where they are known, and from the store.
func (c *totalsCache) load(ctx context.Context, store RowReader, aliases []domain.Alias) (map[domain.Alias]Totals, error) {
	totals := make(map[domain.Alias]Totals, len(aliases))
	var wanted []domain.Alias
	for _, a := range aliases {
		if t, ok := c.find(a); ok {
			totals[a] = t
		} else {
			wanted = append(wanted, a)
		}
	}
	if len(wanted) == 0 {
		return totals, nil
	}
	stored, err := store.Totals(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("load the totals of aliases: %w", err)
	}
	maps.Copy(totals, stored)
	return totals, nil
}
