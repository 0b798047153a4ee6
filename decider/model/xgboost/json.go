package xgboost

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// readJSON reads one JSON document as XGBoost writes it: NaN is a number, which stands where a split by category has no
// condition. Names must not repeat, and numbers fit a float64.
func readJSON(data []byte) (any, error) {
	r := &jsonReader{data: data, budget: budget{maxValues}}
	v, err := r.value(0)
	if err == nil {
		if r.space(); r.at < len(data) {
			err = fmt.Errorf("something follows the document")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: JSON, byte %d: %w", ErrInvalid, r.at, err)
	}
	return v, nil
}

type jsonReader struct {
	data   []byte
	at     int
	budget budget
}

func (r *jsonReader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// next is the next byte that is no space, 0 at the end; it is not taken.
func (r *jsonReader) next() byte {
	r.space()
	if r.at == len(r.data) {
		return 0
	}
	return r.data[r.at]
}

func (r *jsonReader) take(c byte) error {
	if r.next() != c {
		return fmt.Errorf("want %q", c)
	}
	r.at++
	return nil
}

func (r *jsonReader) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch r.next() {
	case '{':
		return r.object(depth)
	case '[':
		return r.list(depth)
	case '"':
		return r.text()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	case 'N':
		return math.NaN(), r.word("NaN")
	}
	return r.number()
}

func (r *jsonReader) word(w string) error {
	if len(r.data)-r.at < len(w) || string(r.data[r.at:r.at+len(w)]) != w {
		return fmt.Errorf("want %s", w)
	}
	r.at += len(w)
	return nil
}

func (r *jsonReader) object(depth int) (any, error) {
	r.at++
	out := object{}
	for first := true; ; first = false {
		if r.next() == '}' {
			r.at++
			return out, nil
		}
		if !first {
			if err := r.take(','); err != nil {
				return nil, err
			}
		}
		if r.next() != '"' {
			return nil, fmt.Errorf("want a name")
		}
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the name %.40q is there twice", name)
		}
		if err := r.take(':'); err != nil {
			return nil, err
		}
		if err := r.budget.take(); err != nil {
			return nil, err
		}
		if out[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
}

func (r *jsonReader) list(depth int) (any, error) {
	r.at++
	var c collected
	for first := true; ; first = false {
		if r.next() == ']' {
			r.at++
			return c.list(), nil
		}
		if !first {
			if err := r.take(','); err != nil {
				return nil, err
			}
		}
		v, err := r.value(depth + 1)
		if err == nil {
			err = c.add(v, &r.budget)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *jsonReader) number() (any, error) {
	from := r.at
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			r.at++
			continue
		}
		break
	}
	if r.at == from || r.at-from > 40 {
		r.at = from
		return nil, fmt.Errorf("want a value")
	}
	v, err := strconv.ParseFloat(string(r.data[from:r.at]), 64)
	if err != nil {
		r.at = from
		return nil, fmt.Errorf("%.40q is no number", r.data[from:min(from+40, len(r.data))])
	}
	return v, nil
}

// text reads a string that does not need more than the escapes of JSON.
func (r *jsonReader) text() (string, error) {
	from := r.at
	for r.at++; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '\\':
			r.at++
		case c == '"':
			r.at++
			s, err := unquote(r.data[from:r.at])
			if err != nil {
				r.at = from
			}
			return s, err
		case c < 0x20:
			return "", fmt.Errorf("a control character in a text")
		}
	}
	r.at = from
	return "", fmt.Errorf("a text without an end")
}

func unquote(quoted []byte) (string, error) {
	if len(quoted) > maxText {
		return "", fmt.Errorf("a text longer than %d bytes", maxText)
	}
	if !utf8.Valid(quoted) {
		return "", fmt.Errorf("a text that is not UTF-8")
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", fmt.Errorf("a text that cannot be read: %w", err)
	}
	return s, nil
}
