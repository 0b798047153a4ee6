// Package guardsfile reads the document in which an operator writes the guards of identity, YAML, into the typed guards
// of the event catalogue, and writes guards as such a document.
package guardsfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// MaxBytes is how long a document may be: its event must fit an envelope.
const MaxBytes = 100_000

// MaxBlockedValues is how many exact values one document may block.
const MaxBlockedValues = 100

// ErrInvalid is wrapped by every complaint about a document; the text names the line, never a blocked value.
var ErrInvalid = errors.New("guardsfile: the document holds no guards")

// Document is what an operator wrote.
type Document struct {
	Guards *event.IdentityGuards
	// Blocked are exact values that mean nobody, as written. They are identifiers: they never enter the log.
	Blocked []identity.Identifier
	// Source is the document without the blocked values, as the log keeps it.
	Source string
}

// document is the shape of the file.
type document struct {
	ProfileMost count   `yaml:"profile_most"`
	Types       []guard `yaml:"types"`
}

// guard is what holds for one type of identifier.
type guard struct {
	Type            typeName  `yaml:"type"`
	Most            count     `yaml:"most"`
	Window          span      `yaml:"window"`
	SharedAbove     count     `yaml:"shared_above"`
	BlockedPatterns []pattern `yaml:"blocked_patterns"`
	BlockedValues   []value   `yaml:"blocked_values"`
	line            int
}

// Parse reads one document. Unknown keys, a second document, and values that make no sense are errors that name the
// line.
func Parse(text []byte) (Document, error) {
	if len(text) > MaxBytes {
		return Document{}, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalid, len(text), MaxBytes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var d document
	if err := decoder.Decode(&d); err != nil {
		return Document{}, complaint(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("%w: a file holds one document", ErrInvalid)
	}
	if err := d.check(); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return d.typed(text)
}

func complaint(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is empty", ErrInvalid)
	}
	return fmt.Errorf("%w: %s", ErrInvalid, strings.TrimPrefix(redacted(err), "yaml: "))
}

// redacted is the text of an error of the decoder without the values it quotes: one may be an identifier.
func redacted(err error) string {
	var mismatch *yaml.TypeError
	if !errors.As(err, &mismatch) {
		return err.Error()
	}
	kept := make([]string, len(mismatch.Errors))
	for i, e := range mismatch.Errors {
		before, rest, quoted := strings.Cut(e, "`")
		if last := strings.LastIndex(rest, "`"); quoted && last >= 0 {
			e = before + "a value" + rest[last+1:]
		}
		kept[i] = e
	}
	return strings.Join(kept, "; ")
}

// check says what the shape does not: what is required, what comes twice, what makes no sense together.
func (d document) check() error {
	if len(d.Types) == 0 && d.ProfileMost == 0 {
		return errors.New("it says nothing: want types or profile_most")
	}
	seen, values := map[typeName]int{}, 0
	for _, g := range d.Types {
		if err := g.check(seen); err != nil {
			return err
		}
		seen[g.Type] = g.line
		if values += len(g.BlockedValues); values > MaxBlockedValues {
			return fmt.Errorf("line %d: more than %d blocked values in one document", g.line, MaxBlockedValues)
		}
	}
	return nil
}

func (g guard) check(seen map[typeName]int) error {
	switch earlier, twice := seen[g.Type]; {
	case g.Type == "":
		return fmt.Errorf("line %d: a guard needs a type", g.line)
	case twice:
		return fmt.Errorf("line %d: %s stands on line %d already", g.line, g.Type, earlier)
	case g.Window > 0 && g.Most == 0:
		return fmt.Errorf("line %d: a window needs most", g.line)
	}
	return nil
}

func (d document) typed(text []byte) (Document, error) {
	out := Document{Guards: &event.IdentityGuards{ProfileMost: uint32(d.ProfileMost)}, Source: string(text)}
	for _, g := range d.Types {
		typed := &event.IdentifierGuard{
			Type: string(g.Type), Most: uint32(g.Most), WindowMs: int64(g.Window), SharedAbove: uint32(g.SharedAbove),
		}
		for _, p := range g.BlockedPatterns {
			typed.BlockedPatterns = append(typed.BlockedPatterns, string(p))
		}
		for _, v := range g.BlockedValues {
			out.Blocked = append(out.Blocked, identity.Identifier{Type: string(g.Type), Value: string(v)})
		}
		out.Guards.Types = append(out.Guards.Types, typed)
	}
	if _, err := identity.NewGuards(out.Guards); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(out.Blocked) == 0 {
		return out, nil
	}
	var err error
	out.Source, err = withoutValues(text)
	return out, err
}

// withoutValues writes the document again without its blocked values; remarks and order stay.
func withoutValues(text []byte) (string, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return "", complaint(err)
	}
	dropValues(&root)
	kept, err := yaml.Marshal(&root)
	if err != nil || yaml.Unmarshal(kept, new(document)) != nil {
		return "", fmt.Errorf("%w: nothing may refer to blocked values", ErrInvalid) // by an anchor
	}
	return string(kept), nil
}

func dropValues(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != "blocked_values" {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
	}
	for _, inner := range n.Content {
		dropValues(inner)
	}
}

// Format writes guards as a document that Parse reads back as the same guards.
func Format(g *event.IdentityGuards) (string, error) {
	d := document{ProfileMost: count(min(g.GetProfileMost(), math.MaxInt32))}
	for _, t := range g.GetTypes() {
		out := guard{
			Type: typeName(t.GetType()), Most: count(t.GetMost()), Window: span(t.GetWindowMs()), SharedAbove: count(t.GetSharedAbove()),
		}
		for _, p := range t.GetBlockedPatterns() {
			out.BlockedPatterns = append(out.BlockedPatterns, pattern(p))
		}
		d.Types = append(d.Types, out)
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(d.node()); err != nil {
		return "", fmt.Errorf("write the guards: %w", err)
	}
	return text.String(), nil
}
