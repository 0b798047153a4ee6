package tree_test

import (
	"errors"
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model/tree"
)

// anyTree draws a tree with covers: every node but the leaves has two children behind it.
func anyTree(t *rapid.T, features, depth int) tree.Tree {
	var out tree.Tree
	var grow func(depth int) int32
	grow = func(depth int) int32 {
		at := int32(len(out.Nodes))
		out.Nodes = append(out.Nodes, tree.Node{Left: -1, Right: -1})
		if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
			out.Nodes[at].Value = rapid.Float64Range(-3, 3).Draw(t, "value")
			out.Nodes[at].Cover = float64(rapid.IntRange(1, 50).Draw(t, "cover"))
			return at
		}
		n := tree.Node{
			Feature: int32(rapid.IntRange(0, features-1).Draw(t, "feature")), Threshold: rapid.Float64Range(-2, 2).Draw(t, "threshold"),
			MissingLeft: rapid.Bool().Draw(t, "missing left"),
		}
		n.Left, n.Right = grow(depth-1), grow(depth-1)
		n.Cover = out.Nodes[n.Left].Cover + out.Nodes[n.Right].Cover
		out.Nodes[at] = n
		return at
	}
	grow(depth)
	return out
}

func anyEnsemble(t *rapid.T, features int) *tree.Ensemble {
	e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: features, Bias: []float64{0.3}}
	if rapid.Bool().Draw(t, "classes") {
		e.Objective, e.Outputs, e.Bias = tree.Multiclass, 3, []float64{0.1, -0.2, 0}
	}
	for range e.Outputs * rapid.IntRange(1, 3).Draw(t, "rounds") {
		e.Trees = append(e.Trees, anyTree(t, features, 4))
	}
	return e
}

func anyRow(t *rapid.T, features int) []float64 {
	row := make([]float64, features)
	for i := range row {
		row[i] = rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Just(math.NaN())).Draw(t, "x")
	}
	return row
}

func TestContributionsAddUpToTheMargin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const features = 5
		e, row := anyEnsemble(t, features), anyRow(t, features)
		margins := make([]float64, e.Outputs)
		e.Margins(row, margins)
		for k := range margins {
			sum, contributions, err := e.Contributions(row, k)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range contributions {
				sum += c
			}
			if math.Abs(sum-margins[k]) > 1e-9 {
				t.Fatalf("output %d: they add up to %v, the margin is %v", k, sum, margins[k])
			}
		}
	})
}

// known is what is expected of a row of which only some features are known: by definition.
func known(nodes []tree.Node, at int32, row []float64, features uint) float64 {
	n := &nodes[at]
	if n.Leaf() {
		return n.Value
	}
	left, right := known(nodes, n.Left, row, features), known(nodes, n.Right, row, features)
	if features&(1<<n.Feature) == 0 {
		l, r := nodes[n.Left].Cover, nodes[n.Right].Cover
		return (l*left + r*right) / (l + r)
	}
	if x := row[n.Feature]; math.IsNaN(x) && n.MissingLeft || x <= n.Threshold {
		return left
	}
	return right
}

func TestContributionsAreShapleyValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const features = 4
		e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: features, Bias: []float64{0}, Trees: []tree.Tree{anyTree(t, features, 5)}}
		row := anyRow(t, features)
		_, got, err := e.Contributions(row, 0)
		if err != nil {
			t.Fatal(err)
		}
		factorial := []float64{1, 1, 2, 6, 24}
		for i := range features {
			want := 0.0
			for set := range uint(1 << features) {
				if set&(1<<i) != 0 {
					continue
				}
				size := bits.OnesCount(set)
				weight := factorial[size] * factorial[features-size-1] / factorial[features]
				want += weight * (known(e.Trees[0].Nodes, 0, row, set|1<<i) - known(e.Trees[0].Nodes, 0, row, set))
			}
			if math.Abs(got[i]-want) > 1e-9 {
				t.Fatalf("feature %d: %v, want %v", i, got[i], want)
			}
		}
	})
}

func TestATreeThatIsTooDeepIsNotExplained(t *testing.T) {
	t.Parallel()
	var deep tree.Tree
	for i := range int32(600) { // a chain: each split has a leaf and the next split
		deep.Nodes = append(deep.Nodes, tree.Node{Left: 2*i + 1, Right: 2*i + 2, Cover: 1}, tree.Node{Left: -1, Right: -1, Cover: 1})
	}
	deep.Nodes = append(deep.Nodes, tree.Node{Left: -1, Right: -1, Cover: 1})
	e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: 1, Bias: []float64{0}, Trees: []tree.Tree{deep}}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Contributions([]float64{0}, 0); !errors.Is(err, tree.ErrTooDeep) {
		t.Errorf("%v", err)
	}
}

func TestTreesWithoutCoversExplainNothing(t *testing.T) {
	t.Parallel()
	e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: 1, Bias: []float64{0}, Trees: []tree.Tree{{Nodes: []tree.Node{
		{Left: 1, Right: 2}, {Left: -1, Right: -1, Value: 1}, {Left: -1, Right: -1, Value: 2},
	}}}}
	if _, _, err := e.Contributions([]float64{0}, 0); !errors.Is(err, tree.ErrNoCover) {
		t.Errorf("%v", err)
	}
}
