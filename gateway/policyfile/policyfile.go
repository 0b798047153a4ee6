// Package policyfile reads the document an operator writes, YAML, into the typed policy of the event catalogue.
// It checks the document's shape; domain/policy checks its meaning.
package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/yamlfault"
)

// MaxBytes is how long a document may be: its event must fit an envelope.
const MaxBytes = 256 << 10

// ErrInvalid is wrapped by every complaint about a document; the text names the line.
var ErrInvalid = errors.New("policyfile: the document is not a policy")

type document struct {
	Policy        string      `yaml:"policy"`
	Description   string      `yaml:"description"`
	View          string      `yaml:"view"`
	Salt          string      `yaml:"salt"`
	Holdout       share       `yaml:"holdout"`
	Placements    []placement `yaml:"placements"`
	Offers        []offer     `yaml:"offers"`
	ContactLimits []limit     `yaml:"contact_limits"`
	Models        models      `yaml:"models"`
}

type placement struct {
	ID              string       `yaml:"id"`
	Description     string       `yaml:"description"`
	Channel         string       `yaml:"channel"`
	Offers          []string     `yaml:"offers"`
	Context         contextTypes `yaml:"context"`
	Consent         []string     `yaml:"consent"`
	UnlessWithdrawn []string     `yaml:"unless_withdrawn"`
}

type offer struct {
	ID          string            `yaml:"id"`
	Description string            `yaml:"description"`
	Category    string            `yaml:"category"`
	Eligibility []rule            `yaml:"eligibility"`
	Propensity  expression        `yaml:"propensity"`
	Value       expression        `yaml:"value"`
	Weight      expression        `yaml:"weight"`
	Cost        expression        `yaml:"cost"`
	Treatments  []treatment       `yaml:"treatments"`
	Attributes  map[string]string `yaml:"attributes"`
	Validity    span              `yaml:"validity"`

	Consent         []string `yaml:"consent"`
	UnlessWithdrawn []string `yaml:"unless_withdrawn"`
}

type model struct {
	Use      string   `yaml:"use"`
	Fallback *float64 `yaml:"fallback"`
}

type rule struct {
	Name string `yaml:"name"`
	When string `yaml:"when"`
}

type treatment struct {
	ID      string            `yaml:"id"`
	Channel string            `yaml:"channel"`
	Content map[string]string `yaml:"content"`
}

type limit struct {
	Name     string `yaml:"name"`
	Channel  string `yaml:"channel"`
	Category string `yaml:"category"`
	Most     uint32 `yaml:"most"`
	Window   span   `yaml:"window"`
}

// Parse reads one document. Unknown keys, a second document and values of the wrong kind are errors
// that name the line.
func Parse(text []byte) (*event.Policy, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrInvalid, len(text), MaxBytes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var d document
	if err := decoder.Decode(&d); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: it is empty", ErrInvalid)
		}
		return nil, fmt.Errorf("%w: %s", ErrInvalid, yamlfault.Plainly(err, document{}, placement{}, offer{}, rule{}, treatment{}, limit{}, model{}))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: a file holds one policy", ErrInvalid)
	}
	return d.typed(), nil
}

func (d document) typed() *event.Policy {
	p := &event.Policy{
		Id: d.Policy, Description: d.Description, View: d.View, Salt: d.Salt, Holdout: float64(d.Holdout),
	}
	if p.GetSalt() == "" {
		p.Salt = d.Policy
	}
	for _, x := range d.Placements {
		p.Placements = append(p.Placements, &event.Placement{
			Id: x.ID, Description: x.Description, Channel: x.Channel, Offers: x.Offers, Context: x.Context,
			Consent: x.Consent, UnlessWithdrawn: x.UnlessWithdrawn,
		})
	}
	for _, x := range d.Offers {
		p.Offers = append(p.Offers, x.typed())
	}
	for _, x := range d.ContactLimits {
		p.ContactLimits = append(p.ContactLimits, &event.ContactLimit{
			Name: x.Name, Channel: x.Channel, Category: x.Category, Most: x.Most, WindowMs: int64(x.Window),
		})
	}
	p.Models = d.Models
	return p
}

func (o offer) typed() *event.Offer {
	out := &event.Offer{
		Id: o.ID, Description: o.Description, Category: o.Category,
		Propensity: string(o.Propensity), Value: string(o.Value), Weight: string(o.Weight), Cost: string(o.Cost),
		Attributes: o.Attributes, ValidityMs: int64(o.Validity), Consent: o.Consent, UnlessWithdrawn: o.UnlessWithdrawn,
	}
	for _, r := range o.Eligibility {
		out.Eligibility = append(out.Eligibility, &event.Rule{Name: r.Name, When: r.When})
	}
	for _, t := range o.Treatments {
		out.Treatments = append(out.Treatments, &event.Treatment{Id: t.ID, Channel: t.Channel, Content: t.Content})
	}
	return out
}

// contextTypes keeps the order in which the document declares the facts.
type contextTypes []*event.ContextField

func (c *contextTypes) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: context maps names to text, number or flag", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		*c = append(*c, &event.ContextField{Name: n.Content[i].Value, Type: n.Content[i+1].Value})
	}
	return nil
}

// models keeps the order in which the document names them: "churn: churn_90d", or "churn: {use: ..., fallback: 0.1}".
type models []*event.PolicyModel

func (m *models) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: models maps names to uses", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		one := model{Use: value.Value}
		if value.Kind != yaml.ScalarNode {
			if err := known(value, "use", "fallback"); err != nil {
				return err
			}
			if err := value.Decode(&one); err != nil {
				return fmt.Errorf("line %d: a model is its use, or a use and a fallback", value.Line)
			}
		}
		*m = append(*m, &event.PolicyModel{Name: name.Value, Use: one.Use, Fallback: one.Fallback})
	}
	return nil
}

// known refuses other keys in a mapping; the decoder's own check does not reach into what is decoded by hand.
func known(n *yaml.Node, keys ...string) error {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			return fmt.Errorf("line %d: field %s not found", n.Content[i].Line, n.Content[i].Value)
		}
	}
	return nil
}

// expression is a number or a CEL text, kept as written.
type expression string

func (e *expression) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want a number or an expression", n.Line)
	}
	*e = expression(n.Value)
	return nil
}

// share is 0.05 or "5%".
type share float64

func (s *share) UnmarshalYAML(n *yaml.Node) error {
	text, percent := strings.CutSuffix(strings.TrimSpace(n.Value), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if n.Kind != yaml.ScalarNode || err != nil {
		return fmt.Errorf("line %d: want a share such as 0.05 or 5%%", n.Line)
	}
	if percent {
		v /= 100
	}
	*s = share(v)
	return nil
}

// span is milliseconds, written "30m", "12h" or "7d".
type span int64

func (s *span) UnmarshalYAML(n *yaml.Node) error {
	text := strings.TrimSpace(n.Value)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if v, err := strconv.ParseUint(days, 10, 16); err == nil {
			*s = span(time.Duration(v) * 24 * time.Hour / time.Millisecond)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if n.Kind != yaml.ScalarNode || err != nil || d < 0 {
		return fmt.Errorf("line %d: want a length of time such as 30m, 12h or 7d", n.Line)
	}
	*s = span(d / time.Millisecond)
	return nil
}
