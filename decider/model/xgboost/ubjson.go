package xgboost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// readUBJSON reads one UBJSON document (draft 12, as XGBoost writes it: numbers big endian, lists typed and counted).
// No length is believed before the bytes are there.
func readUBJSON(data []byte) (any, error) {
	r := &ubjsonReader{data: data, budget: budget{maxValues}}
	v, err := r.document()
	if err != nil {
		return nil, fmt.Errorf("%w: UBJSON, byte %d: %w", ErrInvalid, r.at, err)
	}
	return v, nil
}

type ubjsonReader struct {
	data   []byte
	at     int
	budget budget
}

var errEnd = errors.New("the file ends early")

func (r *ubjsonReader) document() (any, error) {
	kind, err := r.kind()
	if err != nil {
		return nil, err
	}
	v, err := r.value(kind, 0)
	if err == nil && r.at < len(r.data) {
		err = errors.New("something follows the document")
	}
	return v, err
}

// kind takes a type marker; N is padding.
func (r *ubjsonReader) kind() (byte, error) {
	for r.at < len(r.data) {
		r.at++
		if k := r.data[r.at-1]; k != 'N' {
			return k, nil
		}
	}
	return 0, errEnd
}

func (r *ubjsonReader) bytes(n int) ([]byte, error) {
	if n > len(r.data)-r.at {
		return nil, errEnd
	}
	r.at += n
	return r.data[r.at-n : r.at], nil
}

// sizes of the number types.
func sizeOf(kind byte) int {
	switch kind {
	case 'i', 'U':
		return 1
	case 'I':
		return 2
	case 'l', 'd':
		return 4
	case 'L', 'D':
		return 8
	}
	return 0
}

func numberOf(kind byte, b []byte) float64 {
	switch kind {
	case 'i':
		return float64(int8(b[0]))
	case 'U':
		return float64(b[0])
	case 'I':
		return float64(int16(binary.BigEndian.Uint16(b)))
	case 'l':
		return float64(int32(binary.BigEndian.Uint32(b)))
	case 'L':
		return float64(int64(binary.BigEndian.Uint64(b)))
	case 'd':
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

func (r *ubjsonReader) value(kind byte, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if size := sizeOf(kind); size > 0 {
		b, err := r.bytes(size)
		if err != nil {
			return nil, err
		}
		return numberOf(kind, b), nil
	}
	switch kind {
	case '{':
		return r.object(depth)
	case '[':
		return r.list(depth)
	case 'S':
		return r.text()
	case 'T':
		return true, nil
	case 'F':
		return false, nil
	case 'Z':
		return nil, nil
	}
	return nil, fmt.Errorf("unknown type %q", kind)
}

// length takes an integer that counts bytes or values: no more than the file has bytes.
func (r *ubjsonReader) length() (int, error) {
	kind, err := r.kind()
	if err != nil {
		return 0, err
	}
	switch kind {
	case 'i', 'U', 'I', 'l', 'L':
	default:
		return 0, fmt.Errorf("a length of type %q", kind)
	}
	b, err := r.bytes(sizeOf(kind))
	if err != nil {
		return 0, err
	}
	n, ok := whole(numberOf(kind, b), 0, len(r.data))
	if !ok {
		return 0, errors.New("a length beyond the file's")
	}
	return n, nil
}

func (r *ubjsonReader) text() (string, error) {
	n, err := r.length()
	if err != nil {
		return "", err
	}
	if n > maxText {
		return "", fmt.Errorf("a text longer than %d bytes", maxText)
	}
	b, err := r.bytes(n)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errors.New("a text that is not UTF-8")
	}
	return string(b), nil
}

// heading takes what may stand at the beginning of a list or an object: its elements' type, and their number.
func (r *ubjsonReader) heading() (kind byte, count int, err error) {
	count = -1
	if r.at < len(r.data) && r.data[r.at] == '$' {
		r.at++
		if kind, err = r.kind(); err != nil {
			return 0, 0, err
		}
		if r.at >= len(r.data) || r.data[r.at] != '#' {
			return 0, 0, errors.New("a type without a number of elements")
		}
	}
	if r.at < len(r.data) && r.data[r.at] == '#' {
		r.at++
		count, err = r.length()
	}
	return kind, count, err
}

func (r *ubjsonReader) list(depth int) (any, error) {
	kind, count, err := r.heading()
	if err != nil {
		return nil, err
	}
	if kind != 0 {
		return r.numbers(kind, count)
	}
	var c collected
	for i := 0; count < 0 || i < count; i++ {
		k, err := r.kind()
		if err != nil {
			return nil, err
		}
		if count < 0 && k == ']' {
			break
		}
		v, err := r.value(k, depth+1)
		if err == nil {
			err = c.add(v, &r.budget)
		}
		if err != nil {
			return nil, err
		}
	}
	return c.list(), nil
}

// numbers takes a list whose elements have one type, without markers.
func (r *ubjsonReader) numbers(kind byte, count int) (any, error) {
	size := sizeOf(kind)
	if size == 0 {
		return nil, fmt.Errorf("a list of type %q", kind)
	}
	b, err := r.bytes(size * count)
	if err != nil {
		return nil, err
	}
	out := make(numbers, count)
	for i := range out {
		out[i] = numberOf(kind, b[i*size:])
	}
	return out, nil
}

func (r *ubjsonReader) object(depth int) (any, error) {
	kind, count, err := r.heading()
	if err != nil {
		return nil, err
	}
	if kind != 0 {
		return nil, errors.New("an object whose members all have one type")
	}
	out := object{}
	for i := 0; count < 0 || i < count; i++ {
		if count < 0 && r.at < len(r.data) && r.data[r.at] == '}' {
			r.at++
			break
		}
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the name %.40q is there twice", name)
		}
		if err := r.budget.take(); err != nil {
			return nil, err
		}
		k, err := r.kind()
		if err != nil {
			return nil, err
		}
		if out[name], err = r.value(k, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}
