// Package xgboost reads models that XGBoost 1.x to 3.x has saved as JSON or UBJSON, strictly: what it does not
// understand whole it refuses, naming the field. The margins of what it returns are XGBoost's up to the rounding of
// float32 sums.
package xgboost

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/decider/model/tree"
)

// MaxBytes bounds a file.
const MaxBytes = 64 << 20

// ErrInvalid is wrapped by every error of Read. The message names the field, or the byte.
var ErrInvalid = errors.New("xgboost: the model cannot be taken")

// Model is what a file says.
type Model struct {
	Ensemble *tree.Ensemble
	// Version of XGBoost that wrote it: "1.7.4"; empty when the file does not say.
	Version string
	// Objective as XGBoost calls it.
	Objective string
	// FeatureNames are in the order of a row; none when the model was trained without names.
	FeatureNames []string
	// Rounds that were kept of those in the file: fewer after early stopping.
	Rounds, RoundsInFile int
}

// Read reads a file. It fails with ErrInvalid.
func Read(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: larger than %d MiB: train fewer or smaller trees", ErrInvalid, MaxBytes>>20)
	}
	root, err := parse(data)
	if err != nil {
		return nil, err
	}
	m := &Model{Version: versionOf(root)}
	learner, err := root.must("learner")
	if err != nil {
		return nil, err
	}
	learner.path = "learner"
	if m.FeatureNames, err = featureNames(learner); err != nil {
		return nil, err
	}
	p, err := parametersOf(learner)
	if err != nil {
		return nil, err
	}
	m.Objective = p.objective
	b, err := boosterOf(learner, p)
	if err != nil {
		return nil, err
	}
	m.RoundsInFile = len(b.trees) / b.perRound
	if m.Rounds, err = roundsKept(learner, m.RoundsInFile); err != nil {
		return nil, err
	}
	if len(m.FeatureNames) > 0 && len(m.FeatureNames) != p.features {
		return nil, fmt.Errorf("%w: learner.feature_names: %d names for %d features", ErrInvalid, len(m.FeatureNames), p.features)
	}
	m.Ensemble = &tree.Ensemble{
		Objective: p.means, Outputs: p.outputs, Features: p.features, Bias: p.bias, Single: true, Trees: b.inOrder(m.Rounds, p.outputs),
	}
	if err := m.Ensemble.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return m, nil
}

// parse tells the formats apart by what follows the first brace: a name's quote, or a length.
func parse(data []byte) (field, error) {
	var v any
	var err error
	switch {
	case len(data) < 2 || data[0] != '{' && !isSpace(data[0]):
		return field{}, fmt.Errorf("%w: neither JSON nor UBJSON: XGBoost's old binary format is not read; "+
			`load the model in Python and save it again: booster.save_model("model.ubj")`, ErrInvalid)
	case data[0] == '{' && data[1] != '"' && data[1] != '}' && !isSpace(data[1]):
		v, err = readUBJSON(data)
	default:
		v, err = readJSON(data)
	}
	return field{"", v}, err
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func versionOf(root field) string {
	v, _ := root.get("version").value.(numbers)
	if len(v) > 4 {
		return ""
	}
	parts := make([]string, len(v))
	for i, n := range v {
		w, ok := whole(n, 0, 1<<20)
		if !ok {
			return ""
		}
		parts[i] = strconv.Itoa(w)
	}
	return strings.Join(parts, ".")
}

func featureNames(learner field) ([]string, error) {
	f := learner.get("feature_names")
	switch v := f.value.(type) {
	case nil:
		return nil, nil
	case numbers:
		if len(v) == 0 {
			return nil, nil
		}
	case list:
		names := make([]string, len(v))
		for i, name := range v {
			var ok bool
			if names[i], ok = name.(string); !ok {
				return nil, f.wrong("entry %d is no text", i)
			}
		}
		return names, nil
	}
	return nil, f.wrong("want a list of texts")
}

// roundsKept honours early stopping as scikit-learn's interface does: what came after the best round is not used.
func roundsKept(learner field, rounds int) (int, error) {
	f := learner.get("attributes").get("best_iteration")
	if f.value == nil {
		return rounds, nil
	}
	s, _ := f.value.(string)
	best, err := strconv.Atoi(s)
	if err != nil || best < 0 {
		return 0, f.wrong("want the number of a round as text")
	}
	return min(best+1, rounds), nil
}
