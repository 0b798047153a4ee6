// Package jsontext reads JSON without building trees: a text is checked once, and its values are then found by
// skipping. It exists because ingest looks at a few members of each event and seals the rest as it came.
package jsontext

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what a value is.
type Kind uint8

// The kinds. None is the kind of the zero Value.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value known to be well formed. It shares the memory of the text it was parsed from.
// The zero Value is no value at all.
type Value struct{ raw []byte }

// Parse checks that data is one JSON value, nested maxDepth deep at most, and returns it without the space around
// it. It fails with ErrSyntax or ErrTooDeep.
func Parse(data []byte, maxDepth int) (Value, error) {
	return Visit(data, maxDepth, nil)
}

// Visit is Parse that shows, on its way, the members of the object that the text is, and before a member that is an array
// the elements of that: to find them afterwards would be to read the text again. What is shown counts only if Visit succeeds.
// The name is valid until the next is shown.
func Visit(data []byte, maxDepth int, see func(member []byte, element bool, v Value)) (Value, error) {
	c := checker{data: data, maxDepth: maxDepth}
	c.space()
	start := c.at
	var err error
	if see == nil {
		err = c.value()
	} else {
		err = c.visit(see)
	}
	if err != nil {
		return Value{}, err
	}
	end := c.at
	c.space()
	if c.at != len(data) {
		return Value{}, c.wrong()
	}
	return Value{raw: data[start:end:end]}, nil
}

// Raw is the value's text. The caller must not change it.
func (v Value) Raw() []byte { return v.raw }

// IsZero says whether there is no value.
func (v Value) IsZero() bool { return len(v.raw) == 0 }

// Kind is what the value is.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return None
	}
	switch v.raw[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Members ranges over an object's members in their order; a name that comes twice is seen twice. The name is
// valid until the next step. Anything but an object has no members.
func (v Value) Members() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		if v.Kind() != Object {
			return
		}
		at := skipSpace(v.raw, 1)
		for v.raw[at] != '}' {
			end := skipString(v.raw, at)
			name := unquote(v.raw[at:end])
			at = skipSpace(v.raw, skipSpace(v.raw, end)+1) // past the colon
			end = skipValue(v.raw, at)
			if !yield(name, Value{raw: v.raw[at:end:end]}) {
				return
			}
			if at = skipSpace(v.raw, end); v.raw[at] == ',' {
				at = skipSpace(v.raw, at+1)
			}
		}
	}
}

// Elements ranges over an array's elements. Anything but an array has none.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		at := skipSpace(v.raw, 1)
		for v.raw[at] != ']' {
			end := skipValue(v.raw, at)
			if !yield(Value{raw: v.raw[at:end:end]}) {
				return
			}
			if at = skipSpace(v.raw, end); v.raw[at] == ',' {
				at = skipSpace(v.raw, at+1)
			}
		}
	}
}

// Member is the object's member of that name, the last if there are several; zero if there is none.
func (v Value) Member(name string) Value {
	var found Value
	for n, m := range v.Members() {
		if string(n) == name {
			found = m
		}
	}
	return found
}

// Text is a string's content, or "" and false for anything else. Bytes that are not UTF-8 are replaced.
func (v Value) Text() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return string(unquote(v.raw)), true
}

// TextAmong is Text. Where it is one of the known texts it is that string: none is made.
func (v Value) TextAmong(known []string) (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	text := unquote(v.raw)
	for _, k := range known {
		if string(text) == k {
			return k, true
		}
	}
	return string(text), true
}

// NumberText is a number's text as written, or "" and false for anything else.
func (v Value) NumberText() (string, bool) {
	if v.Kind() != Number {
		return "", false
	}
	return string(v.raw), true
}

// True says whether the value is true.
func (v Value) True() bool { return v.Kind() == Bool && v.raw[0] == 't' }

// Empty says whether there is nothing in it: no value, null, {} or [] or "".
func (v Value) Empty() bool {
	switch v.Kind() {
	case None, Null:
		return true
	case Object, Array:
		return skipSpace(v.raw, 1) == len(v.raw)-1
	case String:
		return len(v.raw) == 2
	}
	return false
}

// Deeper says whether the value is nested deeper than so many levels: a flat object has one, a scalar none.
func (v Value) Deeper(levels int) bool {
	if bytes.Count(v.raw, []byte{'{'})+bytes.Count(v.raw, []byte{'['}) <= levels {
		return false // even if all of them are one in another; this is told at a tenth of the cost
	}
	depth := 0
	for at := 0; at < len(v.raw); {
		switch v.raw[at] {
		case '"':
			at = skipString(v.raw, at)
			continue
		case '{', '[':
			if depth++; depth > levels {
				return true
			}
		case '}', ']':
			depth--
		}
		at++
	}
	return false
}

// unquote decodes a well-formed quoted string; without escapes it shares memory.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	plain := true
	for _, c := range inner {
		if c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return inner
	}
	if utf8.Valid(inner) && !hasEscape(inner) {
		return inner
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return []byte(strings.ToValidUTF8(string(inner), "\uFFFD"))
	}
	return []byte(s)
}

func hasEscape(b []byte) bool {
	return slices.Contains(b, '\\')
}
