package match

import "math"

// Thresholds of the G statistic, which is twice the information that two comparisons share in all random pairs
// together, in nats: it is about one for each degree of freedom where there is no dependence.
const (
	dependentG       = 40.0
	dependentFreedom = 2.0
)

// dependences finds for each comparison the earlier one that tells most about it between two people: suburb and
// postcode, or a family name and the address that it is part of. Evidence that comes twice must count once.
func (e *estimate) dependences(posteriors []float64) []int {
	given := make([]int, len(e.m))
	for i := range given {
		given[i] = -1
		best := 0.0
		for j := range i {
			shared, n := e.information(i, j, posteriors)
			freedom := float64((len(e.m[i]) - 1) * (len(e.m[j]) - 1))
			if 2*math.Ln2*n*shared > dependentG+dependentFreedom*freedom && shared > best {
				given[i], best = j, shared
			}
		}
	}
	return given
}

// information is the mutual information of two comparisons' levels, and the pairs seen where neither is missing.
func (e *estimate) information(i, j int, posteriors []float64) (shared, n float64) {
	var joint [MaxLevels][MaxLevels]float64
	var a, b [MaxLevels]float64
	for k, c := range e.random {
		x, y := c.pattern.level(i), c.pattern.level(j)
		if x >= len(e.m[i]) || y >= len(e.m[j]) {
			continue
		}
		w := float64(c.n * (1 - posteriors[k]))
		joint[x][y] += w
		a[x] += w
		b[y] += w
		n += w
	}
	for x := range a {
		for y := range b {
			if joint[x][y] > 0 {
				shared += float64(joint[x][y] / n * math.Log2(joint[x][y]*n/(a[x]*b[y])))
			}
		}
	}
	return shared, n
}
