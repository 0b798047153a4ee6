package guardsfile

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/identity"
)

// count is how many; 0 is without a bound.
type count uint32

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *count) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.ParseUint(strings.TrimSpace(n.Value), 10, 31)
	if n.Kind != yaml.ScalarNode || err != nil {
		return fmt.Errorf("line %d: want a whole number, 0 or more", n.Line)
	}
	*c = count(v)
	return nil
}

// typeName is a type of identifier.
type typeName string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *typeName) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode || !identity.ValidType(n.Value) {
		return fmt.Errorf("line %d: a type is small letters, digits and underscores, %d at most", n.Line, identity.MaxTypeBytes)
	}
	*t = typeName(n.Value)
	return nil
}

// pattern is a regular expression.
type pattern string

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *pattern) UnmarshalYAML(n *yaml.Node) error {
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "":
		return fmt.Errorf("line %d: want a regular expression", n.Line)
	case len(n.Value) > identity.MaxPatternBytes:
		return fmt.Errorf("line %d: a pattern may have %d bytes", n.Line, identity.MaxPatternBytes)
	}
	if _, err := regexp.Compile(n.Value); err != nil {
		return fmt.Errorf("line %d: not a regular expression (RE2): %s", n.Line, fault(err))
	}
	*p = pattern(n.Value)
	return nil
}

// fault is what is wrong with a regular expression, without quoting it: it may be a value that somebody took for one.
func fault(err error) string {
	if parse, ok := errors.AsType[*syntax.Error](err); ok {
		return parse.Code.String()
	}
	return "it does not compile"
}

// value is an identifier's value.
type value string

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *value) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > identity.MaxValueBytes {
		return fmt.Errorf("line %d: want a value of 1 to %d bytes", n.Line, identity.MaxValueBytes)
	}
	*v = value(n.Value)
	return nil
}

const dayMS = int64(24 * time.Hour / time.Millisecond)

// span is milliseconds, written "30m", "12h" or "7d".
type span int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *span) UnmarshalYAML(n *yaml.Node) error {
	text := strings.TrimSpace(n.Value)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if v, err := strconv.ParseUint(days, 10, 16); err == nil && v > 0 {
			*s = span(int64(v) * dayMS)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if n.Kind != yaml.ScalarNode || err != nil || d < time.Millisecond {
		return fmt.Errorf("line %d: want a length of time such as 30m, 12h or 7d", n.Line)
	}
	*s = span(d / time.Millisecond)
	return nil
}

// text is the span as UnmarshalYAML reads it.
func (s span) text() string {
	if days := int64(s) / dayMS; int64(s)%dayMS == 0 && days <= math.MaxUint16 {
		return strconv.FormatInt(days, 10) + "d"
	}
	return (time.Duration(s) * time.Millisecond).String()
}

// plainGuard is a guard without its method, so that decoding it does not call itself.
type plainGuard guard

// UnmarshalYAML notes the line. It decodes strictly: the decoder's KnownFields does not reach types that decode
// themselves.
func (g *guard) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want a guard: type, most, window, shared_above, blocked_patterns, blocked_values", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "type", "most", "window", "shared_above", "blocked_patterns", "blocked_values":
		default:
			return fmt.Errorf("line %d: a guard has type, most, window, shared_above, blocked_patterns, blocked_values and nothing else", n.Content[i].Line)
		}
	}
	if err := n.Decode((*plainGuard)(g)); err != nil {
		return err
	}
	g.line = n.Line
	return nil
}
