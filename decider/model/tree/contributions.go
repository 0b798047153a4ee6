package tree

import (
	"errors"
	"fmt"
)

// ErrNoCover: the trees do not say how many training rows came to their nodes, so that nothing can be expected of a row of
// which a feature is unknown.
var ErrNoCover = errors.New("tree: the trees have no covers")

// ErrTooDeep: a tree is deeper than maxExplained: explaining it would cost the square of that in memory.
var ErrTooDeep = fmt.Errorf("tree: a tree is deeper than %d", maxExplained)

const maxExplained = 512

// Contributions says how much each feature moved one margin of a row away from what is expected of a row of which nothing
// is known: exact Shapley values where unknown features follow the training rows down the trees (Lundberg and others,
// "Consistent Individualized Feature Attribution for Tree Ensembles", algorithm 2). They explain the margin, not the
// calibrated score.
//
// row has Features values, NaN for missing; expected plus all contributions is the margin, up to rounding. It costs some
// hundred times what the margin does. It fails with ErrNoCover or ErrTooDeep.
func (e *Ensemble) Contributions(row []float64, output int) (expected float64, contributions []float64, err error) {
	contributions = make([]float64, e.Features)
	expected = e.Bias[output]
	w := walk{row: row, single: e.Single, out: contributions}
	for i := output; i < len(e.Trees); i += e.Outputs {
		w.nodes = e.Trees[i].Nodes
		w.means = w.means[:0]
		mean, depth, err := w.expect()
		if err != nil {
			return 0, nil, fmt.Errorf("tree %d: %w", i, err)
		}
		expected += mean
		if depth > maxExplained {
			return 0, nil, fmt.Errorf("tree %d: %w", i, ErrTooDeep)
		}
		// Every level copies its parent's path and adds one step.
		if need := (depth + 2) * (depth + 3) / 2; len(w.steps) < need {
			w.steps = make([]step, need)
		}
		w.descend(0, w.steps, 0, step{feature: -1, zero: 1, one: 1})
	}
	return expected, contributions, nil
}

// step is a feature that splits on the way from the root: which share of the rows of which it is unknown go this way,
// whether this row does (1 or 0), and what sets of as many known features weigh.
type step struct {
	feature           int32
	zero, one, weight float64
}

// walk is the way of one row through one tree.
type walk struct {
	row    []float64
	single bool
	out    []float64
	nodes  []Node
	means  []float64
	steps  []step
}

// expect is the mean of the leaves, weighted by their covers, and the depth of the tree.
func (w *walk) expect() (mean float64, depth int, err error) {
	n := len(w.nodes)
	if cap(w.means) < n {
		w.means = make([]float64, n)
	}
	w.means = w.means[:n]
	depths := make([]int, n)
	for i := n - 1; i >= 0; i-- { // children stand behind their parents
		node := &w.nodes[i]
		if node.Leaf() {
			w.means[i] = node.Value
			continue
		}
		left, right := w.nodes[node.Left].Cover, w.nodes[node.Right].Cover
		if !(left >= 0 && right >= 0 && left+right > 0) {
			return 0, 0, ErrNoCover
		}
		w.means[i] = (float64(left*w.means[node.Left]) + float64(right*w.means[node.Right])) / (left + right)
		depths[i] = 1 + max(depths[node.Left], depths[node.Right])
	}
	return w.means[0], depths[0], nil
}

// descend goes to a node with the path of its parent, of that length, and the step that leads here.
func (w *walk) descend(at int32, parent []step, length int, by step) {
	path := parent[length:] // behind the parent's, so that both branches find the parent's as it was
	copy(path, parent[:length])
	extend(path, length, by)
	node := &w.nodes[at]
	if node.Leaf() {
		for i := 1; i <= length; i++ {
			s := path[i]
			w.out[s.feature] += float64(float64(unwoundSum(path, length, i)*(s.one-s.zero)) * node.Value)
		}
		return
	}
	// A feature that has split before is one step, not two.
	zero, one := 1.0, 1.0
	for i := 1; i <= length; i++ {
		if path[i].feature == node.Feature {
			zero, one = path[i].zero, path[i].one
			unwind(path, length, i)
			length--
			break
		}
	}
	left, right := w.nodes[node.Left].Cover, w.nodes[node.Right].Cover
	goesLeft := 0.0
	if w.left(node) {
		goesLeft = 1
	}
	for _, branch := range [...]struct {
		child       int32
		share, hers float64
	}{{node.Left, left / (left + right), goesLeft}, {node.Right, right / (left + right), 1 - goesLeft}} {
		next := step{feature: node.Feature, zero: zero * branch.share, one: one * branch.hers}
		if next.zero == 0 && next.one == 0 {
			continue // nobody goes there, whatever is known
		}
		w.descend(branch.child, path, length+1, next)
	}
}

func (w *walk) left(n *Node) bool {
	x := w.row[n.Feature]
	if w.single {
		x = float64(float32(x))
	}
	return n.GoesLeft(x)
}

// extend adds a step to a path of that length, whose first step is the root's.
func extend(path []step, length int, by step) {
	path[length] = by
	path[length].weight = 0
	if length == 0 {
		path[0].weight = 1
	}
	n := float64(length + 1)
	for i := length - 1; i >= 0; i-- {
		path[i+1].weight += float64(by.one*path[i].weight) * float64(i+1) / n
		path[i].weight = float64(by.zero*path[i].weight) * float64(length-i) / n
	}
}

// unwind takes step at out of a path whose last step is at last: extend undone.
func unwind(path []step, last, at int) {
	one, zero := path[at].one, path[at].zero
	n := float64(last + 1)
	next := path[last].weight
	for j := last - 1; j >= 0; j-- {
		if one != 0 {
			before := path[j].weight
			path[j].weight = next * n / (float64(j+1) * one)
			next = before - float64(path[j].weight*zero)*float64(last-j)/n
		} else {
			path[j].weight = path[j].weight * n / (zero * float64(last-j))
		}
	}
	for j := at; j < last; j++ {
		path[j].feature, path[j].zero, path[j].one = path[j+1].feature, path[j+1].zero, path[j+1].one
	}
}

// unwoundSum is the sum of the weights that the path would have without step at.
func unwoundSum(path []step, last, at int) float64 {
	one, zero := path[at].one, path[at].zero
	n := float64(last + 1)
	next, total := path[last].weight, 0.0
	for j := last - 1; j >= 0; j-- {
		if one != 0 {
			weight := next * n / (float64(j+1) * one)
			total += weight
			next = path[j].weight - float64(weight*zero)*float64(last-j)/n
		} else {
			total += path[j].weight * n / (zero * float64(last-j))
		}
	}
	return total
}
