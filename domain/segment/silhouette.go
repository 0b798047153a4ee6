package segment

import (
	"fmt"
	"math"
)

// SilhouetteRows is how many rows the silhouette is computed on.
const SilhouetteRows = 2_000

// Silhouette says how well rows lie in their groups: the mean, over a sample, of (b-a)/max(a,b), where a is the mean
// distance of a row to the others of its group and b to those of the nearest other group. 1 is perfect, 0 no groups at
// all, below 0 wrong ones. A row alone in its group counts 0. It is 0 where there is one group only.
func Silhouette(r Rows, c Clustering, seed uint64) float64 {
	k := len(c.Centres)
	if k < 2 {
		return 0
	}
	rows := (&draws{seed}).sample(min(SilhouetteRows, r.Len()), r.Len())
	sizes := make([]int, k)
	for _, i := range rows {
		sizes[c.Assignment[i]]++
	}
	sum := 0.0
	means := make([]float64, k)
	for _, i := range rows {
		for g := range means {
			means[g] = 0
		}
		for _, j := range rows {
			means[c.Assignment[j]] += math.Sqrt(distance(r.Row(i), r.Row(j)))
		}
		sum += lies(means, sizes, c.Assignment[i])
	}
	return sum / float64(len(rows))
}

// lies is the silhouette of one row of a group, by its summed distances to the rows of each.
func lies(sums []float64, sizes []int, own int) float64 {
	if sizes[own] < 2 {
		return 0
	}
	a, b := sums[own]/float64(sizes[own]-1), math.Inf(1)
	for g, n := range sizes {
		if g != own && n > 0 {
			b = min(b, sums[g]/float64(n))
		}
	}
	if most := max(a, b); most > 0 && !math.IsInf(b, 0) {
		return (b - a) / most
	}
	return 0
}

// Tried is one number of groups that was tried.
type Tried struct {
	K          int     `json:"k"`
	Silhouette float64 `json:"silhouette"`
	Inertia    float64 `json:"inertia"`
}

// Choose groups rows by each number of groups from least to most and keeps the one with the highest silhouette, the
// fewest groups of equals. It fails with ErrRows or ErrOptions.
func Choose(r Rows, least, most int, o Options) (Clustering, []Tried, error) {
	if least < 2 || most < least {
		return Clustering{}, nil, fmt.Errorf("%w: groups from %d to %d; 2 is the least that can be compared", ErrOptions, least, most)
	}
	var best Clustering
	var tried []Tried
	top := math.Inf(-1)
	for k := least; k <= min(most, max(least, r.Len()-1)); k++ {
		c, err := KMeans(r, k, o)
		if err != nil {
			return Clustering{}, nil, err
		}
		s := Silhouette(r, c, o.Seed)
		tried = append(tried, Tried{K: k, Silhouette: s, Inertia: c.Inertia})
		if s > top {
			best, top = c, s
		}
	}
	return best, tried, nil
}
