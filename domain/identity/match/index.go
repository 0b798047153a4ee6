package match

import (
	"slices"

	"github.com/profferhq/proffer/domain"
)

// MaxGroup is how many records may share a key before it stops giving candidates: so common a value tells little, and
// the same pair is found by stricter blocks. It is fewer in a block that would give more than 8 pairs a record, as in
// Blocking.
const MaxGroup = 400

// Index finds which records one record must be compared with, as records come, change and go. It holds no value of
// them: for each record its id, a hash for each of its keys, of which a proposed model has about 20, and a hash for
// each value whose frequency counts; about 60 bytes for each key, 1.5 kB a record.
//
// An Index is for one goroutine at a time, but for what Reaches says: its owner guards it.
type Index struct {
	matcher     *Matcher
	frequencies *Frequencies
	slots       map[domain.Alias]int32
	entries     []entry
	free        []int32
	groups      map[uint64][]int32
	// sizes has for each block how many groups there are of each size up to MaxGroup; limits are the largest sizes that
	// give candidates, as they were when changes was 0.
	sizes   [][]int32
	limits  []int
	changes int
}

// entry is what is held of a record.
type entry struct {
	id     domain.Alias
	keys   []uint64
	hashes []uint64
}

// NewIndex is an index without records.
func NewIndex(m *Matcher) *Index {
	x := &Index{matcher: m, frequencies: m.NewFrequencies(), slots: map[domain.Alias]int32{}, groups: map[uint64][]int32{}}
	for range m.blocks {
		x.sizes = append(x.sizes, make([]int32, MaxGroup+1))
		x.limits = append(x.limits, MaxGroup)
	}
	return x
}

// Len is how many records it knows.
func (x *Index) Len() int { return len(x.slots) }

// Put adds a record, or replaces what is known under its id.
func (x *Index) Put(p Prepared) {
	x.Remove(p.ID)
	e := entry{id: p.ID, keys: x.keys(&p), hashes: make([]uint64, len(p.forms))}
	for i := range p.forms {
		if x.frequencies.counts[i] != nil {
			e.hashes[i] = p.forms[i].hash
		}
	}
	slot := int32(len(x.entries))
	if n := len(x.free); n > 0 {
		slot, x.free = x.free[n-1], x.free[:n-1]
		x.entries[slot] = e
	} else {
		x.entries = append(x.entries, e)
	}
	x.slots[p.ID] = slot
	for _, k := range e.keys {
		x.groups[k] = append(x.groups[k], slot)
		x.resized(k, len(x.groups[k])-1, len(x.groups[k]))
	}
	x.frequencies.Add(p)
	x.limit()
}

// Remove forgets a record; an unknown one is ignored.
func (x *Index) Remove(id domain.Alias) {
	slot, known := x.slots[id]
	if !known {
		return
	}
	e := x.entries[slot]
	for _, k := range e.keys {
		g := x.groups[k]
		i := slices.Index(g, slot)
		x.resized(k, len(g), len(g)-1)
		g[i] = g[len(g)-1]
		if g = g[:len(g)-1]; len(g) == 0 {
			delete(x.groups, k)
		} else {
			x.groups[k] = g
		}
	}
	x.frequencies.take(e.hashes)
	delete(x.slots, id)
	x.entries[slot] = entry{}
	x.free = append(x.free, slot)
}

// blockBits of a key say which block it is of.
const blockBits = MaxBlocks - 1

// resized counts a group of another size.
func (x *Index) resized(key uint64, from, to int) {
	sizes := x.sizes[key&blockBits]
	if from > 0 && from <= MaxGroup {
		sizes[from]--
	}
	if to > 0 && to <= MaxGroup {
		sizes[to]++
	}
}

// limit looks again at how large groups may be, when one record in 64 has changed.
func (x *Index) limit() {
	if x.changes++; x.changes < len(x.slots)/64 {
		return
	}
	x.changes = 0
	most := max(len(x.slots)*pairsPerRecord, pairsAnyway)
	for block, sizes := range x.sizes {
		pairs, keep := 0, MaxGroup
		for size, n := range sizes {
			if pairs += int(n) * size * (size - 1) / 2; pairs > most {
				keep = size - 1
				break
			}
		}
		x.limits[block] = keep
	}
}

// keys are the record's keys in all blocks, each once.
func (x *Index) keys(p *Prepared) []uint64 {
	var keys []uint64
	for i := range x.matcher.blocks {
		from := len(keys)
		keys = x.matcher.blocks[i].keys(keys, uint64(i), p)
		for k := range keys[from:] {
			keys[from+k] = keys[from+k]&^blockBits | uint64(i)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Candidates are the other records that share a key with this one, ascending; it need not be in the index. skipped is
// how many of its keys were left out because too many records have them.
func (x *Index) Candidates(p *Prepared) (ids []domain.Alias, skipped int) {
	for _, k := range x.keys(p) {
		g := x.groups[k]
		if len(g) > x.limits[k&blockBits] {
			skipped++
			continue
		}
		for _, slot := range g {
			if id := x.entries[slot].id; id != p.ID {
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, domain.Alias.Compare)
	return slices.Compact(ids), skipped
}

// Compare weighs two records by the model and the frequencies of values in the index.
func (x *Index) Compare(a, b *Prepared) Match { return x.matcher.Compare(a, b, x.frequencies) }

// Reaches says whether Compare's posterior would be at least from. It allocates nothing. Any number of goroutines may
// ask at once, and Compare and Candidates too, while nothing is put or removed.
func (x *Index) Reaches(a, b *Prepared, from float64) bool {
	return Posterior(x.matcher.Weight(a, b, x.frequencies)) >= from
}

// Found is a record that may be the same person.
type Found struct {
	ID    domain.Alias
	Match Match
}

// Matches compares a record with its candidates and returns those whose posterior is at least from, the likeliest
// first. The candidates' values are asked for one by one; load says false for a record that is gone, and its error ends
// the search.
func (x *Index) Matches(p *Prepared, from float64, load func(domain.Alias) (Prepared, bool, error)) (found []Found, skipped int, err error) {
	ids, skipped := x.Candidates(p)
	for _, id := range ids {
		other, known, err := load(id)
		if err != nil {
			return nil, skipped, err
		}
		if !known {
			continue
		}
		if Posterior(x.matcher.Weight(p, &other, x.frequencies)) >= from {
			found = append(found, Found{id, x.Compare(p, &other)})
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int {
		switch {
		case a.Match.WeightBits > b.Match.WeightBits:
			return -1
		case a.Match.WeightBits < b.Match.WeightBits:
			return 1
		}
		return 0
	})
	return found, skipped, nil
}
