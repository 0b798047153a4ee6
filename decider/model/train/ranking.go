package train

import (
	"cmp"
	"math"
	"slices"
)

// ranking learns from pairs of rows of one query with different grades, each weighed by what swapping the two would do
// to the query's NDCG.
type ranking struct {
	*Set
}

// query is what is needed to rank one query's rows.
type query struct {
	rows  []int32
	ideal float64 // DCG of the best order
}

func newRanking(s *Set) *ranking { return &ranking{Set: s} }

// split takes rows apart into queries, in the order in which they come.
func (k *ranking) split(rows []int32) []query {
	var out []query
	for i, r := range rows {
		if i == 0 || k.Group[r] != k.Group[rows[i-1]] {
			out = append(out, query{})
		}
		q := &out[len(out)-1]
		q.rows = append(q.rows, r)
	}
	for i := range out {
		grades := make([]float64, 0, len(out[i].rows))
		for _, r := range out[i].rows {
			grades = append(grades, k.Label[r])
		}
		slices.SortFunc(grades, func(a, b float64) int { return cmp.Compare(b, a) })
		for place, g := range grades {
			out[i].ideal += gain(g) * discount(place)
		}
	}
	return out
}

func gain(grade float64) float64           { return math.Exp2(grade) - 1 }
func discount(place int) float64           { return 1 / math.Log2(float64(place)+2) }
func (k *ranking) start([]int32) []float64 { return []float64{0} }

// places is the rows of a query by falling margin; equal margins keep their order.
func (q *query) places(margins []float64) []int32 {
	placed := slices.Clone(q.rows)
	slices.SortStableFunc(placed, func(a, b int32) int { return cmp.Compare(margins[b], margins[a]) })
	return placed
}

func (k *ranking) gradients(rows []int32, margins []float64, into []gradients) {
	first, second := into[0].first, into[0].second
	for _, r := range rows {
		first[r], second[r] = 0, leastHessian
	}
	for _, q := range k.split(rows) {
		if q.ideal <= 0 {
			continue
		}
		placed := q.places(margins)
		for i, a := range placed {
			for j := i + 1; j < len(placed); j++ {
				k.pair(a, placed[j], discount(i)-discount(j), q.ideal, margins, first, second)
			}
		}
	}
}

// pair pushes two rows apart, whichever of them has the higher grade up.
func (k *ranking) pair(a, b int32, discounts, ideal float64, margins, first, second []float64) {
	if k.Label[a] == k.Label[b] {
		return
	}
	if k.Label[a] < k.Label[b] {
		a, b = b, a
	}
	swap := math.Abs((gain(k.Label[a])-gain(k.Label[b]))*discounts) / ideal * k.weight(a)
	p := sigmoid(margins[b] - margins[a]) // the chance that they stand the wrong way round
	first[a] -= float64(swap * p)
	first[b] += float64(swap * p)
	h := swap * max(p*(1-p), leastHessian)
	second[a] += h
	second[b] += h
}

// loss is 1 less the mean NDCG of the queries that have something to rank.
func (k *ranking) loss(rows []int32, margins []float64) float64 {
	sum, n := 0.0, 0.0
	for _, q := range k.split(rows) {
		if q.ideal <= 0 {
			continue
		}
		dcg := 0.0
		for place, r := range q.places(margins) {
			dcg += gain(k.Label[r]) * discount(place)
		}
		sum += dcg / q.ideal
		n++
	}
	if n == 0 {
		return 0
	}
	return 1 - sum/n
}
