package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/profferhq/proffer/decider/model/tree"
)

// grower grows one tree after another over the same rows. What it needs is allocated once.
type grower struct {
	b *binned
	o *Options

	s        scales
	packed   []int64 // by row
	rows     []int32 // those of the tree; a node's stand together, in their first order
	aside    []int32
	features []int // those drawn for the tree, ascending
	free     []histogram
	random   *rand.Rand
	drawn    []int

	nodes  []tree.Node
	bins   []uint8 // of the split of each node
	places []node  // of each node
}

func newGrower(b *binned, o *Options, rows int) *grower {
	g := &grower{
		b: b, o: o, packed: make([]int64, rows), random: rand.New(rand.NewPCG(o.Seed, 0x7472656573)),
		drawn: make([]int, b.features),
	}
	for f := range g.drawn {
		g.drawn[f] = f
	}
	g.features = slices.Clone(g.drawn)
	return g
}

// grow makes a tree from the gradients of the rows. Its leaves have their values, by the rate already.
func (g *grower) grow(rows []int32, of gradients) tree.Tree {
	g.draw(rows)
	if len(g.aside) < len(g.rows) {
		g.aside = make([]int32, len(g.rows))
	}
	total := g.pack(of)
	g.nodes, g.bins, g.places = g.nodes[:0], g.bins[:0], g.places[:0]
	root := g.histogram()
	root.build(g.b, g.rows, g.packed)
	g.node(node{low: 0, high: len(g.rows), total: total, bound: unbounded()}, root)
	g.prune()
	g.values(of)
	return tree.Tree{Nodes: slices.Clone(g.nodes)}
}

// draw takes the tree's share of the rows, in their order, and of the features.
func (g *grower) draw(rows []int32) {
	if share := g.o.RowShare; share > 0 && share < 1 {
		g.rows = g.rows[:0]
		for _, r := range rows {
			if g.random.Float64() < share {
				g.rows = append(g.rows, r)
			}
		}
	} else {
		g.rows = append(g.rows[:0], rows...)
	}
	if share := g.o.ColumnShare; share > 0 && share < 1 {
		n := max(1, int(math.Round(share*float64(g.b.features))))
		g.random.Shuffle(len(g.drawn), func(i, j int) { g.drawn[i], g.drawn[j] = g.drawn[j], g.drawn[i] })
		g.features = append(g.features[:0], g.drawn[:n]...)
		slices.Sort(g.features)
	}
}

// pack chooses the units and packs the gradients of the rows; the result is their sum.
func (g *grower) pack(of gradients) (total int64) {
	first, second := 0.0, 0.0
	for _, r := range g.rows {
		first += math.Abs(of.first[r])
		second += of.second[r]
	}
	g.s = scales{gradient: unit(first), hessian: unit(second)}
	g.s.l2, g.s.least = g.o.L2/g.s.hessian, max(1, g.o.MinHessian/g.s.hessian)
	perFirst, perSecond := 1/g.s.gradient, 1/g.s.hessian
	for _, r := range g.rows {
		v := of.first[r]*perFirst + (packedSum + .5) // above 0, so that cutting off rounds
		p := pack(int64(v)-packedSum, int64(float64(of.second[r]*perSecond)+.5))
		g.packed[r] = p
		total += p
	}
	return total
}

// unit is a power of two, so that whole weights stay whole, of which a sum is at most packedSum.
func unit(sum float64) float64 {
	if !(sum > 1e-200) {
		return 1
	}
	_, exponent := math.Frexp(sum / packedSum)
	return math.Ldexp(1, exponent)
}

// histogram is one that nobody uses.
func (g *grower) histogram() histogram {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		return h
	}
	return make(histogram, g.b.features)
}

// node is a place in the tree that rows have come to: those from low up to but without high.
type node struct {
	low, high, depth int
	total            int64
	bound            bounds
}

func (g *grower) small(n node) bool {
	return n.depth >= g.o.Depth || n.high-n.low < 2 || hessianOf(n.total) < 2*g.s.least
}

// node appends a node and all that is below it, and gives the histogram back.
func (g *grower) node(n node, h histogram) {
	at := int32(len(g.nodes))
	g.nodes = append(g.nodes, tree.Node{Left: -1, Right: -1})
	g.bins = append(g.bins, 0)
	g.places = append(g.places, n)
	c := choice{feature: -1}
	if !g.small(n) {
		c = g.best(h, n.total, n.bound)
	}
	if c.feature < 0 {
		g.release(h)
		return
	}
	g.nodes[at] = tree.Node{
		Feature: int32(c.feature), Threshold: g.b.threshold(c.feature, c.bin), MissingLeft: c.missingLeft, Gain: g.s.gain(c.gain),
	}
	g.bins[at] = uint8(c.bin)
	middle := g.part(n, c)
	left := node{low: n.low, high: middle, depth: n.depth + 1, total: c.left}
	right := node{low: middle, high: n.high, depth: n.depth + 1, total: n.total - c.left}
	left.bound, right.bound = g.children(c, n.total, n.bound)
	ofLeft, ofRight := g.split(left, right, h)
	g.nodes[at].Left = int32(len(g.nodes))
	g.node(left, ofLeft)
	g.nodes[at].Right = int32(len(g.nodes))
	g.node(right, ofRight)
}

// split makes the children's histograms of their parent's: the one with fewer rows is counted, the other is what is
// left. A child that will not be split has none.
func (g *grower) split(left, right node, parent histogram) (ofLeft, ofRight histogram) {
	leftDone, rightDone := g.small(left), g.small(right)
	if leftDone && rightDone {
		g.release(parent)
		return nil, nil
	}
	fewer, fewerDone, moreDone, onLeft := left, leftDone, rightDone, true
	if right.high-right.low < left.high-left.low {
		fewer, fewerDone, moreDone, onLeft = right, rightDone, leftDone, false
	}
	counted := g.histogram()
	counted.build(g.b, g.rows[fewer.low:fewer.high], g.packed)
	if moreDone {
		g.release(parent)
		parent = nil
	} else {
		parent.subtract(g.b, counted)
	}
	if fewerDone {
		g.release(counted)
		counted = nil
	}
	if onLeft {
		return counted, parent
	}
	return parent, counted
}

func (g *grower) release(h histogram) {
	if h != nil {
		g.free = append(g.free, h)
	}
}

// part puts the rows of a node that go left before those that go right; both keep their order.
func (g *grower) part(n node, c choice) (middle int) {
	var right [256]uint8 // by bin
	for bin := c.bin + 1; bin < len(right); bin++ {
		right[bin] = 1
	}
	if !c.missingLeft {
		right[0] = 1
	}
	rows, aside := g.rows[n.low:n.high], g.aside[:n.high-n.low]
	of, features := g.b.of, g.b.features
	l, k := 0, 0
	for _, r := range rows { // without a branch: which way a row goes cannot be guessed
		goes := int(right[of[int(r)*features+c.feature]])
		rows[l] = r
		aside[k] = r
		l += 1 - goes
		k += goes
	}
	copy(rows[l:], aside[:k])
	return n.low + l
}

// prune takes back splits that won less than Gamma, from the leaves upwards: one that stands above a better one stays.
func (g *grower) prune() {
	if g.o.Gamma <= 0 {
		return
	}
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := &g.nodes[i]
		if !n.Leaf() && n.Gain < g.o.Gamma && g.nodes[n.Left].Leaf() && g.nodes[n.Right].Leaf() {
			*n = tree.Node{Left: -1, Right: -1}
		}
	}
	// Children stand after their parents, and so do they when those that nobody reaches are left out.
	moved := make([]int32, len(g.nodes))
	reached := make([]bool, len(g.nodes))
	reached[0] = true
	kept := int32(0)
	for i := range g.nodes {
		if !reached[i] {
			continue
		}
		if n := g.nodes[i]; !n.Leaf() {
			reached[n.Left], reached[n.Right] = true, true
		}
		moved[i] = kept
		g.nodes[kept], g.bins[kept], g.places[kept] = g.nodes[i], g.bins[i], g.places[i]
		kept++
	}
	g.nodes, g.bins, g.places = g.nodes[:kept], g.bins[:kept], g.places[:kept]
	for i := range g.nodes {
		if n := &g.nodes[i]; !n.Leaf() {
			n.Left, n.Right = moved[n.Left], moved[n.Right]
		}
	}
}

// values gives leaves their values from the gradients themselves, not the packed ones, and all nodes their cover.
func (g *grower) values(of gradients) {
	unit := g.s.gradient / g.s.hessian
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := &g.nodes[i]
		if !n.Leaf() {
			n.Cover = g.nodes[n.Left].Cover + g.nodes[n.Right].Cover
			continue
		}
		first, second := 0.0, 0.0
		for _, r := range g.leafRows(i) {
			first += of.first[r]
			second += of.second[r]
		}
		n.Cover = second
		if second+g.o.L2 > 0 {
			b := g.places[i].bound
			n.Value = float64(g.o.Rate * bounds{b.low * unit, b.high * unit}.clip(-first/(second+g.o.L2)))
		}
	}
}

func (g *grower) leafRows(i int) []int32 { return g.rows[g.places[i].low:g.places[i].high] }

// route sends a row through the tree by its bins and gives the leaf.
func (g *grower) route(row int32) *tree.Node {
	of := g.b.of[int(row)*g.b.features:]
	n, at := &g.nodes[0], int32(0)
	for !n.Leaf() {
		bin := of[n.Feature]
		if bin != 0 && bin <= g.bins[at] || bin == 0 && n.MissingLeft {
			at = n.Left
		} else {
			at = n.Right
		}
		n = &g.nodes[at]
	}
	return n
}
