package lightgbm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lines reads a text line by line.
type lines struct {
	rest   string
	number int // of the last line read, from 1
}

// next is the next line without its end; false at the end of the text.
func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	text, rest, _ := strings.Cut(l.rest, "\n")
	l.rest, l.number = rest, l.number+1
	return strings.TrimSuffix(text, "\r"), true
}

func (l *lines) wrong(format string, a ...any) error {
	return fmt.Errorf("%w: line %d: %s", ErrInvalid, l.number, fmt.Sprintf(format, a...))
}

// skipTo skips blank lines and says whether the words stand next.
func (l *lines) skipTo(words string) (bool, error) {
	for {
		before := *l
		text, ok := l.next()
		if !ok {
			return false, l.wrong("the file ends without %q", words)
		}
		if text == words {
			return true, nil
		}
		if text != "" {
			*l = before
			return false, nil
		}
	}
}

// line is a key's value with its place.
type line struct {
	number int
	key    string
	text   string
}

func (l line) wrong(format string, a ...any) error {
	return fmt.Errorf("%w: line %d, %s: %s", ErrInvalid, l.number, l.key, fmt.Sprintf(format, a...))
}

// block is the keys of the header or of a tree.
type block map[string]line

// block reads key=value lines up to a blank one.
func (l *lines) block(known []string) (block, error) {
	out := block{}
	for {
		text, ok := l.next()
		if !ok || text == "" {
			return out, nil
		}
		key, value, _ := strings.Cut(text, "=")
		if !slices.Contains(known, key) {
			return nil, l.wrong("unknown key %.40q: it might change scores", key)
		}
		if _, twice := out[key]; twice {
			return nil, l.wrong("the key %s is there twice", key)
		}
		out[key] = line{l.number, key, value}
	}
}

// at is where a block begins, for messages about what it lacks.
func (b block) at() int {
	first := 0
	for _, l := range b {
		if first == 0 || l.number < first {
			first = l.number
		}
	}
	return first
}

func (b block) must(key string) (line, error) {
	l, ok := b[key]
	if !ok {
		return l, fmt.Errorf("%w: line %d: no %s follows", ErrInvalid, b.at(), key)
	}
	return l, nil
}

func (b block) count(key string, low, high int) (int, error) {
	l, err := b.must(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(l.text)
	if err != nil || n < low || n > high {
		return 0, l.wrong("%.40q, want %d to %d", l.text, low, high)
	}
	return n, nil
}

// integers is a key's list of whole numbers of 32 bits, of a length.
func integers[T int32 | uint32](b block, key string, length int) ([]T, error) {
	l, err := b.must(key)
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, min(length, len(l.text)))
	for word := range strings.FieldsSeq(l.text) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || int64(T(n)) != n {
			return nil, l.wrong("entry %d: %.40q is no whole number of 32 bits", len(out), word)
		}
		if out = append(out, T(n)); len(out) > length {
			break
		}
	}
	if len(out) != length {
		return nil, l.wrong("%d entries, want %d", len(strings.Fields(l.text)), length)
	}
	return out, nil
}

// numbers is a key's list of finite numbers, of a length.
func (b block) numbers(key string, length int) ([]float64, error) {
	l, err := b.must(key)
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, min(length, len(l.text)))
	for word := range strings.FieldsSeq(l.text) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil || n-n != 0 {
			return nil, l.wrong("entry %d: %.40q is no finite number", len(out), word)
		}
		if out = append(out, n); len(out) > length {
			break
		}
	}
	if len(out) != length {
		return nil, l.wrong("%d entries, want %d", len(strings.Fields(l.text)), length)
	}
	return out, nil
}
