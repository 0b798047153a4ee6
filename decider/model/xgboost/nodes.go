package xgboost

import (
	"math"

	"github.com/profferhq/proffer/decider/model/tree"
)

// arrays are the lists of one tree, one entry a node.
type arrays struct {
	left, right, indices, conditions, defaults, cover, gain numbers
	// categories of the splits by category, by node.
	categories map[int][]uint32
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
	if err := scalarLeaves(f.get("tree_param")); err != nil {
		return a, err
	}
	return a, a.readCategories(f)
}

// readCategories takes the splits by category: which nodes they are is said twice, and must agree.
func (a *arrays) readCategories(f field) error {
	if f.get("split_type").value == nil { // before 1.3
		return nil
	}
	types, err := f.mustNumbers("split_type", len(a.left))
	if err != nil {
		return err
	}
	splits := 0
	for i, kind := range types {
		switch kind {
		case 0:
		case 1:
			splits++
		default:
			return f.get("split_type").wrong("node %d has the unknown type %v", i, kind)
		}
	}
	if splits == 0 {
		return nil
	}
	var nodes, segments, sizes numbers
	for _, l := range []struct {
		name string
		to   *numbers
	}{{"categories_nodes", &nodes}, {"categories_segments", &segments}, {"categories_sizes", &sizes}} {
		if *l.to, err = f.mustNumbers(l.name, splits); err != nil {
			return err
		}
	}
	all, err := f.mustNumbers("categories", -1)
	if err != nil {
		return err
	}
	a.categories = make(map[int][]uint32, splits)
	for k := range nodes {
		node, ok := whole(nodes[k], 0, len(types)-1)
		if !ok || types[node] != 1 || a.categories[node] != nil {
			return f.get("categories_nodes").wrong("entry %d is %v, which splits by no category, or is there twice", k, nodes[k])
		}
		from, ok := whole(segments[k], 0, len(all))
		if !ok {
			return f.get("categories_segments").wrong("entry %d is %v of %d", k, segments[k], len(all))
		}
		size, ok := whole(sizes[k], 1, len(all)-from)
		if !ok {
			return f.get("categories_sizes").wrong("entry %d is %v of %d", k, sizes[k], len(all)-from)
		}
		if a.categories[node], err = bitsOf(f.get("categories"), all[from:from+size]); err != nil {
			return err
		}
	}
	return nil
}

// bitsOf is a set of categories as a tree.Node has it.
func bitsOf(f field, categories numbers) ([]uint32, error) {
	var bits []uint32
	for _, c := range categories {
		category, ok := whole(c, 0, tree.MaxCategory-1)
		if !ok {
			return nil, f.wrong("%v, want 0 to %d", c, tree.MaxCategory-1)
		}
		for len(bits) <= category/32 {
			bits = append(bits, 0)
		}
		bits[category/32] |= 1 << (category % 32)
	}
	return bits, nil
}

// place is where in the file a node comes from.
type place struct {
	node int
	// known: it splits by category a value that is not missing, the node above has seen to that.
	known bool
	// again: it is reached a second time, by values that are missing.
	again bool
	// uncounted: its training rows are counted elsewhere.
	uncounted bool
}

// nodesOf rebuilds a tree from its root, so that children stand behind their parents; what cannot be reached, which
// XGBoost leaves behind when it prunes, is left out.
func nodesOf(f field, features int, weight float32, limit int) ([]tree.Node, error) {
	a, err := arraysOf(f)
	if err != nil {
		return nil, err
	}
	nodes := make([]tree.Node, 1, len(a.left))
	from := make([]place, 1, len(a.left))
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
				if c.again || c.known {
					continue
				}
				if seen[c.node] {
					return nil, f.wrong("node %d has two parents, or is its own ancestor", c.node)
				}
				seen[c.node] = true
			}
			if len(nodes)+2 > limit {
				return nil, f.wrong("more than %d nodes", limit)
			}
			nodes = append(nodes, tree.Node{}, tree.Node{})
			from = append(from, children...)
		}
		nodes[i] = n
	}
	return nodes, nil
}

// node reads one entry; children, left and right, is nil for a leaf.
func (a *arrays) node(f field, at place, features int, weight float32) (n tree.Node, children []place, err error) {
	i := at.node
	n = tree.Node{Left: -1, Right: -1}
	if n.Cover = a.cover[i]; n.Cover-n.Cover != 0 || at.uncounted {
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
	n.Feature = int32(index)
	if n.Gain = a.gain[i]; n.Gain-n.Gain != 0 {
		n.Gain = 0
	}
	if a.categories[i] != nil {
		children = a.splitByCategory(&n, at, left, right)
		return n, children, nil
	}
	// XGBoost goes left when x < condition; trees go left when x <= threshold.
	n.Threshold = float64(math.Nextafter32(condition, float32(math.Inf(-1))))
	if n.Threshold-n.Threshold != 0 || condition-condition != 0 {
		return n, nil, f.get("split_conditions").wrong("node %d has no finite condition", i)
	}
	n.MissingLeft = a.defaults[i] != 0
	return n, []place{{node: left, again: at.again}, {node: right, again: at.again}}, nil
}

// splitByCategory makes the node one by category. XGBoost sends the categories of the set right, trees send them left.
// Missing values go where those of no category go: where XGBoost sends them the other way, they are sorted out by a node
// above, to a copy of what stands there.
func (a *arrays) splitByCategory(n *tree.Node, at place, left, right int) []place {
	if !at.known && a.defaults[at.node] == 0 {
		n.Threshold, n.Gain = math.MaxFloat32, 0
		return []place{{node: at.node, known: true, again: at.again}, {node: right, again: true, uncounted: true}}
	}
	n.Categories = a.categories[at.node]
	return []place{{node: right, again: at.again}, {node: left, again: at.again}}
}
