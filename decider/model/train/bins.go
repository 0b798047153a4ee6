package train

import "math"

// binned is the rows with every value replaced by the number of its bin: row by row, so that the bins of one row are
// together, where building a histogram wants them.
type binned struct {
	features int
	// of has features bytes a row. Bin 0 is missing; bin 1 is below cut 0, bin i holds what is at least cut i-2.
	of []uint8
	// cuts of each feature, ascending.
	cuts [][]float32
}

// newBinned takes the cuts from the rows that are learnt from and bins all rows.
func newBinned(s *Set, train []int32, most int) *binned {
	b := &binned{features: len(s.Columns), of: make([]uint8, len(s.Label)*len(s.Columns)), cuts: make([][]float32, len(s.Columns))}
	var sorter radix
	for f, column := range s.Columns {
		b.cuts[f] = cutsOf(sorter.sorted(column, train), most)
		b.fill(f, column)
	}
	return b
}

// fill writes a feature's bins.
func (b *binned) fill(f int, column []float64) {
	var table [maxCuts + 1]float32 // cuts, then infinities up to a power of two less one
	cuts := b.cuts[f]
	steps := 0
	for 1<<steps <= len(cuts) {
		steps++
	}
	for i := range table {
		table[i] = float32(math.Inf(1))
	}
	copy(table[:], cuts)
	at := f
	for _, v := range column {
		b.of[at] = binOf(&table, steps, float32(v))
		at += b.features
	}
}

// binOf counts the cuts that are at most v, without a branch that depends on v, and adds 1.
func binOf(table *[maxCuts + 1]float32, steps int, v float32) uint8 {
	if v != v {
		return 0
	}
	n := 0
	for half := 1 << steps >> 1; half > 0; half >>= 1 {
		next := n + half
		if table[uint8(next-1)] <= v {
			n = next
		}
	}
	return uint8(n + 1)
}

// bins of a feature, the missing one included.
func (b *binned) bins(f int) int { return len(b.cuts[f]) + 2 }

// threshold is what trees compare with (x <= threshold goes left in float32) so that bins up to bin go left.
func (b *binned) threshold(f, bin int) float64 {
	if bin > len(b.cuts[f]) {
		return math.MaxFloat32 // all that is not missing
	}
	return float64(math.Nextafter32(b.cuts[f][bin-1], float32(math.Inf(-1))))
}

// cutsOf are at most most cuts: between any two neighbours when there are few distinct values, otherwise where the
// values are cut into parts of equal size.
func cutsOf(sorted []float32, most int) []float32 {
	var distinct []float32
	for _, v := range sorted {
		if n := len(distinct); n == 0 || distinct[n-1] != v {
			if distinct = append(distinct, v); len(distinct) > most+1 {
				return quantiles(sorted, most)
			}
		}
	}
	if len(distinct) < 2 {
		return nil
	}
	cuts := make([]float32, 0, len(distinct)-1)
	for i := 1; i < len(distinct); i++ {
		cuts = append(cuts, between(distinct[i-1], distinct[i]))
	}
	return cuts
}

// between is a cut above low, and not above high: x < cut tells them apart.
func between(low, high float32) float32 {
	middle := float32((float64(low) + float64(high)) / 2)
	if middle <= low {
		return high
	}
	return middle
}

// quantiles fills one part after the other until it has its share of what is left; rows of one value stay together, and a
// value that is a share by itself has a part of its own.
func quantiles(sorted []float32, most int) []float32 {
	cuts := make([]float32, 0, most)
	part, left := 0, len(sorted) // rows in the part at hand, and in it and all after it
	for at := 0; at < len(sorted) && len(cuts) < most; {
		same := next(sorted, at) - at
		size := left / (most + 1 - len(cuts))
		if part > 0 && (part+same/2 >= size || same >= size) {
			cuts = append(cuts, between(sorted[at-1], sorted[at]))
			left -= part
			part = 0
		}
		part += same
		at += same
	}
	return cuts
}

// next is the place of the first value above that at a place: near, most of the time.
func next(sorted []float32, at int) int {
	v, step := sorted[at], 1
	for at+step < len(sorted) && sorted[at+step] == v {
		step *= 2
	}
	low, high := at+step/2, min(at+step, len(sorted))
	for low < high {
		if middle := (low + high) / 2; sorted[middle] > v {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
