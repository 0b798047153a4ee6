package train

// cells are a feature's histogram: for each bin the sum of the packed gradients of the rows in it. Bins are at most 256;
// the rest is a cache line of padding, without which the same bin of all features would want the same place in the cache.
type cells [256 + 8]int64

// A packed gradient has the gradient in its upper 32 bits, signed, and the hessian, which is never negative, in its
// lower 32, both as whole numbers of a unit that is chosen for each tree so that the sums over all rows fit. One addition
// adds both; sums are exact, whatever the order, and so is subtracting a child from its parent.
func pack(gradient, hessian int64) int64 { return gradient<<32 + hessian }

func gradientOf(packed int64) float64 { return float64(packed >> 32) }
func hessianOf(packed int64) float64  { return float64(packed & (1<<32 - 1)) }

// Units: sums over all rows are at most 2^30 of them, which leaves room for rounding.
const packedSum = 1 << 30

// histogram is one cells for each feature.
type histogram []cells

// build counts rows.
func (h histogram) build(b *binned, rows []int32, packed []int64) {
	h.clear(b)
	n := b.features
	for _, r := range rows {
		row := b.of[int(r)*n : int(r)*n+n]
		h := h[:len(row)]
		p := packed[r]
		for f, bin := range row {
			h[f][bin] += p
		}
	}
}

func (h histogram) clear(b *binned) {
	for f := range h {
		clear(h[f][:b.bins(f)])
	}
}

// subtract takes a child away: what is left is the other one.
func (h histogram) subtract(b *binned, child histogram) {
	for f := range h {
		mine, its := h[f][:b.bins(f)], child[f][:b.bins(f)]
		for i, v := range its {
			mine[i] -= v
		}
	}
}
