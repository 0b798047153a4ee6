package segment

import (
	"cmp"
	"math"
	"slices"
)

// Options of k-means. Zero values are the defaults.
type Options struct {
	Seed uint64
	// Restarts is how many times it starts anew; the best is kept. 5 by default.
	Restarts int
	// Rounds bounds the rounds of one start; 100 by default.
	Rounds int
	// Whole is how many rows are clustered as a whole; of more, a sample of so many is, and all refine it in batches.
	// 20,000 by default.
	Whole int
}

const batch = 4096

func (o Options) filled() Options {
	if o.Restarts < 1 {
		o.Restarts = 5
	}
	if o.Rounds < 1 {
		o.Rounds = 100
	}
	if o.Whole < 1 {
		o.Whole = 20_000
	}
	return o
}

// Clustering are groups of rows.
type Clustering struct {
	// Centres are in the order of their sizes, the largest first.
	Centres [][]float64
	Sizes   []int
	// Assignment has the group of each row.
	Assignment []int
	// Inertia is the sum of squared distances of rows to their centres.
	Inertia float64
	// Rounds is how many rounds the best start took.
	Rounds int
}

// KMeans groups rows around k centres, which should have been scaled. It starts from centres that are far from one
// another (k-means++), several times. It fails with ErrRows or ErrOptions.
func KMeans(r Rows, k int, o Options) (Clustering, error) {
	if err := r.check(k); err != nil {
		return Clustering{}, err
	}
	o = o.filled()
	d := &draws{o.Seed}
	sample := r
	if r.Len() > o.Whole {
		sample = r.pick(d.sample(o.Whole, r.Len()))
	}
	best := Clustering{Inertia: math.Inf(1)}
	for range o.Restarts {
		c := lloyd(sample, seeds(sample, k, d), o.Rounds)
		if c.Inertia < best.Inertia {
			best = c
		}
	}
	if r.Len() > o.Whole {
		refine(r, best.Centres, best.Sizes, d)
		rounds := best.Rounds
		best = lloyd(r, best.Centres, 2)
		best.Rounds += rounds
	}
	return best.ordered(), nil
}

func (r Rows) pick(rows []int) Rows {
	out := Rows{Columns: r.Columns, Values: make([]float64, 0, len(rows)*r.Columns)}
	for _, i := range rows {
		out.Values = append(out.Values, r.Row(i)...)
	}
	return out
}

// seeds draws k rows, each with a chance in proportion to its squared distance from those drawn so far.
func seeds(r Rows, k int, d *draws) [][]float64 {
	centres := [][]float64{slices.Clone(r.Row(d.below(r.Len())))}
	far := make([]float64, r.Len())
	for i := range far {
		far[i] = distance(r.Row(i), centres[0])
	}
	for len(centres) < k {
		sum := 0.0
		for _, f := range far {
			sum += f
		}
		at, left := r.Len()-1, d.share()*sum
		for i, f := range far {
			if left -= f; left < 0 {
				at = i
				break
			}
		}
		c := slices.Clone(r.Row(at))
		centres = append(centres, c)
		for i := range far {
			far[i] = min(far[i], distance(r.Row(i), c))
		}
	}
	return centres
}

// distance is squared.
func distance(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		d := v - b[i]
		sum += float64(d * d)
	}
	return sum
}

// Nearest is the centre nearest to a scaled row, the first of equals, and the squared distance.
func Nearest(row []float64, centres [][]float64) (at int, squared float64) {
	squared = math.Inf(1)
	for i, c := range centres {
		if d := distance(row, c); d < squared {
			at, squared = i, d
		}
	}
	return at, squared
}

// lloyd moves centres to the mean of their rows until no row changes its group.
func lloyd(r Rows, centres [][]float64, rounds int) Clustering {
	c := Clustering{Centres: centres, Assignment: make([]int, r.Len())}
	c.assign(r)
	for c.Rounds = 1; c.Rounds < rounds; c.Rounds++ {
		c.move(r)
		if c.assign(r) == 0 {
			break
		}
	}
	return c
}

// assign gives each row its nearest centre and counts those that changed.
func (c *Clustering) assign(r Rows) int {
	changed := 0
	c.Sizes, c.Inertia = make([]int, len(c.Centres)), 0
	for i := range c.Assignment {
		at, d := Nearest(r.Row(i), c.Centres)
		if c.Assignment[i] != at {
			c.Assignment[i] = at
			changed++
		}
		c.Sizes[at]++
		c.Inertia += d
	}
	return changed
}

// move puts centres into the middle of their rows; one without rows goes to the row farthest from its own centre.
func (c *Clustering) move(r Rows) {
	sums := make([][]float64, len(c.Centres))
	for i := range sums {
		sums[i] = make([]float64, r.Columns)
	}
	farthest, most := 0, -1.0
	for i, at := range c.Assignment {
		row := r.Row(i)
		for j, v := range row {
			sums[at][j] += v
		}
		if d := distance(row, c.Centres[at]); d > most {
			farthest, most = i, d
		}
	}
	for i := range sums {
		if c.Sizes[i] == 0 {
			sums[i] = slices.Clone(r.Row(farthest))
			continue
		}
		for j := range sums[i] {
			sums[i][j] /= float64(c.Sizes[i])
		}
	}
	c.Centres = sums
}

// refine passes once over all rows in batches, each centre moving towards its rows by the share they are of all it saw.
func refine(r Rows, centres [][]float64, sizes []int, d *draws) {
	seen := make([]float64, len(centres))
	for i, n := range sizes {
		seen[i] = float64(n)
	}
	at := make([]int, batch)
	for range (r.Len() + batch - 1) / batch {
		rows := make([][]float64, batch)
		for i := range rows {
			rows[i] = r.Row(d.below(r.Len()))
			at[i], _ = Nearest(rows[i], centres)
		}
		for i, row := range rows {
			c := at[i]
			seen[c]++
			for j, v := range row {
				centres[c][j] += (v - centres[c][j]) / seen[c]
			}
		}
	}
}

// ordered puts the largest group first; of equal groups the one whose centre comes first.
func (c Clustering) ordered() Clustering {
	order := make([]int, len(c.Centres))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.Sizes[b], c.Sizes[a]), slices.Compare(c.Centres[a], c.Centres[b]), cmp.Compare(a, b))
	})
	return c.inOrder(order)
}

// inOrder numbers the groups anew: order has the old number of each.
func (c Clustering) inOrder(order []int) Clustering {
	out := c
	out.Centres, out.Sizes = make([][]float64, len(order)), make([]int, len(order))
	out.Assignment = make([]int, len(c.Assignment))
	place := make([]int, len(order))
	for i, old := range order {
		out.Centres[i], out.Sizes[i], place[old] = c.Centres[old], c.Sizes[old], i
	}
	for i, old := range c.Assignment {
		out.Assignment[i] = place[old]
	}
	return out
}
