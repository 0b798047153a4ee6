package jsontext

import (
	"errors"
	"fmt"
)

// Errors of Parse.
var (
	// ErrSyntax: the text is not JSON (RFC 8259). The error names the offset, never the text.
	ErrSyntax = errors.New("jsontext: not JSON")
	// ErrTooDeep: the text is nested deeper than allowed.
	ErrTooDeep = errors.New("jsontext: nested too deep")
)

// checker walks a text once and checks its grammar.
type checker struct {
	data     []byte
	at       int
	maxDepth int
}

func (c *checker) wrong() error { return fmt.Errorf("%w at byte %d", ErrSyntax, c.at) }

func (c *checker) space() { c.at = skipSpace(c.data, c.at) }

func (c *checker) value(depth int) error {
	if c.at >= len(c.data) {
		return c.wrong()
	}
	switch b := c.data[c.at]; {
	case b == '"':
		return c.text()
	case b == '{':
		return c.object(depth + 1)
	case b == '[':
		return c.array(depth + 1)
	case b == '-' || (b >= '0' && b <= '9'):
		return c.number()
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	}
	return c.wrong()
}

func (c *checker) word(w string) error {
	if len(c.data)-c.at < len(w) || string(c.data[c.at:c.at+len(w)]) != w {
		return c.wrong()
	}
	c.at += len(w)
	return nil
}

func (c *checker) object(depth int) error {
	if depth > c.maxDepth {
		return ErrTooDeep
	}
	c.at++
	c.space()
	if c.peek() == '}' {
		c.at++
		return nil
	}
	for {
		if c.peek() != '"' {
			return c.wrong()
		}
		if err := c.text(); err != nil {
			return err
		}
		c.space()
		if c.peek() != ':' {
			return c.wrong()
		}
		c.at++
		c.space()
		if err := c.value(depth); err != nil {
			return err
		}
		if done, err := c.next('}'); done || err != nil {
			return err
		}
	}
}

func (c *checker) array(depth int) error {
	if depth > c.maxDepth {
		return ErrTooDeep
	}
	c.at++
	c.space()
	if c.peek() == ']' {
		c.at++
		return nil
	}
	for {
		if err := c.value(depth); err != nil {
			return err
		}
		if done, err := c.next(']'); done || err != nil {
			return err
		}
	}
}

// next is what follows a member or an element: a comma and another one, or the end.
func (c *checker) next(end byte) (done bool, err error) {
	c.space()
	switch c.peek() {
	case end:
		c.at++
		return true, nil
	case ',':
		c.at++
		c.space()
		return false, nil
	}
	return false, c.wrong()
}

// peek is the byte at hand, 0 at the end: no grammar has it.
func (c *checker) peek() byte {
	if c.at < len(c.data) {
		return c.data[c.at]
	}
	return 0
}

func (c *checker) text() error {
	c.at++
	for c.at < len(c.data) {
		switch b := c.data[c.at]; {
		case b == '"':
			c.at++
			return nil
		case b < ' ':
			return c.wrong()
		case b == '\\':
			if err := c.escape(); err != nil {
				return err
			}
		default:
			c.at++
		}
	}
	return c.wrong()
}

func (c *checker) escape() error {
	c.at++
	switch c.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.at++
		return nil
	case 'u':
		c.at++
		for range 4 {
			if b := c.peek(); (b < '0' || b > '9') && (b < 'a' || b > 'f') && (b < 'A' || b > 'F') {
				return c.wrong()
			}
			c.at++
		}
		return nil
	}
	return c.wrong()
}

func (c *checker) number() error {
	if c.peek() == '-' {
		c.at++
	}
	if c.peek() == '0' {
		c.at++
	} else if !c.digits() {
		return c.wrong()
	}
	if c.peek() == '.' {
		c.at++
		if !c.digits() {
			return c.wrong()
		}
	}
	if b := c.peek(); b == 'e' || b == 'E' {
		c.at++
		if b := c.peek(); b == '+' || b == '-' {
			c.at++
		}
		if !c.digits() {
			return c.wrong()
		}
	}
	return nil
}

// digits takes one digit or more.
func (c *checker) digits() bool {
	start := c.at
	for b := c.peek(); b >= '0' && b <= '9'; b = c.peek() {
		c.at++
	}
	return c.at > start
}

// The skip functions walk well-formed text only.

func skipSpace(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// skipString is the index after the string that starts at at.
func skipString(b []byte, at int) int {
	for at++; b[at] != '"'; at++ {
		if b[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// skipValue is the index after the value that starts at at.
func skipValue(b []byte, at int) int {
	switch b[at] {
	case '"':
		return skipString(b, at)
	case '{', '[':
		return skipNested(b, at)
	}
	for at < len(b) {
		switch b[at] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return at
		}
		at++
	}
	return at
}

func skipNested(b []byte, at int) int {
	depth := 0
	for {
		switch b[at] {
		case '"':
			at = skipString(b, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
}
