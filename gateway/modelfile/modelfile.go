// Package modelfile turns a model that another program trained into a file of ours: the trees by the strict readers, the
// features by the view, and golden rows that must come out as that program says.
package modelfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/lightgbm"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/decider/model/xgboost"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
)

// ErrInvalid is wrapped by every error that is about the features, the golden rows or the kind of file; what is wrong
// inside a model is xgboost.ErrInvalid, lightgbm.ErrInvalid or model.ErrGolden.
var ErrInvalid = errors.New("modelfile: the model cannot be imported")

// Foreign is a model of another program with what must be known beside it.
type Foreign struct {
	// Model is an XGBoost model (JSON or UBJSON) or LightGBM text.
	Model []byte
	// View has the features; Features are their names in the order of the model's rows. Without them the names in the model
	// are taken.
	View     feature.View
	Features []string
	// Golden is CSV: a column for every feature, and margin (or margin_0, margin_1, ... for classes).
	Golden []byte
	// Calibration is for binary models. Class is the class whose probability is the score of a multiclass model.
	Calibration calibration.Calibration
	Class       int
	Label       string
	// Card is the model card, a JSON object; without it the card says what the file says.
	Card json.RawMessage
}

// Import makes the file. It is loaded once: its golden rows have come out.
func (f Foreign) Import() (*model.File, error) {
	r, err := read(f.Model)
	if err != nil {
		return nil, err
	}
	names, err := f.names(r)
	if err != nil {
		return nil, err
	}
	out := &model.File{
		Origin: r.origin, Label: f.Label, View: f.View.Name(), ViewFingerprint: f.View.Fingerprint(), Features: names,
		Class: f.Class, Calibration: f.Calibration, Ensemble: r.ensemble, Card: f.Card,
	}
	if out.Golden, err = golden(f.Golden, names, r.ensemble.Outputs); err != nil {
		return nil, err
	}
	if err := missingTried(f.View, names, out.Golden); err != nil {
		return nil, err
	}
	if out.Card == nil {
		if out.Card, err = json.Marshal(r.card); err != nil {
			return nil, fmt.Errorf("%w: write the card: %w", ErrInvalid, err)
		}
	}
	data, err := out.Encode()
	if err != nil {
		return nil, err
	}
	_, err = model.Load(data)
	return out, err
}

// reading is what was found in a foreign file.
type reading struct {
	ensemble *tree.Ensemble
	origin   string
	names    []string
	card     card
}

// card is what a file says of itself.
type card struct {
	Origin       string `json:"origin"`
	Objective    string `json:"objective"`
	Rounds       int    `json:"rounds"`
	RoundsInFile int    `json:"rounds_in_file"`
}

// read tells the formats apart by their first bytes.
func read(data []byte) (reading, error) {
	start := bytes.TrimLeft(data[:min(len(data), 64)], " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("tree")):
		m, err := lightgbm.Read(data)
		if err != nil {
			return reading{}, err
		}
		rounds := len(m.Ensemble.Trees) / m.Ensemble.Outputs
		origin := "lightgbm text " + m.Version
		return reading{m.Ensemble, origin, m.FeatureNames, card{origin, m.Objective, rounds, rounds}}, nil
	case bytes.HasPrefix(start, []byte(`{"format":"`+model.Format)):
		return reading{}, fmt.Errorf("%w: it is a file of Proffer's own: register it as it is", ErrInvalid)
	}
	m, err := xgboost.Read(data)
	if err != nil {
		return reading{}, err
	}
	origin := strings.TrimSpace("xgboost " + m.Version)
	return reading{m.Ensemble, origin, m.FeatureNames, card{origin, m.Objective, m.Rounds, m.RoundsInFile}}, nil
}

// names are the features in the order of a row: as said, as the model says, or both when they agree.
func (f Foreign) names(r reading) ([]string, error) {
	names := f.Features
	switch {
	case len(names) == 0 && len(r.names) == 0:
		return nil, fmt.Errorf("%w: the model has no feature names: give them, in the order of its columns", ErrInvalid)
	case len(names) == 0:
		names = r.names
	case len(names) != r.ensemble.Features:
		return nil, fmt.Errorf("%w: %d features are named, and the model has %d", ErrInvalid, len(names), r.ensemble.Features)
	case named(r.names):
		for i := range names {
			if names[i] != r.names[i] {
				return nil, fmt.Errorf("%w: feature %d is named %q, and the model calls it %q: the order must be the model's", ErrInvalid, i+1, names[i], r.names[i])
			}
		}
	}
	return names, f.inView(names)
}

// named says whether names are more than those that programs give to columns without one.
func named(names []string) bool {
	for i, name := range names {
		if name != fmt.Sprintf("f%d", i) && name != fmt.Sprintf("Column_%d", i) {
			return true
		}
	}
	return false
}

func (f Foreign) inView(names []string) error {
	var known []string
	for _, s := range f.View.Specs() {
		known = append(known, s.Name)
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%w: feature %d: %q is named twice", ErrInvalid, i+1, name)
		}
		if _, ok := f.View.Index(name); !ok {
			return fmt.Errorf("%w: feature %d: %s has no feature %q%s", ErrInvalid, i+1, f.View.Name(), name, expression.Suggestion(name, known))
		}
	}
	return nil
}
