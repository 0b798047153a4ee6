package feature

import (
	"math"
	"math/bits"
)

// Logarithms and powers by multiplication only: package math computes them with instructions of the processor where it
// has some, and their last bit is not the same everywhere. A replay needs it to be.

// halves are 2^(-1/2), 2^(-1/4), 2^(-1/8), ..., each behind the 1 that leaves it out: choosing is faster than branching.
var halves = [32][2]float64{
	{1, 0x1.6a09e667f3bcdp-1},
	{1, 0x1.ae89f995ad3adp-1},
	{1, 0x1.d5818dcfba487p-1},
	{1, 0x1.ea4afa2a490dap-1},
	{1, 0x1.f50765b6e4540p-1},
	{1, 0x1.fa7c1819e90d8p-1},
	{1, 0x1.fd3c22b8f71f1p-1},
	{1, 0x1.fe9d96b2a23d9p-1},
	{1, 0x1.ff4eaca4391b6p-1},
	{1, 0x1.ffa74ea381efcp-1},
	{1, 0x1.ffd3a565efb65p-1},
	{1, 0x1.ffe9d237fe372p-1},
	{1, 0x1.fff4e8fd40081p-1},
	{1, 0x1.fffa7476f029dp-1},
	{1, 0x1.fffd3a398c1bbp-1},
	{1, 0x1.fffe9d1c4b0f3p-1},
	{1, 0x1.ffff4e8e06c7fp-1},
	{1, 0x1.ffffa746fbb40p-1},
	{1, 0x1.ffffd3a37bee0p-1},
	{1, 0x1.ffffe9d1bd7c0p-1},
	{1, 0x1.fffff4e8de9f4p-1},
	{1, 0x1.fffffa746f47fp-1},
	{1, 0x1.fffffd3a37a21p-1},
	{1, 0x1.fffffe9d1bd09p-1},
	{1, 0x1.ffffff4e8de82p-1},
	{1, 0x1.ffffffa746f41p-1},
	{1, 0x1.ffffffd3a37a0p-1},
	{1, 0x1.ffffffe9d1bd0p-1},
	{1, 0x1.fffffff4e8de8p-1},
	{1, 0x1.fffffffa746f4p-1},
	{1, 0x1.fffffffd3a37ap-1},
	{1, 0x1.fffffffe9d1bdp-1},
}

// halved are 2^(-age/halfLife) of four ages, to about 2^-30; four at a time because each takes 32 multiplications in a
// row. halfLife is positive and below 2^62. A negative age is one that overflowed: 0.
func halved(ages *[4]int64, halfLife int64) [4]float64 {
	var whole, fraction [4]uint64 // in half-lives, and in 2^-32 of one
	for i, age := range ages {
		whole[i] = math.MaxUint64
		if high := uint64(age) >> 32; age >= 0 && high < uint64(halfLife) {
			quotient, _ := bits.Div64(high, uint64(age)<<32, uint64(halfLife))
			whole[i], fraction[i] = quotient>>32, quotient
		}
	}
	a, b, c, d := 1.0, 1.0, 1.0, 1.0
	for i := range halves {
		half, bit := &halves[i], 31-i
		a *= half[fraction[0]>>bit&1]
		b *= half[fraction[1]>>bit&1]
		c *= half[fraction[2]>>bit&1]
		d *= half[fraction[3]>>bit&1]
	}
	of := [4]float64{a, b, c, d}
	for i := range of {
		if whole[i] < 1000 {
			of[i] *= math.Float64frombits((1023 - whole[i]) << 52) // a power of two: exact
		} else {
			of[i] = math.Ldexp(of[i], -int(min(whole[i], 2000)))
		}
	}
	return of
}

// log2 is the binary logarithm of a whole number above 0.
func log2(n uint64) float64 {
	whole := bits.Len64(n) - 1
	m := math.Ldexp(float64(n), -whole)
	if m == 1 {
		return float64(whole)
	}
	fraction, bit := 0.0, 1.0
	for range 52 {
		m *= m
		bit /= 2
		if m >= 2 {
			m /= 2
			fraction += bit
		}
	}
	return float64(whole) + fraction
}
