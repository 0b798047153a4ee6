package train

import "math"

// radix sorts float32 values by their bits, in three passes, with memory that is used again.
type radix struct {
	keys, other []uint32
	values      []float32
}

const radixBits = 11

// sorted is the values of the rows that are not missing, ascending. The result is good until the next call.
func (r *radix) sorted(column []float64, rows []int32) []float32 {
	r.keys = r.keys[:0]
	for _, row := range rows {
		v := float32(column[row])
		if v != v {
			continue
		}
		bits := math.Float32bits(v + 0) // -0 becomes 0
		// Negative numbers: all bits turned round; others: the sign set. Then bits order as the numbers do.
		r.keys = append(r.keys, bits^(uint32(int32(bits)>>31)|1<<31))
	}
	if cap(r.other) < len(r.keys) {
		r.other = make([]uint32, len(rows))
	}
	if cap(r.values) < len(r.keys) {
		r.values = make([]float32, len(rows))
	}
	from, to := r.keys, r.other[:len(r.keys)]
	for shift := 0; shift < 32; shift += radixBits {
		pass(from, to, shift)
		from, to = to, from
	}
	out := r.values[:len(from)]
	for i, k := range from {
		out[i] = math.Float32frombits(k ^ (uint32(int32(^k)>>31) | 1<<31))
	}
	r.keys, r.other = from, to
	return out
}

func pass(from, to []uint32, shift int) {
	var starts [1 << radixBits]uint32
	const mask = 1<<radixBits - 1
	for _, k := range from {
		starts[k>>shift&mask]++
	}
	sum := uint32(0)
	for i, n := range starts {
		starts[i] = sum
		sum += n
	}
	for _, k := range from {
		d := k >> shift & mask
		to[starts[d]] = k
		starts[d]++
	}
}
