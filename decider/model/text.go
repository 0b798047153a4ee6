package model

import (
	"strconv"

	"github.com/profferhq/proffer/decider/model/tree"
)

// text writes an ensemble that has passed Check as LightGBM text, version 3: the one form that leaves is ever given.
// There are no feature names, and always two features or more: leaves stumbles over both. Biases go into the first tree
// of each output, so that the sum of the leaves is the margin. leaves reads the header's objective only when it
// transforms; it never does here.
func text(e *tree.Ensemble) []byte {
	outputs := strconv.Itoa(e.Outputs)
	b := []byte("tree\nversion=v3\nnum_class=" + outputs + "\nnum_tree_per_iteration=" + outputs + "\nmax_feature_idx=")
	b = strconv.AppendInt(b, int64(max(e.Features-1, 1)), 10)
	b = append(b, "\nobjective="+string(e.Objective)+"\ntree_sizes="...)
	for i := range e.Trees {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, '0') // leaves only counts them
	}
	b = append(b, "\n\n"...)
	for i := range e.Trees {
		bias := 0.0
		if i < e.Outputs {
			bias = e.Bias[i]
		}
		b = appendTree(b, i, e.Trees[i].Nodes, bias)
	}
	return append(b, "end of trees\n"...)
}

// numbering gives splits and leaves their places: 0, 1, ... for splits, ^0, ^1, ... for leaves.
func numbering(nodes []tree.Node) (places []int32, leaves int) {
	places = make([]int32, len(nodes))
	splits := int32(0)
	for i := range nodes {
		if nodes[i].Leaf() {
			places[i] = ^int32(leaves)
			leaves++
		} else {
			places[i] = splits
			splits++
		}
	}
	return places, leaves
}

func appendTree(b []byte, index int, nodes []tree.Node, bias float64) []byte {
	places, leaves := numbering(nodes)
	b = append(b, "Tree="...)
	b = strconv.AppendInt(b, int64(index), 10)
	b = append(b, "\nnum_leaves="...)
	b = strconv.AppendInt(b, int64(leaves), 10)
	var categories []*tree.Node // of the splits by category, in the order of the splits
	for i := range nodes {
		if nodes[i].Categories != nil {
			categories = append(categories, &nodes[i])
		}
	}
	b = append(b, "\nnum_cat="...)
	b = strconv.AppendInt(b, int64(len(categories)), 10)
	b = append(b, '\n')
	list := func(name string, leaf bool, number func([]byte, *tree.Node) []byte) {
		b = append(b, name...)
		separator := byte('=')
		for i := range nodes {
			if nodes[i].Leaf() == leaf {
				b = append(b, separator)
				b = number(b, &nodes[i])
				separator = ' '
			}
		}
		b = append(b, '\n')
	}
	if leaves > 1 {
		list("split_feature", false, func(b []byte, n *tree.Node) []byte { return strconv.AppendInt(b, int64(n.Feature), 10) })
		category := int64(0)
		list("threshold", false, func(b []byte, n *tree.Node) []byte {
			if n.Categories == nil {
				return strconv.AppendFloat(b, n.Threshold, 'g', -1, 64)
			}
			category++
			return strconv.AppendInt(b, category-1, 10)
		})
		list("decision_type", false, func(b []byte, n *tree.Node) []byte { return strconv.AppendInt(b, decisionType(n), 10) })
		list("left_child", false, func(b []byte, n *tree.Node) []byte { return strconv.AppendInt(b, int64(places[n.Left]), 10) })
		list("right_child", false, func(b []byte, n *tree.Node) []byte { return strconv.AppendInt(b, int64(places[n.Right]), 10) })
	}
	if len(categories) > 0 {
		b = appendCategories(b, categories)
	}
	list("leaf_value", true, func(b []byte, n *tree.Node) []byte { return strconv.AppendFloat(b, bias+n.Value, 'g', -1, 64) })
	return append(b, '\n')
}

// appendCategories writes where the bits of each split begin, and then the bits of all.
func appendCategories(b []byte, splits []*tree.Node) []byte {
	b = append(b, "cat_boundaries=0"...)
	words := 0
	for _, n := range splits {
		words += len(n.Categories)
		b = strconv.AppendInt(append(b, ' '), int64(words), 10)
	}
	b = append(b, "\ncat_threshold"...)
	separator := byte('=')
	for _, n := range splits {
		for _, word := range n.Categories {
			b = strconv.AppendUint(append(b, separator), uint64(word), 10)
			separator = ' '
		}
	}
	return append(b, '\n')
}

// decisionType says that NaN is missing, and goes left or right; of a split by category always right.
func decisionType(n *tree.Node) int64 {
	const missingIsNaN, defaultLeft, byCategory = 8, 2, 1
	switch {
	case n.Categories != nil:
		return missingIsNaN + byCategory
	case n.MissingLeft:
		return missingIsNaN + defaultLeft
	}
	return missingIsNaN
}
