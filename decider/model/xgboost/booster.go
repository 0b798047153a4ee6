package xgboost

import (
	"fmt"
	"math"

	"github.com/profferhq/proffer/decider/model/tree"
)

// booster is the trees as they stand in the file.
type booster struct {
	trees []tree.Tree
	// outputs of each tree, and how many trees a round has: classes times parallel trees.
	outputs  numbers
	perRound int
}

func boosterOf(learner field, p parameters) (booster, error) {
	var b booster
	gradient, err := learner.must("gradient_booster")
	if err != nil {
		return b, err
	}
	name, err := gradient.mustText("name")
	if err != nil {
		return b, err
	}
	var weights numbers
	switch name {
	case "gbtree":
	case "dart":
		if weights, err = gradient.mustNumbers("weight_drop", -1); err != nil {
			return b, err
		}
		if gradient, err = gradient.must("gbtree"); err != nil {
			return b, err
		}
	default:
		return b, gradient.get("name").wrong("%.40q: only trees are read: train with booster gbtree or dart", name)
	}
	model, err := gradient.must("model")
	if err != nil {
		return b, err
	}
	if err := b.read(model, p, weights); err != nil {
		return b, err
	}
	if weights != nil && len(weights) != len(b.trees) {
		return b, fmt.Errorf("%w: learner.gradient_booster.weight_drop: %d weights for %d trees", ErrInvalid, len(weights), len(b.trees))
	}
	return b, nil
}

// read takes the trees; leaves are multiplied with the weights when there are any.
func (b *booster) read(model field, p parameters, weights numbers) error {
	trees, err := b.shape(model, p)
	if err != nil {
		return err
	}
	b.trees = make([]tree.Tree, len(trees))
	for i, v := range trees {
		weight := float32(1)
		if i < len(weights) {
			weight = float32(weights[i])
		}
		f := field{fmt.Sprintf("%s.trees[%d]", model.path, i), v}
		if b.trees[i].Nodes, err = nodesOf(f, p.features, weight); err != nil {
			return err
		}
	}
	return nil
}

// shape checks how many trees there are and to which output each belongs.
func (b *booster) shape(model field, p parameters) (list, error) {
	if categories, ok := model.get("cats").value.(object); ok {
		if enc, _ := categories["enc"].(list); len(enc) > 0 {
			return nil, model.get("cats").wrong("the model has categorical features: encode them as numbers and train again")
		}
	}
	param, err := model.must("gbtree_model_param")
	if err != nil {
		return nil, err
	}
	want, err := count(param, "num_trees", 1, tree.MaxTrees)
	if err != nil {
		return nil, err
	}
	parallel := 1
	if param.get("num_parallel_tree").value != nil {
		if parallel, err = count(param, "num_parallel_tree", 0, tree.MaxTrees); err != nil {
			return nil, err
		}
	}
	if param.get("size_leaf_vector").value != nil {
		if _, err = count(param, "size_leaf_vector", 0, 1); err != nil {
			return nil, err
		}
	}
	if b.outputs, err = model.mustNumbers("tree_info", want); err != nil {
		return nil, err
	}
	trees, err := model.must("trees")
	if err != nil {
		return nil, err
	}
	all, ok := trees.value.(list)
	if !ok || len(all) != want {
		return nil, trees.wrong("want a list of %d trees", want)
	}
	b.perRound = max(parallel, 1) * p.outputs
	if want%b.perRound != 0 {
		return nil, trees.wrong("%d trees are no whole rounds of %d", want, b.perRound)
	}
	return all, b.even(model.get("tree_info"), p.outputs)
}

// even checks that every round has the same number of trees for every output.
func (b *booster) even(info field, outputs int) error {
	counts := make([]int, outputs)
	for i, v := range b.outputs {
		output, ok := whole(v, 0, outputs-1)
		if !ok {
			return info.wrong("entry %d is %v, want 0 to %d", i, v, outputs-1)
		}
		counts[output]++
		if (i+1)%b.perRound != 0 {
			continue
		}
		for k := range counts {
			if counts[k] != b.perRound/outputs {
				return info.wrong("the round that ends with tree %d has %d trees for class %d, want %d", i, counts[k], k, b.perRound/outputs)
			}
			counts[k] = 0
		}
	}
	return nil
}

// inOrder is the trees of the first rounds, those of the outputs taking turns.
func (b *booster) inOrder(rounds, outputs int) []tree.Tree {
	kept := b.trees[:rounds*b.perRound]
	if outputs == 1 {
		return kept
	}
	out := make([]tree.Tree, len(kept))
	next := make([]int, outputs)
	for i := range kept {
		k := int(b.outputs[i])
		out[next[k]*outputs+k] = kept[i]
		next[k]++
	}
	return out
}

// arrays are the lists of one tree, one entry a node.
type arrays struct {
	left, right, indices, conditions, defaults, cover, gain numbers
}

func arraysOf(f field) (arrays, error) {
	var a arrays
	var err error
	if a.left, err = f.mustNumbers("left_children", -1); err != nil {
		return a, err
	}
	n := len(a.left)
	if n == 0 || n > tree.MaxNodes {
		return a, f.get("left_children").wrong("%d nodes, want 1 to %d", n, tree.MaxNodes)
	}
	for _, l := range []struct {
		name string
		to   *numbers
	}{
		{"right_children", &a.right}, {"split_indices", &a.indices}, {"split_conditions", &a.conditions},
		{"default_left", &a.defaults}, {"sum_hessian", &a.cover}, {"loss_changes", &a.gain},
	} {
		if *l.to, err = f.mustNumbers(l.name, n); err != nil {
			return a, err
		}
	}
	if types := f.get("split_type"); types.value != nil {
		kinds, ok := types.value.(numbers)
		if !ok {
			return a, types.wrong("want a list of numbers")
		}
		for i, kind := range kinds {
			if kind != 0 {
				return a, types.wrong("node %d splits by category: encode categories as numbers and train again", i)
			}
		}
	}
	return a, nil
}

// nodesOf rebuilds a tree from its root, so that children stand behind their parents; what cannot be reached, which
// XGBoost leaves behind when it prunes, is left out.
func nodesOf(f field, features int, weight float32) ([]tree.Node, error) {
	a, err := arraysOf(f)
	if err != nil {
		return nil, err
	}
	nodes := make([]tree.Node, 1, len(a.left))
	from := make([]int, 1, len(a.left)) // the node's place in the file
	seen := make([]bool, len(a.left))
	seen[0] = true
	for i := 0; i < len(nodes); i++ {
		n, children, err := a.node(f, from[i], features, weight)
		if err != nil {
			return nil, err
		}
		if children != nil {
			n.Left, n.Right = int32(len(nodes)), int32(len(nodes)+1)
			for _, c := range children {
				if seen[c] {
					return nil, f.wrong("node %d has two parents, or is its own ancestor", c)
				}
				seen[c] = true
			}
			nodes = append(nodes, tree.Node{}, tree.Node{})
			from = append(from, children...)
		}
		nodes[i] = n
	}
	return nodes, nil
}

// node reads one entry; children is nil for a leaf.
func (a *arrays) node(f field, i, features int, weight float32) (n tree.Node, children []int, err error) {
	n = tree.Node{Left: -1, Right: -1}
	if n.Cover = a.cover[i]; n.Cover-n.Cover != 0 {
		n.Cover = 0
	}
	condition := float32(a.conditions[i])
	if a.left[i] == -1 && a.right[i] == -1 {
		n.Value = float64(condition * weight)
		if n.Value-n.Value != 0 {
			return n, nil, f.get("split_conditions").wrong("leaf %d is not finite", i)
		}
		return n, nil, nil
	}
	left, okLeft := whole(a.left[i], 1, len(a.left)-1)
	right, okRight := whole(a.right[i], 1, len(a.left)-1)
	if !okLeft || !okRight {
		return n, nil, f.get("left_children").wrong("node %d has the children %v and %v of %d nodes", i, a.left[i], a.right[i], len(a.left))
	}
	index, ok := whole(a.indices[i], 0, features-1)
	if !ok {
		return n, nil, f.get("split_indices").wrong("node %d splits on feature %v of %d", i, a.indices[i], features)
	}
	// XGBoost goes left when x < condition; trees go left when x <= threshold.
	n.Feature, n.Threshold = int32(index), float64(math.Nextafter32(condition, float32(math.Inf(-1))))
	if n.Threshold-n.Threshold != 0 || condition-condition != 0 {
		return n, nil, f.get("split_conditions").wrong("node %d has no finite condition", i)
	}
	n.MissingLeft = a.defaults[i] != 0
	if n.Gain = a.gain[i]; n.Gain-n.Gain != 0 {
		n.Gain = 0
	}
	return n, []int{left, right}, nil
}
