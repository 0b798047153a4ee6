package lightgbm

import (
	"github.com/profferhq/proffer/decider/model/tree"
)

// listed is one tree as it stands in the file: splits and leaves apart, a child below zero is the complement of a leaf.
type listed struct {
	block             block
	leaves            int
	feature, decision []int32
	left, right       []int32
	threshold, value  []float64
	// Where the bits of each split by category begin and end, and the bits.
	boundaries, categories  []uint32
	gain, splits, leafCover []float64 // empty when the file does not say
}

func treeOf(b block, index, features int) (tree.Tree, error) {
	if _, err := b.count("Tree", index, index); err != nil {
		return tree.Tree{}, err
	}
	l, err := listedOf(b)
	if err != nil {
		return tree.Tree{}, err
	}
	return l.nodes(features)
}

func listedOf(b block) (listed, error) {
	l := listed{block: b}
	var err error
	if l.leaves, err = b.count("num_leaves", 1, tree.MaxNodes/2); err != nil {
		return l, err
	}
	byCategory, err := b.count("num_cat", 0, l.leaves-1)
	if err != nil {
		return l, err
	}
	if linear, known := b["is_linear"]; known && linear.text != "0" {
		return l, linear.wrong("linear trees are not read: train with linear_tree=false")
	}
	if l.value, err = b.numbers("leaf_value", l.leaves); err != nil || l.leaves == 1 {
		return l, err
	}
	for _, list := range []struct {
		key string
		to  *[]int32
	}{{"split_feature", &l.feature}, {"decision_type", &l.decision}, {"left_child", &l.left}, {"right_child", &l.right}} {
		if *list.to, err = integers[int32](b, list.key, l.leaves-1); err != nil {
			return l, err
		}
	}
	if byCategory > 0 {
		if err := l.readCategories(byCategory); err != nil {
			return l, err
		}
	}
	if l.threshold, err = b.numbers("threshold", l.leaves-1); err != nil {
		return l, err
	}
	return l, l.readOptional()
}

// readCategories takes the bits of the splits by category.
func (l *listed) readCategories(splits int) (err error) {
	if l.boundaries, err = integers[uint32](l.block, "cat_boundaries", splits+1); err != nil {
		return err
	}
	for i, at := range l.boundaries {
		if i == 0 && at != 0 || i > 0 && (at <= l.boundaries[i-1] || at > l.boundaries[i-1]+tree.MaxCategory/32) {
			return l.block["cat_boundaries"].wrong("entry %d is %d: want 0 first, and each more than the one before, by at most %d", i, at, tree.MaxCategory/32)
		}
	}
	l.categories, err = integers[uint32](l.block, "cat_threshold", int(l.boundaries[splits]))
	return err
}

// readOptional takes what explains a tree: it does not change scores.
func (l *listed) readOptional() (err error) {
	for _, list := range []struct {
		key    string
		length int
		to     *[]float64
	}{{"split_gain", l.leaves - 1, &l.gain}, {"internal_count", l.leaves - 1, &l.splits}, {"leaf_count", l.leaves, &l.leafCover}} {
		if said, known := l.block[list.key]; known && said.text != "" {
			if *list.to, err = l.block.numbers(list.key, list.length); err != nil {
				return err
			}
		}
	}
	return nil
}

// nodes rebuilds the tree from its root. Every split and leaf must be reached, and once.
func (l *listed) nodes(features int) (tree.Tree, error) {
	total := 2*l.leaves - 1
	nodes := make([]tree.Node, 1, total)
	places := make([]int32, 1, total) // a split, or the complement of a leaf
	if l.leaves == 1 {
		places[0] = ^int32(0)
	}
	seen := make([]bool, total) // splits, then leaves
	for i := 0; i < len(nodes); i++ {
		n := tree.Node{Left: -1, Right: -1}
		if at := places[i]; at < 0 {
			n.Value = l.value[^at]
			n.Cover = pick(l.leafCover, ^at)
			nodes[i] = n
			continue
		}
		at := places[i]
		if err := l.split(at, features, &n); err != nil {
			return tree.Tree{}, err
		}
		for _, child := range [...]int32{l.left[at], l.right[at]} {
			if !l.reach(child, seen) {
				return tree.Tree{}, l.block["left_child"].wrong(
					"split %d has the child %d, which is none of %d leaves and %d splits, or has a parent already", at, child, l.leaves, l.leaves-1)
			}
			places = append(places, child)
		}
		n.Left, n.Right = int32(len(nodes)), int32(len(nodes)+1)
		nodes = append(nodes, tree.Node{}, tree.Node{})
		nodes[i] = n
	}
	if len(nodes) != total {
		return tree.Tree{}, l.block["left_child"].wrong("%d of %d splits and leaves hang on the root", len(nodes), total)
	}
	return tree.Tree{Nodes: nodes}, nil
}

// reach marks a child; false when there is none such, it is the root, or it was reached before.
func (l *listed) reach(child int32, seen []bool) bool {
	i := int(child)
	if child < 0 {
		i = l.leaves - 1 + int(^child)
	} else if i == 0 || i >= l.leaves-1 {
		return false
	}
	if i >= len(seen) || seen[i] {
		return false
	}
	seen[i] = true
	return true
}

func pick(of []float64, i int32) float64 {
	if of == nil {
		return 0
	}
	return of[i]
}

// The bits of a decision type.
const (
	categorical = 1
	defaultLeft = 2
	missingMask = 12
	missingNone = 0
	missingZero = 4
	missingNaN  = 8
	knownBits   = categorical | defaultLeft | missingMask
)

// zero is below what LightGBM takes a value for zero.
const zero = 1e-35

func (l *listed) split(at int32, features int, n *tree.Node) error {
	n.Feature, n.Threshold = l.feature[at], l.threshold[at]
	n.Gain, n.Cover = pick(l.gain, at), pick(l.splits, at)
	if n.Feature < 0 || int(n.Feature) >= features {
		return l.block["split_feature"].wrong("split %d is on feature %d of %d", at, n.Feature, features)
	}
	kind := l.decision[at]
	if kind&^knownBits != 0 {
		return l.block["decision_type"].wrong("split %d has the unknown type %d", at, kind)
	}
	if kind&categorical != 0 {
		return l.splitByCategory(at, n)
	}
	left := kind&defaultLeft != 0
	switch kind & missingMask {
	case missingNone: // NaN counts as zero
		n.MissingLeft = n.Threshold >= 0
	case missingNaN:
		n.MissingLeft = left
	case missingZero: // zero and NaN go the same way: fine where zero goes that way anyhow
		if left && n.Threshold < zero || !left && n.Threshold > -zero {
			return l.block["decision_type"].wrong("split %d sends zero where its threshold does not: train with zero_as_missing=false", at)
		}
		n.MissingLeft = left
	default:
		return l.block["decision_type"].wrong("split %d has the unknown type %d", at, kind)
	}
	return nil
}

// splitByCategory: the threshold says which of the tree's splits by category it is. LightGBM sends missing values right.
func (l *listed) splitByCategory(at int32, n *tree.Node) error {
	which := int(n.Threshold)
	if which < 0 || which >= len(l.boundaries)-1 || float64(which) != n.Threshold {
		return l.block["threshold"].wrong("split %d is by category %v of %d", at, n.Threshold, max(len(l.boundaries)-1, 0))
	}
	n.Threshold = 0
	n.Categories = l.categories[l.boundaries[which]:l.boundaries[which+1]:l.boundaries[which+1]]
	return nil
}
