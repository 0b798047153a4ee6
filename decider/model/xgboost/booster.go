package xgboost

import (
	"fmt"

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
	left := tree.MaxAllNodes
	for i, v := range trees {
		weight := float32(1)
		if i < len(weights) {
			weight = float32(weights[i])
		}
		f := field{fmt.Sprintf("%s.trees[%d]", model.path, i), v}
		if b.trees[i].Nodes, err = nodesOf(f, p.features, weight, min(left, tree.MaxNodes)); err != nil {
			return err
		}
		left -= len(b.trees[i].Nodes)
	}
	return nil
}

// shape checks how many trees there are and to which output each belongs.
func (b *booster) shape(model field, p parameters) (list, error) {
	if err := checkCategories(model.get("cats"), p.features); err != nil {
		return nil, err
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
	if err := scalarLeaves(param); err != nil {
		return nil, err
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

// scalarLeaves refuses leaves that are vectors. Until 3.0 the model says it, from then on each tree.
func scalarLeaves(param field) error {
	if param.get("size_leaf_vector").value == nil {
		return nil
	}
	if _, err := count(param, "size_leaf_vector", 0, 1); err != nil {
		return fmt.Errorf("%w: train with multi_strategy one_output_per_tree", err)
	}
	return nil
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
