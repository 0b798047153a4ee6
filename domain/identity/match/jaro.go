package match

import "slices"

// maxCompared is how many runes of a value string similarities look at; longer values are compared by their beginning.
const maxCompared = 64

// winklerScale and winklerPrefix are Winkler's bonus for a common beginning: a tenth of the distance to 1 for each of
// at most four runes.
const (
	winklerScale  = 0.1
	winklerPrefix = 4
)

// JaroWinkler is the similarity of two values on runes, from 0 to 1; half the transpositions is floored, as Winkler's
// own code does. An empty value is missing, not similar: the answer is 0. Only the first 64 runes count.
func JaroWinkler(a, b []rune) float64 {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	if len(a) > len(b) || len(a) == len(b) && slices.Compare(a, b) > 0 {
		a, b = b, a // matching is greedy: one order makes it symmetric
	}
	jaro := jaro(a, b)
	if jaro == 0 {
		return 0
	}
	prefix := 0
	for prefix < min(len(a), len(b), winklerPrefix) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(float64(prefix)*winklerScale*(1-jaro))
}

func jaro(a, b []rune) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	window := max(0, max(len(a), len(b))/2-1)
	var takenA, takenB uint64
	matches := 0
	for i, r := range a {
		for j := max(0, i-window); j < min(len(b), i+window+1); j++ {
			if takenB&(1<<j) == 0 && b[j] == r {
				takenA |= 1 << i
				takenB |= 1 << j
				matches++
				break
			}
		}
	}
	if matches == 0 {
		return 0
	}
	m := float64(matches)
	t := float64(outOfOrder(a, b, takenA, takenB) / 2)
	return (m/float64(len(a)) + m/float64(len(b)) + (m-t)/m) / 3
}

// outOfOrder counts the matched runes that stand at another place among the matched ones.
func outOfOrder(a, b []rune, takenA, takenB uint64) int {
	j, n := 0, 0
	for i := range a {
		if takenA&(1<<i) == 0 {
			continue
		}
		for takenB&(1<<j) == 0 {
			j++
		}
		if a[i] != b[j] {
			n++
		}
		j++
	}
	return n
}
