// Package labelfile reads the document in which a data scientist declares a label, YAML, into the label of the domain.
package labelfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/problem"
)

// MaxBytes is how long a document may be.
const MaxBytes = 100_000

// ErrInvalid is wrapped by every complaint about a document's shape; what is wrong with its meaning is label.ErrInvalid.
// Both name the line.
var ErrInvalid = errors.New("labelfile: the document is no label")

// fields are those of each mapping, by its path without indexes.
func fields() map[string][]string {
	return map[string][]string{
		"": {
			"name", "description", "owner", "population", "source", "filter", "value", "aggregation", "starts", "horizon",
			"attribution",
		},
		"population":          {"at_least", "when"},
		"population.at_least": {"count", "source", "filter", "within"},
	}
}

// Parse reads one document: YAML, or the name of a label that comes with the product. Its population is checked against
// the view.
func Parse(text []byte, v feature.View) (label.Label, error) {
	l, lines, err := read(text)
	if err == nil {
		_, err = l.For(v)
	}
	if err != nil {
		return label.Label{}, withLines(err, lines)
	}
	return l, nil
}

// read is Parse without a view, and the lines of the document's fields.
func read(text []byte) (label.Label, map[string]int, error) {
	if l, shipped := label.ShippedAs(strings.TrimSpace(string(text))); shipped {
		return l, nil, nil
	}
	if len(text) > MaxBytes {
		return label.Label{}, nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalid, len(text), MaxBytes)
	}
	root, err := rootOf(text)
	if err != nil {
		return label.Label{}, nil, err
	}
	lines := map[string]int{}
	value, err := plain(root, "", lines)
	if err != nil {
		return label.Label{}, nil, err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return label.Label{}, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	l, err := label.Parse(data)
	return l, lines, err
}

func rootOf(text []byte) (*yaml.Node, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it is empty", ErrInvalid)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: a file holds one document", ErrInvalid)
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode {
		var names []string
		for _, l := range label.Shipped() {
			names = append(names, l.Name())
		}
		return nil, fmt.Errorf("%w: there is no label %q; with the product come %s%s", ErrInvalid, root.Value,
			strings.Join(names, ", "), expression.Suggestion(root.Value, names))
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%w: line %d: want the label's fields", ErrInvalid, root.Line)
	}
	return root, nil
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// plain is a node as JSON has it, with the line of each path.
func plain(n *yaml.Node, path string, lines map[string]int) (any, error) {
	lines[path] = n.Line
	switch n.Kind {
	case yaml.MappingNode:
		return plainMapping(n, path, lines)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, x := range n.Content {
			var err error
			if out[i], err = plain(x, path+"["+strconv.Itoa(i)+"]", lines); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.ScalarNode:
		if index.ReplaceAllString(path, "") != "population.at_least.count" {
			return n.Value, nil
		}
		count, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %s: %q is no whole number", ErrInvalid, n.Line, path, n.Value)
		}
		return count, nil
	}
	return nil, fmt.Errorf("%w: line %d: nothing may refer to another part", ErrInvalid, n.Line)
}

func plainMapping(n *yaml.Node, path string, lines map[string]int) (any, error) {
	known, isMapping := fields()[index.ReplaceAllString(path, "")]
	if !isMapping {
		return nil, fmt.Errorf("%w: line %d: %s takes no fields", ErrInvalid, n.Line, path)
	}
	out := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, at := n.Content[i].Value, n.Content[i].Value
		if path != "" {
			at = path + "." + name
		}
		if _, twice := out[name]; twice || !contains(known, name) {
			return nil, fmt.Errorf("%w: line %d: there is no field %q, or it stands twice%s", ErrInvalid, n.Content[i].Line, at,
				expression.Suggestion(name, known))
		}
		value, err := plain(n.Content[i+1], at, lines)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

func contains(list []string, name string) bool {
	return slices.Contains(list, name)
}

// withLines adds to each problem the line that it is on, or, of a field that is left out, nothing.
func withLines(err error, lines map[string]int) error {
	var found problem.List
	if !errors.As(err, &found) {
		return err
	}
	out := make(problem.List, 0, len(found))
	for _, p := range found {
		if line := lines[p.Field]; line > 0 {
			p.Message = fmt.Sprintf("line %d: %s", line, p.Message)
		}
		out = append(out, p)
	}
	return fmt.Errorf("%w: %w", label.ErrInvalid, out)
}
