package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/problem"
)

// Format is the artefact's format, written into every file. Files of a format are read for ever.
const Format = "proffer-model/1"

// Limits of a file.
const (
	MaxBytes     = 64 << 20
	MaxCardBytes = 256 << 10
	MaxGolden    = 10_000
)

// Errors of a file.
var (
	// ErrFile is wrapped by every error of Decode, Encode and Check: the message names the field.
	ErrFile = errors.New("model: the file is not valid")
	// ErrTooLarge: the file is larger than MaxBytes.
	ErrTooLarge = fmt.Errorf("model: the file is larger than %d MiB", MaxBytes>>20)
)

// File is a model with all that makes its scores: what is registered, kept under its digest and named by decisions.
// Its bytes are one JSON document.
type File struct {
	// Origin says who made the trees: "xgboost 1.7.4", "proffer".
	Origin string
	// Label is what is predicted: "churn_90d".
	Label string
	// View is the view its features are read from ("core@1"), with that view's fingerprint.
	View            string
	ViewFingerprint domain.Hash
	// Features in the order of a row.
	Features []string
	// Class is the output whose probability is the score of a multiclass model; 0 otherwise.
	Class int
	// Calibration is for binary models; others have none.
	Calibration calibration.Calibration
	Ensemble    *tree.Ensemble
	// Golden rows have margins that a reading of this file must reproduce before it may score.
	Golden []Golden
	// Card is the model card, a JSON object.
	Card json.RawMessage
}

// Golden is a row with the margins that belong to it, one an output. NaN in the row is missing.
type Golden struct {
	Row     []float64
	Margins []float64
}

// document is a File as written. The order of the fields is the order in the bytes.
type document struct {
	Format          string                  `json:"format"`
	Origin          string                  `json:"origin"`
	Label           string                  `json:"label"`
	View            string                  `json:"view"`
	ViewFingerprint string                  `json:"view_fingerprint"`
	Features        []string                `json:"features"`
	Class           int                     `json:"class"`
	Calibration     calibration.Calibration `json:"calibration"`
	Ensemble        ensembleDocument        `json:"ensemble"`
	Golden          []goldenDocument        `json:"golden"`
	Card            json.RawMessage         `json:"card"`
}

type goldenDocument struct {
	Row     []*float64 `json:"row"` // null is missing
	Margins []float64  `json:"margins"`
}

type ensembleDocument struct {
	Objective tree.Objective `json:"objective"`
	Outputs   int            `json:"outputs"`
	Single    bool           `json:"single"`
	Bias      []float64      `json:"bias"`
	Trees     []treeDocument `json:"trees"`
}

// treeDocument has one entry a node in each list; Cover and Gain are left out when they are unknown.
type treeDocument struct {
	Left    []int32 `json:"left"` // -1 is a leaf
	Right   []int32 `json:"right"`
	Feature []int32 `json:"feature"`
	// Number is a split's threshold or a leaf's value.
	Number []float64 `json:"number"`
	// MissingLeft is 1 when missing values go left.
	MissingLeft []int8    `json:"missing_left"`
	Cover       []float64 `json:"cover,omitempty"`
	Gain        []float64 `json:"gain,omitempty"`
	// Categories are left out when no split is by category: the bits of those that go left, null for other nodes.
	Categories [][]uint32 `json:"categories,omitempty"`
}

// Digest is the SHA-256 of a file's bytes: its name everywhere.
func Digest(data []byte) domain.Hash { return sha256.Sum256(data) }

// Encode checks a file and writes its bytes: the same file gives the same bytes.
func (f *File) Encode() ([]byte, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	d := document{
		Format: Format, Origin: f.Origin, Label: f.Label, View: f.View, ViewFingerprint: hex.EncodeToString(f.ViewFingerprint[:]),
		Features: f.Features, Class: f.Class, Calibration: f.Calibration, Ensemble: ensembleOf(f.Ensemble), Card: f.Card,
	}
	if d.Calibration.Kind == "" {
		d.Calibration.Kind = calibration.None
	}
	if d.Card == nil {
		d.Card = json.RawMessage("{}")
	}
	for _, g := range f.Golden {
		d.Golden = append(d.Golden, goldenOf(g))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("%w: write: %w", ErrFile, err)
	}
	if b.Len() > MaxBytes {
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}

// Decode reads a file strictly and checks it. It fails with ErrTooLarge or ErrFile.
func Decode(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, ErrTooLarge
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w: import models of other programs, they are not registered as they are", ErrFile, problem.InJSON(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the document", ErrFile)
	}
	if d.Format != Format {
		return nil, fmt.Errorf("%w: format: %q, want %q", ErrFile, d.Format, Format)
	}
	f := &File{
		Origin: d.Origin, Label: d.Label, View: d.View, Features: d.Features, Class: d.Class,
		Calibration: d.Calibration, Card: d.Card,
	}
	fingerprint, err := hex.DecodeString(d.ViewFingerprint)
	if err != nil || len(fingerprint) != len(f.ViewFingerprint) {
		return nil, fmt.Errorf("%w: view_fingerprint: want %d hexadecimal digits", ErrFile, 2*len(f.ViewFingerprint))
	}
	copy(f.ViewFingerprint[:], fingerprint)
	if f.Ensemble, err = d.Ensemble.ensemble(len(d.Features)); err != nil {
		return nil, err
	}
	for _, g := range d.Golden {
		f.Golden = append(f.Golden, g.golden())
	}
	return f, f.Check()
}

// Check finds the first fault of a file. It fails with ErrFile.
func (f *File) Check() error {
	if err := f.checkTexts(); err != nil {
		return err
	}
	if f.Ensemble == nil {
		return fmt.Errorf("%w: ensemble: there is none", ErrFile)
	}
	if err := f.Ensemble.Check(); err != nil {
		return fmt.Errorf("%w: ensemble: %w", ErrFile, err)
	}
	if f.Ensemble.Features != len(f.Features) {
		return fmt.Errorf("%w: features: %d names for trees over %d features", ErrFile, len(f.Features), f.Ensemble.Features)
	}
	if f.Class < 0 || f.Class >= f.Ensemble.Outputs {
		return fmt.Errorf("%w: class: %d of %d", ErrFile, f.Class, f.Ensemble.Outputs)
	}
	if err := f.Calibration.Check(); err != nil {
		return fmt.Errorf("%w: calibration: %w", ErrFile, err)
	}
	if kind := f.Calibration.Kind; kind != "" && kind != calibration.None && f.Ensemble.Objective != tree.Binary {
		return fmt.Errorf("%w: calibration: %s is for binary models, this one is %s", ErrFile, kind, f.Ensemble.Objective)
	}
	return f.checkGolden()
}

func (f *File) checkTexts() error {
	for _, t := range []struct{ field, text string }{{"origin", f.Origin}, {"label", f.Label}, {"view", f.View}} {
		if len(t.text) > 200 {
			return fmt.Errorf("%w: %s: longer than 200 bytes", ErrFile, t.field)
		}
	}
	if name, version, ok := strings.Cut(f.View, "@"); !ok || name == "" || version == "" {
		return fmt.Errorf("%w: view: %q, want name@version", ErrFile, f.View)
	}
	seen := map[string]int{}
	for i, name := range f.Features {
		if name == "" || len(name) > 200 {
			return fmt.Errorf("%w: features[%d]: a name has 1 to 200 bytes", ErrFile, i)
		}
		if before, twice := seen[name]; twice {
			return fmt.Errorf("%w: features[%d]: %q is features[%d] already", ErrFile, i, name, before)
		}
		seen[name] = i
	}
	var object map[string]json.RawMessage
	if f.Card != nil && (len(f.Card) > MaxCardBytes || json.Unmarshal(f.Card, &object) != nil) {
		return fmt.Errorf("%w: card: want a JSON object of at most %d KiB", ErrFile, MaxCardBytes>>10)
	}
	return nil
}

func (f *File) checkGolden() error {
	if len(f.Golden) == 0 || len(f.Golden) > MaxGolden {
		return fmt.Errorf("%w: golden: %d rows, want 1 to %d", ErrFile, len(f.Golden), MaxGolden)
	}
	for i, g := range f.Golden {
		if len(g.Row) != len(f.Features) || len(g.Margins) != f.Ensemble.Outputs {
			return fmt.Errorf("%w: golden[%d]: %d values and %d margins, want %d and %d",
				ErrFile, i, len(g.Row), len(g.Margins), len(f.Features), f.Ensemble.Outputs)
		}
		if slices.ContainsFunc(g.Row, func(v float64) bool { return math.IsInf(v, 0) }) ||
			slices.ContainsFunc(g.Margins, func(v float64) bool { return v-v != 0 }) {
			return fmt.Errorf("%w: golden[%d]: a number is not finite", ErrFile, i)
		}
	}
	return nil
}

func goldenOf(g Golden) goldenDocument {
	d := goldenDocument{Row: make([]*float64, len(g.Row)), Margins: g.Margins}
	for i, v := range g.Row {
		if !math.IsNaN(v) {
			d.Row[i] = &g.Row[i]
		}
	}
	return d
}

func (d goldenDocument) golden() Golden {
	g := Golden{Row: make([]float64, len(d.Row)), Margins: d.Margins}
	for i, v := range d.Row {
		g.Row[i] = domain.CanonicalNaN
		if v != nil {
			g.Row[i] = *v
		}
	}
	return g
}

func ensembleOf(e *tree.Ensemble) ensembleDocument {
	d := ensembleDocument{Objective: e.Objective, Outputs: e.Outputs, Single: e.Single, Bias: e.Bias}
	for i := range e.Trees {
		d.Trees = append(d.Trees, treeOf(e.Trees[i].Nodes))
	}
	return d
}

func treeOf(nodes []tree.Node) treeDocument {
	n := len(nodes)
	d := treeDocument{
		Left: make([]int32, n), Right: make([]int32, n), Feature: make([]int32, n), Number: make([]float64, n), MissingLeft: make([]int8, n),
	}
	covered := slices.ContainsFunc(nodes, func(n tree.Node) bool { return n.Cover != 0 })
	gained := slices.ContainsFunc(nodes, func(n tree.Node) bool { return n.Gain != 0 })
	categorical := slices.ContainsFunc(nodes, func(n tree.Node) bool { return n.Categories != nil })
	for i := range nodes {
		node := &nodes[i]
		d.Left[i], d.Right[i] = node.Left, node.Right
		if d.Number[i] = node.Value; !node.Leaf() {
			d.Feature[i], d.Number[i] = node.Feature, node.Threshold
			if node.MissingLeft {
				d.MissingLeft[i] = 1
			}
		}
		if covered {
			d.Cover = append(d.Cover, node.Cover)
		}
		if gained {
			d.Gain = append(d.Gain, node.Gain)
		}
		if categorical {
			d.Categories = append(d.Categories, node.Categories)
		}
	}
	return d
}

// ensemble builds the trees; that they make sense is for Check.
func (d ensembleDocument) ensemble(features int) (*tree.Ensemble, error) {
	e := &tree.Ensemble{
		Objective: d.Objective, Outputs: d.Outputs, Features: features, Bias: d.Bias, Single: d.Single, Trees: make([]tree.Tree, len(d.Trees)),
	}
	for i := range d.Trees {
		nodes, ok := d.Trees[i].nodes()
		if !ok {
			return nil, fmt.Errorf("%w: ensemble.trees[%d]: lists of different lengths", ErrFile, i)
		}
		e.Trees[i].Nodes = nodes
	}
	return e, nil
}

func (d *treeDocument) nodes() ([]tree.Node, bool) {
	n := len(d.Left)
	for _, length := range [...]int{len(d.Right), len(d.Feature), len(d.Number), len(d.MissingLeft)} {
		if length != n {
			return nil, false
		}
	}
	if d.Cover != nil && len(d.Cover) != n || d.Gain != nil && len(d.Gain) != n || d.Categories != nil && len(d.Categories) != n {
		return nil, false
	}
	nodes := make([]tree.Node, n)
	for i := range nodes {
		node := &nodes[i]
		node.Left, node.Right = d.Left[i], d.Right[i]
		if node.Leaf() {
			node.Value = d.Number[i]
		} else {
			node.Feature, node.Threshold, node.MissingLeft = d.Feature[i], d.Number[i], d.MissingLeft[i] != 0
		}
		if d.Cover != nil {
			node.Cover = d.Cover[i]
		}
		if d.Gain != nil {
			node.Gain = d.Gain[i]
		}
		if d.Categories != nil && !node.Leaf() {
			node.Categories = d.Categories[i]
		}
	}
	return nodes, true
}
