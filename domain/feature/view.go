package feature

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// ErrViewInvalid is wrapped by every error of ParseView.
var ErrViewInvalid = errors.New("feature: the view is not valid")

// View is a versioned, fingerprinted list of features. It is never edited, only followed by another version.
// It is ready to read with; the zero View has no features.
type View struct {
	name        string
	document    document
	canonical   string
	fingerprint domain.Hash
	index       map[string]int
	plan        *plan
}

// document is a view as written.
type document struct {
	Name        string `json:"name"`
	Version     uint32 `json:"version"`
	Description string `json:"description"`
	// Channels have the codes 1, 2, ... in this order; any other channel is 0.
	Channels []string `json:"channels"`
	// Context are the facts of a request that features computed on demand read.
	Context  []Fact `json:"context,omitempty"`
	Features []Spec `json:"features"`
}

// Fact declares one fact of a request: its type is text, number or flag.
type Fact struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Limits of a view.
const (
	maxFeatures     = 1024
	maxViewWindows  = 15
	maxViewChannels = 31
	maxFacts        = 50
	maxDocument     = 1 << 20
)

var viewName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// ParseView reads and checks a view's JSON document. All faults are reported together in a problem.List, each with the
// field it is in; the error wraps ErrViewInvalid.
func ParseView(data []byte) (View, error) {
	if len(data) > maxDocument {
		return View{}, fmt.Errorf("%w: larger than %d bytes", ErrViewInvalid, maxDocument)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var d document
	if err := decoder.Decode(&d); err != nil {
		return View{}, fmt.Errorf("%w: reading JSON: %w", ErrViewInvalid, problem.InJSON(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return View{}, fmt.Errorf("%w: something follows the document", ErrViewInvalid)
	}
	var found problem.List
	d.check(&found)
	if len(found) > 0 {
		return View{}, fmt.Errorf("%w: %w", ErrViewInvalid, found)
	}
	v := View{
		name:     d.Name + "@" + strconv.FormatUint(uint64(d.Version), 10),
		document: d, index: make(map[string]int, len(d.Features)),
	}
	for i, s := range d.Features {
		v.index[s.Name] = i
	}
	canonical, err := d.canonical()
	if err != nil {
		return View{}, fmt.Errorf("%w: writing its canonical form: %w", ErrViewInvalid, err)
	}
	v.canonical = string(canonical)
	v.fingerprint = sha256.Sum256(canonical)
	if v.plan = compile(d, &found); len(found) > 0 {
		return View{}, fmt.Errorf("%w: %w", ErrViewInvalid, found)
	}
	return v, nil
}

func (d document) check(found *problem.List) {
	if !viewName.MatchString(d.Name) {
		found.Add("name", problem.Invalid, "name must be lower case letters, digits, underscores and dashes, at most 63")
	}
	if d.Version == 0 {
		found.Add("version", problem.OutOfRange, "version must be 1 or more")
	}
	if d.Description == "" {
		found.Add("description", problem.Required, "description is empty")
	}
	if len(d.Features) == 0 || len(d.Features) > maxFeatures {
		found.Add("features", problem.OutOfRange, "%d features, want 1 to %d", len(d.Features), maxFeatures)
	}
	if len(d.Channels) > maxViewChannels {
		found.Add("channels", problem.TooMany, "%d channels, at most %d", len(d.Channels), maxViewChannels)
	}
	for i, c := range d.Channels {
		if c == "" || slices.Contains(d.Channels[:i], c) {
			found.Add(fmt.Sprintf("channels[%d]", i), problem.Duplicate, "channel %d is empty or named twice", i+1)
		}
	}
	d.checkContext(found)
	taken := map[string]bool{}
	for i, s := range d.Features {
		if taken[s.Name] {
			found.Add(featureAt(i)+".name", problem.Duplicate, "%q: the name is taken", s.Name)
		}
		taken[s.Name] = true
		s.check(featureAt(i), found)
	}
}

func (d document) checkContext(found *problem.List) {
	if len(d.Context) > maxFacts {
		found.Add("context", problem.TooMany, "%d facts, at most %d", len(d.Context), maxFacts)
	}
	taken := map[string]bool{}
	for i, f := range d.Context {
		at := fmt.Sprintf("context[%d]", i)
		if !featureName.MatchString(f.Name) || taken[f.Name] {
			found.Add(at+".name", problem.Invalid, "%q is taken, or not lower case letters, digits and underscores, at most 64", f.Name)
		}
		taken[f.Name] = true
		if types := []string{"text", "number", "flag"}; !slices.Contains(types, f.Type) {
			found.Add(at+".type", problem.Unknown, "%q is not text, number or flag%s", f.Type, expression.Suggestion(f.Type, types))
		}
	}
}

// canonical is the document's one JSON form: fields in their declared order, no spaces, nothing escaped for HTML.
func (d document) canonical() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Name is the view's name and version: "core@1".
func (v View) Name() string { return v.name }

// Description is for people.
func (v View) Description() string { return v.document.Description }

// Family is the view's name without its version: "core".
func (v View) Family() string { return v.document.Name }

// Fingerprint is the SHA-256 of Canonical: what a decision record carries.
func (v View) Fingerprint() domain.Hash { return v.fingerprint }

// Canonical is the view's canonical JSON: what a FeatureViewPublished event carries. ParseView reads it back.
func (v View) Canonical() []byte { return []byte(v.canonical) }

// Len is the number of features, and so of values in a vector.
func (v View) Len() int { return len(v.document.Features) }

// Specs are the features in the vector's order.
func (v View) Specs() []Spec {
	out := slices.Clone(v.document.Features)
	for i := range out {
		s := &out[i]
		s.Source, s.Per, s.Tags = slices.Clone(s.Source), slices.Clone(s.Per), slices.Clone(s.Tags)
	}
	return out
}

// Context are the facts of a request that the view reads.
func (v View) Context() []Fact { return slices.Clone(v.document.Context) }

// Index is a feature's place in the vector.
func (v View) Index(name string) (int, bool) {
	i, ok := v.index[name]
	return i, ok
}

// ChannelCode is the number that stands for a channel in features: from 1 in the order of the document; 0 for a
// channel the view does not name.
func (v View) ChannelCode(channel string) int {
	return slices.Index(v.document.Channels, channel) + 1
}
