package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDocumentBytes bounds a mapping file.
const maxDocumentBytes = 1 << 20

// ErrMapping is wrapped by every error of reading a mapping; the text names the line.
var ErrMapping = errors.New("importer: the mapping is not valid")

// document is a mapping as written. docs/mappings.md describes every key.
type document struct {
	Name        string           `yaml:"name"`
	Description string           `yaml:"description"`
	Time        timeDocument     `yaml:"time"`
	Tables      tableDocuments   `yaml:"tables"`
	Constants   namedTexts       `yaml:"constants"`
	Sources     []sourceDocument `yaml:"sources"`
}

type timeDocument struct {
	Zone   string `yaml:"zone"`
	Origin string `yaml:"origin"`
}

// inputDocument is which file, and how to read it.
type inputDocument struct {
	File     string      `yaml:"file"`
	Format   string      `yaml:"format"`
	Optional bool        `yaml:"optional"`
	CSV      csvDocument `yaml:"csv"`
	Line     int         `yaml:"-"`
}

type csvDocument struct {
	Separator string   `yaml:"separator"`
	Trim      bool     `yaml:"trim"`
	Header    []string `yaml:"header"`
}

type tableDocument struct {
	inputDocument `yaml:",inline"`
	Name          string     `yaml:"-"`
	Kind          string     `yaml:"kind"`
	When          text       `yaml:"when"`
	Let           namedTexts `yaml:"let"`
	Key           text       `yaml:"key"`
	Value         text       `yaml:"value"`
}

type sourceDocument struct {
	inputDocument `yaml:",inline"`
	Let           namedTexts       `yaml:"let"`
	Skip          []skipDocument   `yaml:"skip"`
	Refuse        []refuseDocument `yaml:"refuse"`
	Group         *groupDocument   `yaml:"group"`
	Emit          []emitDocument   `yaml:"emit"`
}

type skipDocument struct {
	When   text `yaml:"when"`
	Reason text `yaml:"reason"`
}

type refuseDocument struct {
	When    text   `yaml:"when"`
	Reason  text   `yaml:"reason"`
	Field   string `yaml:"field"`
	Message string `yaml:"message"`
}

type groupDocument struct {
	Key    text `yaml:"key"`
	Within int  `yaml:"within"`
}

type identifierDocument struct {
	Type  text `yaml:"type"`
	Value text `yaml:"value"`
}

type linesDocument struct {
	Each     text `yaml:"each"`
	When     text `yaml:"when"`
	Item     text `yaml:"item"`
	Category text `yaml:"category"`
	Quantity text `yaml:"quantity"`
	Amount   text `yaml:"amount"`
}

// emitDocument is one item that a row becomes. Its fields are those of the ingest API's Item.
type emitDocument struct {
	Line                int                  `yaml:"-"`
	When                text                 `yaml:"when"`
	Each                text                 `yaml:"each"`
	Type                text                 `yaml:"type"`
	Identifiers         []identifierDocument `yaml:"identifiers"`
	MessageID           text                 `yaml:"message_id"`
	Time                text                 `yaml:"time"`
	Received            text                 `yaml:"received"`
	Channel             text                 `yaml:"channel"`
	Name                text                 `yaml:"name"`
	Kind                text                 `yaml:"kind"`
	Amount              text                 `yaml:"amount"`
	Currency            text                 `yaml:"currency"`
	Order               text                 `yaml:"order"`
	Coupon              text                 `yaml:"coupon"`
	Lines               *linesDocument       `yaml:"lines"`
	DecisionID          text                 `yaml:"decision_id"`
	Offer               text                 `yaml:"offer"`
	Treatment           text                 `yaml:"treatment"`
	Placement           text                 `yaml:"placement"`
	Cost                text                 `yaml:"cost"`
	Category            text                 `yaml:"category"`
	Policy              text                 `yaml:"policy"`
	Candidates          text                 `yaml:"candidates"`
	Propensity          text                 `yaml:"propensity"`
	PropensityEstimated text                 `yaml:"propensity_estimated"`
	Attributes          namedTexts           `yaml:"attributes"`
	ValidityMS          text                 `yaml:"validity_ms"`
	Channels            text                 `yaml:"channels"`
	Purpose             text                 `yaml:"purpose"`
	Given               text                 `yaml:"given"`
	Properties          namedTexts           `yaml:"properties"`
}

// text is a scalar with the line it stands on. The zero text is absent.
type text struct {
	value string
	line  int
}

func (t text) given() bool { return t.line != 0 }

// UnmarshalYAML takes any scalar but null.
func (t *text) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return fmt.Errorf("line %d: want one value here (write an expression as text)", node.Line)
	}
	*t = text{value: node.Value, line: node.Line}
	return nil
}

// namedText is one entry of a mapping whose order matters.
type namedText struct {
	name string
	text text
}

type namedTexts []namedText

// UnmarshalYAML keeps the order and refuses repeated names.
func (n *namedTexts) UnmarshalYAML(node *yaml.Node) error {
	return pairs(node, func(key, value *yaml.Node) error {
		var t text
		if err := t.UnmarshalYAML(value); err != nil {
			return err
		}
		*n = append(*n, namedText{key.Value, t})
		return nil
	})
}

type tableDocuments []tableDocument

// UnmarshalYAML keeps the order.
func (d *tableDocuments) UnmarshalYAML(node *yaml.Node) error {
	return pairs(node, func(key, value *yaml.Node) error {
		t := tableDocument{Name: key.Value}
		if err := strict(value, &t); err != nil {
			return err
		}
		t.inputDocument.Line = key.Line
		*d = append(*d, t)
		return nil
	})
}

// UnmarshalYAML notes the line.
func (d *sourceDocument) UnmarshalYAML(node *yaml.Node) error {
	type plain sourceDocument
	if err := strict(node, (*plain)(d)); err != nil {
		return err
	}
	d.inputDocument.Line = node.Line
	return nil
}

// UnmarshalYAML notes the line.
func (d *emitDocument) UnmarshalYAML(node *yaml.Node) error {
	type plain emitDocument
	if err := strict(node, (*plain)(d)); err != nil {
		return err
	}
	d.Line = node.Line
	return nil
}

func pairs(node *yaml.Node, each func(key, value *yaml.Node) error) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want names with values here", node.Line)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value == "" || seen[key.Value] {
			return fmt.Errorf("line %d: a name is missing or stands twice", key.Line)
		}
		seen[key.Value] = true
		if err := each(key, node.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// readDocument decodes one YAML document; keys that do not exist are errors with their line.
func readDocument(data []byte) (document, error) {
	var doc document
	if len(data) > maxDocumentBytes {
		return doc, fmt.Errorf("%w: larger than %d bytes", ErrMapping, maxDocumentBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var node yaml.Node
	if err := dec.Decode(&node); err != nil {
		return doc, yamlError(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return doc, fmt.Errorf("%w: want one YAML document", ErrMapping)
	}
	if err := strict(&node, &doc); err != nil {
		return doc, yamlError(err)
	}
	return doc, nil
}

func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is empty", ErrMapping)
	}
	return fmt.Errorf("%w: %s", ErrMapping, strings.TrimPrefix(err.Error(), "yaml: "))
}
