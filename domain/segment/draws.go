package segment

import "math/bits"

// draws are random numbers of a seed: the same for ever (SplitMix64).
type draws struct{ state uint64 }

func (d *draws) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1.
func (d *draws) below(n int) int {
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// share is a number in [0, 1).
func (d *draws) share() float64 { return float64(d.next()>>11) / (1 << 53) }

// sample are n different numbers below total, ascending.
func (d *draws) sample(n, total int) []int {
	out := make([]int, 0, n)
	for i := 0; i < total && len(out) < n; i++ {
		if d.below(total-i) < n-len(out) {
			out = append(out, i)
		}
	}
	return out
}
