package match

// Clusters is how many people n records are when the pairs are links: the connected components, single records
// included.
func Clusters(n int, links []Pair) int {
	parent := make([]int, n)
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, p := range links {
		if a, b := find(p.A), find(p.B); a != b {
			parent[max(a, b)] = min(a, b)
			n--
		}
	}
	return n
}
