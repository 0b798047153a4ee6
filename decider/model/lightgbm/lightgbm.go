// Package lightgbm reads models that LightGBM 2 to 4 has saved as text (version=v2, v3 and v4), strictly: what it does
// not understand whole it refuses, naming the line.
package lightgbm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/decider/model/tree"
)

// MaxBytes bounds a file.
const MaxBytes = 64 << 20

// ErrInvalid is wrapped by every error of Read. The message names the line.
var ErrInvalid = errors.New("lightgbm: the model cannot be taken")

// Model is what a file says.
type Model struct {
	Ensemble *tree.Ensemble
	// Version of the format: "v4".
	Version string
	// Objective as LightGBM calls it.
	Objective string
	// FeatureNames are in the order of a row. LightGBM has put underscores for spaces.
	FeatureNames []string
}

// Read reads a file. It fails with ErrInvalid.
func Read(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: larger than %d MiB: train fewer or smaller trees", ErrInvalid, MaxBytes>>20)
	}
	l := &lines{rest: string(data)}
	if text, _ := l.next(); text != "tree" {
		return nil, l.wrong("want the word tree: save the model as text with booster.save_model")
	}
	header, err := l.block(headerKeys)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	average, err := m.takeHeader(header)
	if err != nil {
		return nil, err
	}
	if err := m.takeTrees(l); err != nil {
		return nil, err
	}
	if sizes, known := header["tree_sizes"]; known && len(strings.Fields(sizes.text)) != len(m.Ensemble.Trees) {
		return nil, sizes.wrong("%d sizes for %d trees", len(strings.Fields(sizes.text)), len(m.Ensemble.Trees))
	}
	if average {
		m.average()
	}
	if err := m.Ensemble.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return m, nil
}

// average makes the sum of the trees their mean, as a random forest wants it.
func (m *Model) average() {
	rounds := float64(len(m.Ensemble.Trees) / m.Ensemble.Outputs)
	for _, t := range m.Ensemble.Trees {
		for i := range t.Nodes {
			t.Nodes[i].Value /= rounds
		}
	}
}

// headerKeys and treeKeys are all that may stand there: what is not known might change scores.
var (
	headerKeys = []string{
		"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "average_output",
		"feature_names", "feature_infos", "monotone_constraints", "tree_sizes",
	}
	treeKeys = []string{
		"Tree", "num_leaves", "num_cat", "cat_boundaries", "cat_threshold", "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
		"leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count", "is_linear", "shrinkage",
	}
)

func (m *Model) takeHeader(header block) (average bool, err error) {
	version, err := header.must("version")
	if err != nil {
		return false, err
	}
	if m.Version = version.text; m.Version != "v2" && m.Version != "v3" && m.Version != "v4" {
		return false, version.wrong("%.20q, want v2, v3 or v4", m.Version)
	}
	e := &tree.Ensemble{}
	m.Ensemble = e
	last, err := header.count("max_feature_idx", 0, tree.MaxFeatures-1)
	if err != nil {
		return false, err
	}
	e.Features = last + 1
	if e.Outputs, err = header.count("num_class", 1, tree.MaxOutputs); err != nil {
		return false, err
	}
	if _, err = header.count("num_tree_per_iteration", e.Outputs, e.Outputs); err != nil {
		return false, err
	}
	e.Bias = make([]float64, e.Outputs)
	objective, err := header.must("objective")
	if err != nil {
		return false, fmt.Errorf("%w: a model with an objective of its own: its margins mean what only its author knows", err)
	}
	if err := m.takeObjective(objective); err != nil {
		return false, err
	}
	names, err := header.must("feature_names")
	if err != nil {
		return false, err
	}
	if m.FeatureNames = strings.Fields(names.text); len(m.FeatureNames) != e.Features {
		return false, names.wrong("%d names for %d features", len(m.FeatureNames), e.Features)
	}
	forest, average := header["average_output"]
	if average && e.Objective != tree.Regression {
		return false, forest.wrong("a random forest that is not a regression: train it with boosting=gbdt")
	}
	return average, nil
}

// takeObjective understands the objectives whose link is known.
func (m *Model) takeObjective(l line) error {
	words := strings.Fields(l.text)
	if len(words) == 0 {
		return l.wrong("is empty")
	}
	e := m.Ensemble
	parameters := words[1:]
	allowed := func(parameter string) bool { return false }
	switch m.Objective = words[0]; m.Objective {
	case "binary":
		e.Objective = tree.Binary
		allowed = func(p string) bool { return p == "sigmoid:1" }
	case "cross_entropy":
		e.Objective = tree.Binary
	case "multiclass":
		e.Objective = tree.Multiclass
		allowed = func(p string) bool { return p == "num_class:"+strconv.Itoa(e.Outputs) }
	case "regression", "regression_l2", "regression_l1", "huber", "fair", "quantile", "mape":
		e.Objective = tree.Regression
		allowed = func(p string) bool { return p != "sqrt" }
	case "poisson", "gamma", "tweedie":
		e.Objective = tree.LogLink
		allowed = func(p string) bool { return strings.Contains(p, ":") }
	case "lambdarank", "rank_xendcg":
		e.Objective = tree.Ranking
	default:
		return l.wrong("%.40q is not supported: it must be one of binary, cross_entropy, multiclass, regression, regression_l1, "+
			"huber, fair, quantile, mape, poisson, gamma, tweedie, lambdarank, rank_xendcg", m.Objective)
	}
	for _, p := range parameters {
		if !allowed(p) {
			return l.wrong("%.40q of %s would change what scores mean, and is not supported: train without it", p, m.Objective)
		}
	}
	if (e.Outputs > 1) != (e.Objective == tree.Multiclass) {
		return l.wrong("%d classes for %s", e.Outputs, m.Objective)
	}
	return nil
}

// takeTrees reads tree after tree up to the words that end them; what follows (importances, parameters) is not read.
func (m *Model) takeTrees(l *lines) error {
	for {
		ended, err := l.skipTo("end of trees")
		if err != nil || ended {
			return err
		}
		if len(m.Ensemble.Trees) == tree.MaxTrees {
			return l.wrong("more than %d trees", tree.MaxTrees)
		}
		b, err := l.block(treeKeys)
		if err != nil {
			return err
		}
		t, err := treeOf(b, len(m.Ensemble.Trees), m.Ensemble.Features)
		if err != nil {
			return err
		}
		m.Ensemble.Trees = append(m.Ensemble.Trees, t)
	}
}
