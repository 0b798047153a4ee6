package identity

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// pattern is a blocked pattern, compiled. Every identifier is held against all of its type and hardly one is blocked: the
// first byte tells most of them, at a tenth of what the expression takes.
type pattern struct {
	expression *regexp.Regexp
	// begins are the bytes that a value which matches may begin with.
	begins [256]bool
}

// newPattern compiles one pattern. The regular expressions are RE2's, which take time linear in the value.
func newPattern(text string) (*pattern, error) {
	if text == "" {
		return nil, fmt.Errorf("empty: it would block every value")
	}
	if len(text) > MaxPatternBytes {
		return nil, fmt.Errorf("%d bytes are more than %d", len(text), MaxPatternBytes)
	}
	expression, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("not an RE2 regular expression: %w", err)
	}
	p := &pattern{expression: expression}
	begins := beginsOf(expression)
	for b := range p.begins {
		p.begins[b] = begins(byte(b))
	}
	return p, nil
}

func (p *pattern) matches(value string) bool {
	return (value == "" || p.begins[value[0]]) && p.expression.MatchString(value)
}

func anything(byte) bool { return true }

// beginsOf says with which bytes a match may begin: with any, unless the expression holds from the start of the value.
func beginsOf(expression *regexp.Regexp) func(byte) bool {
	parsed, err := syntax.Parse(expression.String(), syntax.Perl)
	if err != nil {
		return anything
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || program.StartCond()&syntax.EmptyBeginText == 0 {
		return anything
	}
	var runes []*syntax.Inst
	seen := make([]bool, len(program.Inst))
	for todo := []uint32{uint32(program.Start)}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch i := &program.Inst[at]; i.Op {
		case syntax.InstMatch:
			return anything
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, i.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(i.Arg)&syntax.EmptyEndText == 0 { // there is a first byte: the text does not end before it
				todo = append(todo, i.Out)
			}
		default:
			runes = append(runes, i)
		}
	}
	return func(b byte) bool {
		for _, i := range runes {
			if b >= utf8.RuneSelf || i.MatchRune(rune(b)) {
				return true
			}
		}
		return false
	}
}
