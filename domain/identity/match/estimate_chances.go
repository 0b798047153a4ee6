package match

import "math"

// learnChances counts the levels among the expected pairs of a class and returns the largest change.
func (e *estimate) learnChances(m, start [][]float64, posteriors []float64, capped bool) float64 {
	moved := 0.0
	for i := range m {
		if m[i] == nil {
			continue
		}
		counts, sum := e.count(i, posteriors, ^e.own[i])
		if sum < leastEvidence {
			counts, sum = e.count(i, posteriors, ^uint32(0))
		}
		if capped {
			e.cap(i, counts, sum)
			e.raise(i, counts, sum)
		}
		for l := range counts {
			x := max((counts[l]+float64(startingWeight*start[i][l]))/(sum+startingWeight), leastChance)
			moved = max(moved, math.Abs(x-m[i][l]))
			m[i][l] = x
		}
	}
	return moved
}

// learnGiven counts the levels of what a home shares in rows by the level of the comparison it depends on: who has
// moved differs in street, postcode and town at once, and that must count once as well. Before there is anything to count,
// who differs in one is expected to differ in the other as a stranger does, half of the time.
func (e *estimate) learnGiven(posteriors []float64) {
	for i, given := range e.given {
		if given < 0 || !e.household[i] || !e.household[given] {
			continue
		}
		rows := make([][]float64, len(e.m[given])+1)
		for r := range rows {
			rows[r] = make([]float64, len(e.m[i]))
		}
		for k, c := range e.candidates {
			if l := c.pattern.level(i); l < len(e.m[i]) {
				rows[c.pattern.level(given)][l] += float64(posteriors[k] * c.n)
			}
		}
		for r, row := range rows {
			sum := 0.0
			for _, n := range row {
				sum += n
			}
			for l, n := range row {
				before := e.m[i][l]
				if r == len(rows)-2 {
					before = (before + e.u[i][r][l]) / 2
				}
				row[l] = max((n+float64(givenWeight*before))/(sum+givenWeight), leastChance)
			}
		}
		e.mGiven[i] = rows
	}
}

// mostElse is how many records of one person at most differ in a field of the kind. Without this bound learning may
// find another class of pairs than those of one person, as said at learn.
func mostElse(k Kind) float64 {
	switch k {
	case GivenName:
		return 0.12
	case FullName:
		return 0.15
	case Date:
		return 0.2
	case NationalID:
		return 0.35
	case Surname:
		return 0.45
	}
	return 0.65
}

// cap keeps the count of the last level within mostElse.
func (e *estimate) cap(i int, counts []float64, sum float64) {
	last := len(counts) - 1
	most := float64(mostElse(e.matcher.model.Fields[e.matcher.comparisons[i].field].Kind) * sum)
	rest := sum - counts[last]
	if counts[last] <= most || e.matcher.comparisons[i].with >= 0 {
		return
	}
	for l := range counts[:last] {
		counts[l] *= (sum - most) / max(rest, 1e-9)
	}
	counts[last] = most
}

// leastElse is how many records of one person at least differ in what a home or a place shares: people move, and those who
// have moved may be taken for strangers.
const leastElse = 0.02

// raise keeps the count of the last level above leastElse.
func (e *estimate) raise(i int, counts []float64, sum float64) {
	last := len(counts) - 1
	least := float64(leastElse * sum)
	if !e.household[i] || counts[last] >= least {
		return
	}
	for l := range counts[:last] {
		counts[l] *= (sum - least) / (sum - counts[last])
	}
	counts[last] = least
}

// count sums the expected matches by level over the pairs found by one of the blocks.
func (e *estimate) count(i int, posteriors []float64, blocks uint32) ([]float64, float64) {
	counts, sum := make([]float64, len(e.m[i])), 0.0
	for k, c := range e.candidates {
		if l := c.pattern.level(i); c.blocks&blocks != 0 && l < len(counts) {
			n := float64(posteriors[k] * c.n)
			counts[l] += n
			sum += n
		}
	}
	return counts, sum
}

// learnU counts the levels among the random pairs, each as far as it is expected to be two people's.
func (e *estimate) learnU(posteriors []float64) {
	for i := range e.m {
		e.uAlone[i] = e.shares(i, -1, posteriors)[0]
		if e.given[i] < 0 {
			e.u[i] = [][]float64{e.uAlone[i]}
			continue
		}
		e.u[i] = e.shares(i, e.given[i], posteriors)
	}
}

// givenWeight is how many pairs a dependent chance must have been seen in to count as much as the independent one.
const givenWeight = 20.0

// rarerMost is by how much a level may be rarer among strangers who show some level of another comparison: of what was not
// seen among few pairs, less is not known.
const rarerMost = 4.0

// shares are the chances of comparison i's levels, in a row for each level of the one it depends on.
func (e *estimate) shares(i, given int, posteriors []float64) [][]float64 {
	rows, levels := 1, len(e.m[i])
	if given >= 0 {
		rows = len(e.m[given]) + 1
	}
	counts := make([][]float64, rows)
	for r := range counts {
		counts[r] = make([]float64, levels)
	}
	for k, c := range e.random {
		l, r := c.pattern.level(i), 0
		if l >= levels {
			continue
		}
		if given >= 0 {
			r = c.pattern.level(given)
		}
		n := c.n
		if posteriors != nil {
			n = float64(n * (1 - posteriors[k]))
		}
		counts[r][l] += n
	}
	for r := range counts {
		sum := 0.0
		for _, n := range counts[r] {
			sum += n
		}
		for l, n := range counts[r] {
			before, weight, least := 1/float64(levels), unseenPairs*float64(levels), leastChance
			if given >= 0 {
				before, weight = e.uAlone[i][l], givenWeight
				least = max(leastChance, before/rarerMost)
			}
			counts[r][l] = max((n+float64(weight*before))/(sum+weight), least)
		}
	}
	return counts
}
