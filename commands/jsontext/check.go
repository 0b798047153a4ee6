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

// checker walks a text once and checks its grammar. A level of nesting costs it a bit and no stack: a text may be nested as
// deep as it is long.
type checker struct {
	data     []byte
	at       int
	maxDepth int
	open     levels
	// label is the name that was taken last, in its quotes.
	label []byte
}

func (c *checker) wrong() error { return fmt.Errorf("%w at byte %d", ErrSyntax, c.at) }

func (c *checker) space() { c.at = skipSpace(c.data, c.at) }

// value takes one value whole.
func (c *checker) value() error {
	around := c.open.depth
	for more := true; more; {
		nested, err := c.begin()
		if err == nil && !nested {
			more, err = c.end(around)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visit takes one value whole and shows what it holds, as Visit says.
func (c *checker) visit(see func(member []byte, element bool, v Value)) error {
	if c.peek() != '{' {
		return c.value()
	}
	more, err := c.enter(true)
	for more && err == nil {
		from, name := c.at, unquote(c.label)
		if c.peek() == '[' {
			err = c.elements(name, see)
		} else {
			err = c.value()
		}
		if err == nil {
			see(name, false, Value{raw: c.data[from:c.at:c.at]})
			more, err = c.next()
		}
	}
	return err
}

func (c *checker) elements(name []byte, see func(member []byte, element bool, v Value)) error {
	more, err := c.enter(false)
	for more && err == nil {
		from := c.at
		if err = c.value(); err == nil {
			see(name, true, Value{raw: c.data[from:c.at:c.at]})
			more, err = c.next()
		}
	}
	return err
}

// begin takes a value, or of one that holds another all that stands before that.
func (c *checker) begin() (nested bool, err error) {
	switch b := c.peek(); {
	case b == '"':
		return false, c.text()
	case b == '{':
		return c.enter(true)
	case b == '[':
		return c.enter(false)
	case b == '-' || (b >= '0' && b <= '9'):
		return false, c.number()
	case b == 't':
		return false, c.word("true")
	case b == 'f':
		return false, c.word("false")
	case b == 'n':
		return false, c.word("null")
	}
	return false, c.wrong()
}

// enter opens an object or an array and goes to its first value; an empty one it takes whole.
func (c *checker) enter(object bool) (nested bool, err error) {
	if c.open.depth == c.maxDepth {
		return false, ErrTooDeep
	}
	c.open.enter(object)
	c.at++
	c.space()
	if c.peek() == c.closing() {
		c.open.leave()
		c.at++
		return false, nil
	}
	return true, c.name()
}

// closing is the bracket that closes what is open.
func (c *checker) closing() byte {
	if c.open.inObject() {
		return '}'
	}
	return ']'
}

// name takes the name of a member, if it is an object that is open.
func (c *checker) name() error {
	if !c.open.inObject() {
		return nil
	}
	if c.peek() != '"' {
		return c.wrong()
	}
	start := c.at
	if err := c.text(); err != nil {
		return err
	}
	c.label = c.data[start:c.at]
	c.space()
	if c.peek() != ':' {
		return c.wrong()
	}
	c.at++
	c.space()
	return nil
}

// end takes what follows a value: the brackets that close, up to a comma and whether there is more before only so many
// levels are open.
func (c *checker) end(around int) (more bool, err error) {
	for c.open.depth > around && !more && err == nil {
		more, err = c.next()
	}
	return more, err
}

// next takes what follows a value: a comma and what stands before the next, or the bracket that closes.
func (c *checker) next() (more bool, err error) {
	c.space()
	switch c.peek() {
	case c.closing():
		c.open.leave()
		c.at++
		return false, nil
	case ',':
		c.at++
		c.space()
		return true, c.name()
	}
	return false, c.wrong()
}

func (c *checker) word(w string) error {
	if len(c.data)-c.at < len(w) || string(c.data[c.at:c.at+len(w)]) != w {
		return c.wrong()
	}
	c.at += len(w)
	return nil
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
