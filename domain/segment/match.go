package segment

import "math"

// Match says which old centre each new one continues, -1 where none is left: the pairing with the least sum of squared
// distances. Group numbers mean nothing from one fit to the next; a name that people know must follow the centre.
func Match(old, renewed [][]float64) []int {
	n := max(len(old), len(renewed))
	cost := make([][]float64, n)
	for i := range cost {
		cost[i] = make([]float64, n)
		for j := range cost[i] {
			if i < len(renewed) && j < len(old) {
				cost[i][j] = distance(renewed[i], old[j])
			}
		}
	}
	out := pairs(cost)[:len(renewed)]
	for i, j := range out {
		if j >= len(old) {
			out[i] = -1
		}
	}
	return out
}

// pairs assigns each row of a square matrix of costs a column of its own, at the least sum: the shortest augmenting paths of
// Kuhn and Munkres.
func pairs(cost [][]float64) []int {
	n := len(cost)
	u, v := make([]float64, n+1), make([]float64, n+1)
	rowOf, way := make([]int, n+1), make([]int, n+1)
	for i := 1; i <= n; i++ {
		rowOf[0] = i
		augment(cost, u, v, rowOf, way)
	}
	out := make([]int, n)
	for j := 1; j <= n; j++ {
		out[rowOf[j]-1] = j - 1
	}
	return out
}

// augment finds room for one more row; column 0 stands for the row that has none yet.
func augment(cost [][]float64, u, v []float64, rowOf, way []int) {
	n := len(cost)
	slack, used := make([]float64, n+1), make([]bool, n+1)
	for j := range slack {
		slack[j] = math.Inf(1)
	}
	at := 0
	for rowOf[at] != 0 {
		used[at] = true
		row, next, least := rowOf[at], 0, math.Inf(1)
		for j := 1; j <= n; j++ {
			if used[j] {
				continue
			}
			if c := cost[row-1][j-1] - u[row] - v[j]; c < slack[j] {
				slack[j], way[j] = c, at
			}
			if slack[j] < least {
				least, next = slack[j], j
			}
		}
		for j := 0; j <= n; j++ {
			if used[j] {
				u[rowOf[j]] += least
				v[j] -= least
			} else {
				slack[j] -= least
			}
		}
		at = next
	}
	for at != 0 {
		rowOf[at] = rowOf[way[at]]
		at = way[at]
	}
}
