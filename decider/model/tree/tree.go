// Package tree is an ensemble of decision trees as data: what readers of foreign models and our trainer make, what is
// written as canonical LightGBM text for leaves, and what explanations walk. It is plain data; Check says whether it
// makes sense.
package tree

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Ensemble adds up trees: tree i adds the value of the leaf a row falls into to margin i % Outputs.
type Ensemble struct {
	Objective Objective
	// Outputs is how many margins a row has: 1, or the number of classes.
	Outputs int
	// Features is the length of a row.
	Features int
	// Bias is where the margins start, one for each output.
	Bias []float64
	// Single says that features are rounded to float32 before they are compared: models of XGBoost's and of our trainer.
	Single bool
	// Trees are a multiple of Outputs: class 0, 1, 2, ... of the first round, then of the next.
	Trees []Tree
}

// Objective says what a margin means.
type Objective string

// The objectives.
const (
	// Regression: the margin is the value.
	Regression Objective = "regression"
	// Binary: the margin is the log-odds of the positive class.
	Binary Objective = "binary"
	// Multiclass: softmax over the margins.
	Multiclass Objective = "multiclass"
	// LogLink: the value is the exponential of the margin (Poisson, Gamma, Tweedie).
	LogLink Objective = "log"
	// Ranking: margins only order rows.
	Ranking Objective = "ranking"
)

// Tree is nodes, the root first. A node's children stand after it.
type Tree struct {
	Nodes []Node
}

// Node splits rows, or ends in a leaf: then Left and Right are -1.
type Node struct {
	Left, Right int32
	// Feature and Threshold: rows with row[Feature] <= Threshold go left, rows where it is missing (NaN) go left when
	// MissingLeft.
	Feature     int32
	Threshold   float64
	MissingLeft bool
	// Categories make it a split by category, with no Threshold: bit i of word i/32 stands for category i. Rows whose
	// value, its fraction cut off, is one of these go left; all others, and those where it is missing, go right.
	Categories []uint32
	// Value is a leaf's.
	Value float64
	// Cover is the sum of hessians of the training rows that came here (or their number); Gain is what the split won.
	// Both are 0 when unknown.
	Cover, Gain float64
}

// Leaf says whether rows end here.
func (n *Node) Leaf() bool { return n.Left < 0 }

// GoesLeft says where a value sends a row.
func (n *Node) GoesLeft(x float64) bool {
	if n.Categories != nil {
		return x > -1 && x < float64(32*len(n.Categories)) && n.Categories[int(x)/32]>>(int(x)%32)&1 == 1
	}
	if math.IsNaN(x) {
		return n.MissingLeft
	}
	return x <= n.Threshold
}

// Limits of an ensemble.
const (
	MaxFeatures = 100_000
	MaxOutputs  = 1_000
	MaxTrees    = 20_000
	MaxNodes    = 1 << 20 // of a tree
	MaxAllNodes = 1 << 21 // of all trees
	MaxCategory = 1 << 16 // exclusive
)

// ErrInvalid is wrapped by every error of Check.
var ErrInvalid = errors.New("tree: the ensemble is not valid")

// Check finds the first thing that would let a row fall out of a tree, walk for ever or meet a number that is none.
func (e *Ensemble) Check() error {
	switch e.Objective {
	case Regression, Binary, Multiclass, LogLink, Ranking:
	default:
		return fmt.Errorf("%w: unknown objective %q", ErrInvalid, e.Objective)
	}
	switch {
	case e.Features < 1 || e.Features > MaxFeatures:
		return fmt.Errorf("%w: %d features, want 1 to %d", ErrInvalid, e.Features, MaxFeatures)
	case e.Outputs < 1 || e.Outputs > MaxOutputs:
		return fmt.Errorf("%w: %d outputs, want 1 to %d", ErrInvalid, e.Outputs, MaxOutputs)
	case (e.Outputs > 1) != (e.Objective == Multiclass):
		return fmt.Errorf("%w: %d outputs for %s", ErrInvalid, e.Outputs, e.Objective)
	case len(e.Bias) != e.Outputs:
		return fmt.Errorf("%w: %d biases for %d outputs", ErrInvalid, len(e.Bias), e.Outputs)
	case len(e.Trees) == 0 || len(e.Trees) > MaxTrees || len(e.Trees)%e.Outputs != 0:
		return fmt.Errorf("%w: %d trees for %d outputs, want a multiple, at most %d", ErrInvalid, len(e.Trees), e.Outputs, MaxTrees)
	}
	for i, b := range e.Bias {
		if !finite(b) {
			return fmt.Errorf("%w: bias %d is not finite", ErrInvalid, i)
		}
	}
	all := 0
	for i := range e.Trees {
		if all += len(e.Trees[i].Nodes); all > MaxAllNodes {
			return fmt.Errorf("%w: more than %d nodes", ErrInvalid, MaxAllNodes)
		}
		if err := e.Trees[i].check(e.Features); err != nil {
			return fmt.Errorf("%w: tree %d: %w", ErrInvalid, i, err)
		}
	}
	return nil
}

// check relies on children standing after their parents: then no walk can go round.
func (t *Tree) check(features int) error {
	if len(t.Nodes) == 0 || len(t.Nodes) > MaxNodes {
		return fmt.Errorf("%d nodes, want 1 to %d", len(t.Nodes), MaxNodes)
	}
	parents := make([]uint8, len(t.Nodes))
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Left < 0 && n.Right < 0 {
			if !finite(n.Value) {
				return fmt.Errorf("leaf %d is not finite", i)
			}
			continue
		}
		if n.Feature < 0 || int(n.Feature) >= features {
			return fmt.Errorf("node %d splits on feature %d of %d", i, n.Feature, features)
		}
		if !finite(n.Threshold) {
			return fmt.Errorf("node %d has no finite threshold", i)
		}
		if n.Categories != nil {
			if err := n.checkCategories(); err != nil {
				return fmt.Errorf("node %d %w", i, err)
			}
		}
		if !finite(n.Cover) || !finite(n.Gain) {
			return fmt.Errorf("node %d has a cover or a gain that is not finite", i)
		}
		for _, child := range [...]int32{n.Left, n.Right} {
			if int(child) <= i || int(child) >= len(t.Nodes) {
				return fmt.Errorf("node %d has the child %d of %d nodes", i, child, len(t.Nodes))
			}
			if parents[child]++; parents[child] > 1 {
				return fmt.Errorf("node %d has two parents", child)
			}
		}
	}
	for i := 1; i < len(parents); i++ {
		if parents[i] == 0 {
			return fmt.Errorf("node %d has no parent", i)
		}
	}
	return nil
}

func (n *Node) checkCategories() error {
	switch {
	case n.Threshold != 0 || n.MissingLeft:
		return errors.New("splits by category and has a threshold, or a way left for missing values")
	case 32*len(n.Categories) > MaxCategory:
		return fmt.Errorf("splits by more than %d categories", MaxCategory)
	case !slices.ContainsFunc(n.Categories, func(word uint32) bool { return word != 0 }):
		return errors.New("splits by no category")
	}
	return nil
}

func finite(v float64) bool { return v-v == 0 }

// Margins adds each tree's leaf to the margins of a row, in the order of the trees, starting from Bias. It is the
// reference that what leaves computes is checked against. row has Features values, out has Outputs.
func (e *Ensemble) Margins(row, out []float64) {
	copy(out, e.Bias)
	for i := range e.Trees {
		out[i%e.Outputs] += e.Trees[i].value(row, e.Single)
	}
}

func (t *Tree) value(row []float64, single bool) float64 {
	n := &t.Nodes[0]
	for !n.Leaf() {
		x := row[n.Feature]
		if single {
			x = float64(float32(x))
		}
		if n.GoesLeft(x) {
			n = &t.Nodes[n.Left]
		} else {
			n = &t.Nodes[n.Right]
		}
	}
	return n.Value
}
