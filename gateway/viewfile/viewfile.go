// Package viewfile reads the document an author writes, YAML, into a feature view. It checks the document's shape, and
// gives what domain/feature finds wrong its lines.
package viewfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/gateway/yamlfault"
)

// MaxBytes is how long a document may be: its event must fit an envelope.
const MaxBytes = 256 << 10

// ErrInvalid is wrapped by complaints about a document that is no view at all; the text names the line.
var ErrInvalid = errors.New("viewfile: the document is not a feature view")

type document struct {
	View        string    `yaml:"view" json:"-"`
	Name        string    `yaml:"-" json:"name"`
	Version     uint32    `yaml:"-" json:"version"`
	Description string    `yaml:"description" json:"description"`
	Owner       string    `yaml:"owner" json:"-"`
	Channels    []string  `yaml:"channels" json:"channels"`
	Context     facts     `yaml:"context" json:"context,omitempty"`
	Features    []written `yaml:"features" json:"features"`
}

// written is a feature.Spec as it is written: texts and numbers stand without quotes.
type written struct {
	Name        string   `yaml:"name" json:"name"`
	Description string   `yaml:"description" json:"description"`
	Source      names    `yaml:"source" json:"source"`
	Filter      string   `yaml:"filter" json:"filter,omitempty"`
	Lines       string   `yaml:"lines" json:"lines,omitempty"`
	Value       scalar   `yaml:"value" json:"value,omitempty"`
	Per         names    `yaml:"per" json:"per,omitempty"`
	Aggregation string   `yaml:"aggregation" json:"aggregation"`
	Window      string   `yaml:"window" json:"window"`
	Prior       *prior   `yaml:"prior" json:"prior,omitempty"`
	HalfLife    string   `yaml:"half_life" json:"half_life,omitempty"`
	Expression  scalar   `yaml:"expression" json:"expression,omitempty"`
	Unit        string   `yaml:"unit" json:"unit"`
	Default     scalar   `yaml:"default" json:"default"`
	Owner       string   `yaml:"owner" json:"owner"`
	Tags        []string `yaml:"tags" json:"tags,omitempty"`
	PII         string   `yaml:"pii" json:"pii,omitempty"`
}

// prior is a feature.Prior.
type prior struct {
	Share  finite `yaml:"share" json:"share"`
	Weight finite `yaml:"weight" json:"weight"`
}

// finite is a number that JSON can say.
type finite float64

func (f *finite) UnmarshalYAML(n *yaml.Node) error {
	var v float64
	if err := n.Decode(&v); err != nil || v-v != 0 {
		return fmt.Errorf("line %d: %q is no finite number", n.Line, n.Value)
	}
	*f = finite(v)
	return nil
}

// Parse reads one document. The error wraps ErrInvalid, or is that of feature.ParseView with the lines in the fields'
// messages.
func Parse(text []byte) (feature.View, error) {
	if len(text) > MaxBytes {
		return feature.View{}, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalid, len(text), MaxBytes)
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return feature.View{}, fmt.Errorf("%w: it is empty", ErrInvalid)
		}
		return feature.View{}, fmt.Errorf("%w: %s", ErrInvalid, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return feature.View{}, fmt.Errorf("%w: a file holds one view", ErrInvalid)
	}
	d, err := read(text)
	if err != nil {
		return feature.View{}, err
	}
	specs, err := json.Marshal(d)
	if err != nil {
		return feature.View{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	v, err := feature.ParseView(specs)
	if problems, ok := errors.AsType[problem.List](err); ok {
		return v, fmt.Errorf("%w: %w", feature.ErrViewInvalid, located(problems, &root))
	}
	return v, err
}

func read(text []byte) (document, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var d document
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("%w: %s", ErrInvalid, yamlfault.Plainly(err, document{}, written{}, prior{}))
	}
	name, version, _ := strings.Cut(d.View, "@")
	n, err := strconv.ParseUint(version, 10, 32)
	if err != nil {
		return d, fmt.Errorf(`%w: it begins with its name and version, like "view: retail@2"`, ErrInvalid)
	}
	d.Name, d.Version = name, uint32(n)
	if d.Channels == nil {
		d.Channels = []string{}
	}
	for i := range d.Features {
		f := &d.Features[i]
		if f.Owner == "" {
			f.Owner = d.Owner
		}
		if f.Source == nil {
			f.Source = names{}
		}
	}
	return d, nil
}

// names is one name, or a list of them.
type names []string

func (l *names) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = names{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

// scalar is a text or a number, as written.
type scalar string

func (s *scalar) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a text or a number is wanted", n.Line)
	}
	*s = scalar(n.Value)
	return nil
}

// facts keeps the order in which the document declares them.
type facts []feature.Fact

func (f *facts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: context maps names to text, number or flag", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		*f = append(*f, feature.Fact{Name: n.Content[i].Value, Type: n.Content[i+1].Value})
	}
	return nil
}

// located puts the line before each message.
func located(problems problem.List, root *yaml.Node) problem.List {
	out := make(problem.List, len(problems))
	for i, p := range problems {
		out[i] = p
		if line := lineOf(root, p.Field); line > 0 {
			out[i].Message = fmt.Sprintf("line %d: %s", line, p.Message)
		}
	}
	return out
}

var pathStep = regexp.MustCompile(`([a-z_]+)|\[(\d+)\]`)

// lineOf is the line of the nearest thing in the document that a path leads to; 0 when nothing is there.
func lineOf(root *yaml.Node, path string) int {
	at, line := root, 0
	if at.Kind == yaml.DocumentNode && len(at.Content) > 0 {
		at = at.Content[0]
	}
	for _, step := range pathStep.FindAllStringSubmatch(path, -1) {
		next := child(at, step[1], step[2])
		if next == nil {
			break
		}
		at, line = next, next.Line
	}
	return line
}

func child(n *yaml.Node, name, index string) *yaml.Node {
	if i, err := strconv.Atoi(index); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
