package importer

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxDepth bounds nesting of JSON, on the way in and on the way out.
const maxDepth = 64

// Why a line is not a row; the texts are shown.
var (
	errNotJSON     = errors.New("the line is not JSON")
	errNotJSONText = errors.New("not JSON")
	errNotObject   = errors.New("the line is not a JSON object")
	errRepeatedTag = errors.New("a key of a JSON object stands twice")
)

// parseObject reads a line that is one JSON object into CEL values. It differs from encoding/json in what an
// import needs: numbers keep their exact value (an integer literal is an int, another a decimal, one that fits
// neither its own text), objects keep their order, and strings share the line's memory.
func parseObject(line string) (record, error) {
	p := jsonParser{text: line}
	p.space()
	if p.at == len(line) || line[p.at] != '{' {
		if json.Valid([]byte(line)) {
			return record{}, errNotObject
		}
		return record{}, errNotJSON
	}
	v, err := p.value(0)
	if err != nil {
		return record{}, err
	}
	if p.space(); p.at != len(line) {
		return record{}, errNotJSON
	}
	return v.(record), nil
}

// readJSON reads a text that is one JSON value, as parseObject does.
func readJSON(text string) (ref.Val, error) {
	p := jsonParser{text: text}
	p.space()
	v, err := p.value(0)
	if p.space(); err == nil && p.at != len(text) {
		err = errNotJSON
	}
	if errors.Is(err, errNotJSON) {
		err = errNotJSONText
	}
	return v, err
}

type jsonParser struct {
	text string
	at   int
}

func (p *jsonParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take moves over one byte if it is the next, and over the space after it.
func (p *jsonParser) take(c byte) bool {
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	p.space()
	return true
}

func (p *jsonParser) word(w string, v ref.Val) (ref.Val, error) {
	if !strings.HasPrefix(p.text[p.at:], w) {
		return nil, errNotJSON
	}
	p.at += len(w)
	return v, nil
}

func (p *jsonParser) value(depth int) (ref.Val, error) {
	if depth > maxDepth {
		return nil, errNested
	}
	if p.at == len(p.text) {
		return nil, errNotJSON
	}
	switch p.text[p.at] {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"':
		s, err := p.string()
		return types.String(s), err
	case 't':
		return p.word("true", types.True)
	case 'f':
		return p.word("false", types.False)
	case 'n':
		return p.word("null", types.NullValue)
	}
	return p.number()
}

func (p *jsonParser) object(depth int) (ref.Val, error) {
	p.take('{')
	o := object{keys: make([]string, 0, 8), values: make([]ref.Val, 0, 8)}
	for p.at == len(p.text) || p.text[p.at] != '}' {
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, repeated := o.find(key); repeated {
			return nil, errRepeatedTag
		}
		if p.space(); !p.take(':') {
			return nil, errNotJSON
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.keys, o.values = append(o.keys, key), append(o.values, value)
		if more, err := p.comma('}'); err != nil {
			return nil, err
		} else if !more {
			break
		}
	}
	p.at++
	return record{o}, nil
}

func (p *jsonParser) list(depth int) (ref.Val, error) {
	p.take('[')
	values := []ref.Val{}
	for p.at == len(p.text) || p.text[p.at] != ']' {
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if more, err := p.comma(']'); err != nil {
			return nil, err
		} else if !more {
			break
		}
	}
	p.at++
	return types.NewRefValList(types.DefaultTypeAdapter, values), nil
}

// comma says whether another element must follow; otherwise the closing byte is next.
func (p *jsonParser) comma(closing byte) (bool, error) {
	p.space()
	if p.take(',') {
		if p.at < len(p.text) && p.text[p.at] == closing {
			return false, errNotJSON
		}
		return true, nil
	}
	if p.at == len(p.text) || p.text[p.at] != closing {
		return false, errNotJSON
	}
	return false, nil
}

func (p *jsonParser) string() (string, error) {
	if p.at == len(p.text) || p.text[p.at] != '"' {
		return "", errNotJSON
	}
	start, escaped := p.at, false
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if !escaped {
				return p.text[start+1 : p.at-1], nil
			}
			var s string
			if json.Unmarshal([]byte(p.text[start:p.at]), &s) != nil {
				return "", errNotJSON
			}
			return s, nil
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			return "", errNotJSON
		}
	}
	return "", errNotJSON
}

func (p *jsonParser) number() (ref.Val, error) {
	start, whole := p.at, true
	if p.text[p.at] == '-' {
		p.at++
	}
	first := p.at
	if !p.digits() || p.text[first] == '0' && p.at > first+1 {
		return nil, errNotJSON
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		whole = false
		if p.at++; !p.digits() {
			return nil, errNotJSON
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		whole = false
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return nil, errNotJSON
		}
	}
	return exact(p.text[start:p.at], whole), nil
}

func (p *jsonParser) digits() bool {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}

func exact(number string, whole bool) ref.Val {
	if whole {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			return types.Int(n)
		}
		return types.String(number)
	}
	if d, err := parseDecimal(number); err == nil {
		return d
	}
	return types.String(number)
}
