package xgboost

import (
	"fmt"
	"math"
)

// A document is read into values first, the same for JSON and UBJSON. Lists of numbers, which are nearly all of a file,
// are kept as such: 8 bytes a number, at most 8 bytes of memory for a byte of file.
type (
	object map[string]any
	list   []any
	// numbers is a list of numbers; true and false are 1 and 0.
	numbers []float64
)

// Limits of a document, beside MaxBytes.
const (
	maxDepth = 32
	// maxValues bounds what is not a number in a list: objects, lists, texts. A tree needs about 25.
	maxValues = 1_000_000
	// maxText bounds the text of a value and a name.
	maxText = 1 << 20
)

// budget counts values while a document is read.
type budget struct{ left int }

func (b *budget) take() error {
	if b.left--; b.left < 0 {
		return fmt.Errorf("more than %d values", maxValues)
	}
	return nil
}

// collected turns the elements of a list into numbers if all are. An empty list is numbers.
type collected struct {
	numbers numbers
	values  list
}

func (c *collected) add(v any, b *budget) error {
	n, isNumber := asNumber(v)
	if isNumber && c.values == nil {
		c.numbers = append(c.numbers, n)
		return nil
	}
	if isNumber || c.numbers != nil {
		return fmt.Errorf("a list of numbers and other values")
	}
	c.values = append(c.values, v)
	return b.take()
}

func (c *collected) list() any {
	if c.values != nil {
		return c.values
	}
	return c.numbers
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// field is a value with its path, for messages.
type field struct {
	path  string
	value any
}

func (f field) wrong(format string, a ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, f.path, fmt.Sprintf(format, a...))
}

// get is a member of an object; nil when it is not there.
func (f field) get(name string) field {
	o, _ := f.value.(object)
	return field{f.path + "." + name, o[name]}
}

// must is get for an object that has to have the member.
func (f field) must(name string) (field, error) {
	if _, ok := f.value.(object); !ok {
		return field{}, f.wrong("want an object")
	}
	m := f.get(name)
	if m.value == nil {
		return field{}, m.wrong("is missing: is this a model saved by save_model, JSON or UBJ?")
	}
	return m, nil
}

func (f field) mustText(name string) (string, error) {
	m, err := f.must(name)
	if err != nil {
		return "", err
	}
	s, ok := m.value.(string)
	if !ok {
		return "", m.wrong("want text")
	}
	return s, nil
}

// mustNumbers is a member that is a list of so many numbers; -1 is any.
func (f field) mustNumbers(name string, length int) (numbers, error) {
	m, err := f.must(name)
	if err != nil {
		return nil, err
	}
	n, ok := m.value.(numbers)
	if !ok {
		return nil, m.wrong("want a list of numbers")
	}
	if length >= 0 && len(n) != length {
		return nil, m.wrong("%d entries, want %d", len(n), length)
	}
	return n, nil
}

// whole is a number that is a whole one between two bounds.
func whole(v float64, low, high int) (int, bool) {
	if v != math.Trunc(v) || v < float64(low) || v > float64(high) {
		return 0, false
	}
	return int(v), true
}
