package match

import (
	"cmp"
	"iter"
	"slices"
)

// Limits of blocking: how many pairs one block may give for each record, and how many it may give anyway.
const (
	pairsPerRecord = 8
	pairsAnyway    = 30_000
)

// Pair is two records by their place, the smaller first.
type Pair struct{ A, B int }

// Blocking finds the pairs of records that share a key. What it holds is eight bytes for each key of each record.
type Blocking struct {
	records int
	split   int
	// keys has, for each block, where each record's keys start, and the keys. A key whose group is too large is 0.
	blocks []blockKeys
	report []BlockReport
}

type blockKeys struct {
	start []int32
	keys  []uint64
	// groups are the records that share a key, key after key; a record stands once for each of its keys.
	members []member
}

type member struct {
	key    uint64
	record int32
}

// BlockReport is what one block gives, and what it leaves out because groups were too large.
type BlockReport struct {
	Block []string `json:"block"`
	// Pairs are those in its groups, also when another block has them too.
	Pairs uint64 `json:"pairs"`
	// LargestGroup is how many records the largest group kept has.
	LargestGroup int `json:"largest_group"`
	// SkippedGroups were larger; their SkippedPairs are compared only if another block finds them.
	SkippedGroups int    `json:"skipped_groups"`
	SkippedPairs  uint64 `json:"skipped_pairs"`
}

// NewBlocking groups the records. Records from split on are the second file and are compared with those before it
// only; split 0 compares all with one another. The largest groups of a block are left out, and reported, when it would
// give more than 8 pairs a record.
func NewBlocking(m *Matcher, records []Prepared, split int) *Blocking {
	b := &Blocking{records: len(records), split: split}
	most := max(uint64(len(records))*pairsPerRecord, pairsAnyway)
	for i := range m.blocks {
		k := blockKeys{start: make([]int32, 0, len(records)+1)}
		for r := range records {
			k.start = append(k.start, int32(len(k.keys)))
			k.keys = m.blocks[i].keys(k.keys, uint64(i), &records[r])
		}
		k.start = append(k.start, int32(len(k.keys)))
		report := k.group(split, most)
		report.Block = m.model.Blocks[i]
		b.blocks = append(b.blocks, k)
		b.report = append(b.report, report)
	}
	return b
}

// Report has one entry for each block of the model.
func (b *Blocking) Report() []BlockReport { return b.report }

// Total is how many pairs there are in all, compared or not.
func (b *Blocking) Total() float64 {
	if b.split > 0 {
		return float64(b.split) * float64(b.records-b.split)
	}
	return float64(b.records) * float64(b.records-1) / 2
}

// group sorts the records by key and drops the largest groups until at most `most` pairs remain.
func (k *blockKeys) group(split int, most uint64) BlockReport {
	for r := range len(k.start) - 1 {
		for _, key := range k.of(r) {
			k.members = append(k.members, member{key, int32(r)})
		}
	}
	slices.SortFunc(k.members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.record, b.record))
	})
	bySize := map[int]uint64{} // pairs in the groups of a size
	for g := range k.groups() {
		bySize[len(g)] += pairsIn(g, split)
	}
	var report BlockReport
	keep := 0
	for _, size := range sortedKeys(bySize) {
		if report.Pairs+bySize[size] > most {
			break
		}
		report.Pairs += bySize[size]
		keep = size
	}
	k.drop(split, keep, &report)
	return report
}

// drop takes out the groups larger than keep.
func (k *blockKeys) drop(split, keep int, report *BlockReport) {
	dropped := map[uint64]bool{}
	kept := k.members[:0]
	for g := range k.groups() {
		n := pairsIn(g, split)
		switch {
		case n == 0:
		case len(g) > keep:
			dropped[g[0].key] = true
			report.SkippedGroups++
			report.SkippedPairs += n
		default:
			report.LargestGroup = max(report.LargestGroup, len(g))
			kept = append(kept, g...)
		}
	}
	k.members = slices.Clip(kept)
	for i, key := range k.keys {
		if dropped[key] {
			k.keys[i] = 0
		}
	}
}

// of are the keys of a record.
func (k *blockKeys) of(r int) []uint64 { return k.keys[k.start[r]:k.start[r+1]] }

func (k *blockKeys) groups() iter.Seq[[]member] {
	return func(yield func([]member) bool) {
		for from := 0; from < len(k.members); {
			to := from + 1
			for to < len(k.members) && k.members[to].key == k.members[from].key {
				to++
			}
			if !yield(k.members[from:to]) {
				return
			}
			from = to
		}
	}
}

// shared is the smallest key that both have; 0 for none.
func shared(a, b []uint64) uint64 {
	best := uint64(0)
	for _, x := range a {
		if x != 0 && (best == 0 || x < best) && slices.Contains(b, x) {
			best = x
		}
	}
	return best
}

func pairsIn(g []member, split int) uint64 {
	n := uint64(len(g))
	if split == 0 {
		return n * (n - 1) / 2
	}
	left := uint64(0)
	for _, m := range g {
		if int(m.record) < split {
			left++
		}
	}
	return left * (n - left)
}

// Pairs gives each pair once, with a bit for every block that finds it.
func (b *Blocking) Pairs() iter.Seq2[Pair, uint32] { return b.Share(0, 1) }

// Share is the part of Pairs that falls to one of several workers.
func (b *Blocking) Share(worker, workers int) iter.Seq2[Pair, uint32] {
	return func(yield func(Pair, uint32) bool) {
		n := 0
		for i := range b.blocks {
			for g := range b.blocks[i].groups() {
				if n++; n%workers == worker && !b.group(i, g, yield) {
					return
				}
			}
		}
	}
}

func (b *Blocking) group(i int, g []member, yield func(Pair, uint32) bool) bool {
	for x, m := range g {
		for _, n := range g[x+1:] {
			p := Pair{int(m.record), int(n.record)}
			if b.split > 0 && (p.A >= b.split || p.B < b.split) {
				continue
			}
			mask, first := b.mask(p, i, m.key)
			if first && !yield(p, mask) {
				return false
			}
		}
	}
	return true
}

// mask has a bit for each block in which the two share a key; first says whether block i and this key are where the
// pair is met first.
func (b *Blocking) mask(p Pair, i int, key uint64) (mask uint32, first bool) {
	for j := range b.blocks {
		k := &b.blocks[j]
		s := shared(k.of(p.A), k.of(p.B))
		if s == 0 {
			continue
		}
		if j < i || j == i && s != key {
			return 0, false
		}
		mask |= 1 << j
	}
	return mask, true
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
