package match

import "math"

// frequencyMost bounds what the frequency of one value can add or take, in bits.
const frequencyMost = 6

// Frequencies counts how often each value occurs among the records known, by the hash of the value.
type Frequencies struct {
	records int
	counts  []map[uint64]uint32
}

// NewFrequencies counts the values that the matcher's model weighs by frequency.
func (m *Matcher) NewFrequencies() *Frequencies {
	f := &Frequencies{counts: make([]map[uint64]uint32, len(m.counted))}
	for i, counted := range m.counted {
		if counted {
			f.counts[i] = map[uint64]uint32{}
		}
	}
	return f
}

// Add counts a record's values.
func (f *Frequencies) Add(p Prepared) {
	f.records++
	for i, counts := range f.counts {
		if h := p.forms[i].hash; counts != nil && h != 0 {
			counts[h]++
		}
	}
}

// take forgets values by their hashes.
func (f *Frequencies) take(hashes []uint64) {
	f.records--
	for i, counts := range f.counts {
		if counts == nil || hashes[i] == 0 {
			continue
		}
		if counts[hashes[i]]--; counts[hashes[i]] == 0 {
			delete(counts, hashes[i])
		}
	}
}

// rarity turns a count into bits for one level.
type rarity struct {
	u float64
	// share is how many of the agreeing pairs are one person's; siblings how many other records of the same person a
	// record agrees with. Without them a person with many records would make her own values look common.
	share, siblings float64
}

func newRarity(m Model, l Level) rarity {
	if !m.Fitted() {
		return rarity{}
	}
	same, other := float64(m.Prior*l.M), float64((1-m.Prior)*l.U)
	return rarity{u: l.U, share: same / (same + other), siblings: float64(m.Prior*float64(max(m.Records-1, 0))) * l.M}
}

// bits is log2(u/f): what agreement on this value says beyond agreement on some value. f is the value's chance in
// a record of somebody else: of the count, those that are expected to be the same person's are taken off, and a value
// not seen with others counts as one person's.
func (r rarity) bits(count uint32, records int) float64 {
	n := float64(max(records, 1))
	others := float64(max(float64(count)-1-r.siblings, 0) * (1 - r.share))
	f := (others + min(1, float64(r.u*n))) / n
	return max(-frequencyMost, min(frequencyMost, math.Log2(r.u/f)))
}

// count is how often the value occurs; a value read crosswise counts as where it is commoner.
func (f *Frequencies) count(field, partner int, h uint64) uint32 {
	n := f.counts[field][h]
	if partner >= 0 && f.counts[partner] != nil {
		n = max(n, f.counts[partner][h])
	}
	return n
}
