package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// SMOTE adds rows between rows of the rarer label of a binary set, until it makes up a share of all (0.5 is half): each
// new row lies on the line from one of them to one of its nearest neighbours among them. A value that one of the two
// lacks is taken from the other. It is here because people ask for it: it rarely helps trees, and always spoils the base
// rate, so that probabilities must be calibrated on rows that it has not touched; only rows to learn from may be given to
// it. The result's first rows are those of the set. Distances take time: above maxNeighbours rows of the rarer label,
// neighbours are looked for among that many, drawn by the seed. It fails with ErrSet or ErrOptions.
func SMOTE(s *Set, share float64, neighbours int, seed uint64) (*Set, error) {
	if !(share > 0 && share <= .5) || neighbours < 1 {
		return nil, fmt.Errorf("%w: smote: a share of %v from %d neighbours, want at most 0.5 from 1 or more", ErrOptions, share, neighbours)
	}
	var of [2][]int
	for i, y := range s.Label {
		if y != 0 && y != 1 {
			return nil, fmt.Errorf("%w: smote: row %d: the label is %v, want 0 or 1", ErrSet, i, y)
		}
		of[int(y)] = append(of[int(y)], i)
	}
	rare := of[index(len(of[1]) < len(of[0]))]
	more := len(s.Label) - len(rare)
	wanted := int(share*float64(more)/(1-share)) - len(rare)
	if len(rare) < 2 {
		return nil, fmt.Errorf("%w: smote: %d rows of the rarer label, want 2 or more", ErrSet, len(rare))
	}
	out := &Set{Names: s.Names, Label: slices.Clone(s.Label), Weight: slices.Clone(s.Weight)}
	for _, c := range s.Columns {
		out.Columns = append(out.Columns, slices.Clone(c))
	}
	r := rand.New(rand.NewPCG(seed, 0x736d6f7465))
	near := newNeighbours(s, rare, r)
	for i := range wanted {
		a := rare[i%len(rare)]
		b := near.draw(a, neighbours, r)
		t := r.Float64()
		for f, c := range s.Columns {
			out.Columns[f] = append(out.Columns[f], along(c[a], c[b], t))
		}
		out.Label = append(out.Label, s.Label[a])
		if s.Weight != nil {
			out.Weight = append(out.Weight, s.Weight[a])
		}
	}
	return out, nil
}

func along(a, b, t float64) float64 {
	switch {
	case math.IsNaN(a):
		return b
	case math.IsNaN(b):
		return a
	}
	return a + float64(t*(b-a))
}

const maxNeighbours = 2000

// neighbours finds rows that are near, by columns of one spread each.
type neighbours struct {
	s     *Set
	among []int
	scale []float64
	known map[int][]int
}

func newNeighbours(s *Set, rare []int, r *rand.Rand) *neighbours {
	n := &neighbours{s: s, among: rare, known: map[int][]int{}}
	if len(rare) > maxNeighbours {
		n.among = slices.Clone(rare)
		r.Shuffle(len(rare), func(i, j int) { n.among[i], n.among[j] = n.among[j], n.among[i] })
		n.among = n.among[:maxNeighbours]
	}
	for _, c := range s.Columns {
		_, spread, _ := moments(c, rare)
		n.scale = append(n.scale, 1/spread)
	}
	return n
}

func (n *neighbours) draw(a, most int, r *rand.Rand) int {
	near, found := n.known[a]
	if !found {
		near = n.nearest(a, most)
		n.known[a] = near
	}
	return near[r.IntN(len(near))]
}

func (n *neighbours) nearest(a, most int) []int {
	type distant struct {
		row      int
		distance float64
	}
	var best []distant
	for _, b := range n.among {
		if b == a {
			continue
		}
		d := distant{b, n.distance(a, b)}
		if len(best) == most && d.distance >= best[most-1].distance {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, d, func(x, y distant) int {
			if x.distance <= y.distance {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, d)
		best = best[:min(len(best), most)]
	}
	out := make([]int, 0, len(best))
	for _, d := range best {
		out = append(out, d.row)
	}
	return out
}

// distance squared; what is missing on one side is a spread away.
func (n *neighbours) distance(a, b int) float64 {
	sum := 0.0
	for f, c := range n.s.Columns {
		x, y := c[a], c[b]
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
		case math.IsNaN(x) || math.IsNaN(y):
			sum++
		default:
			d := (x - y) * n.scale[f]
			sum += float64(d * d)
		}
	}
	return sum
}
