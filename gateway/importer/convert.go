package importer

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
)

// Errors of converting the value of an expression into a field; their texts are shown.
var (
	errNotText  = errors.New("not a text or number")
	errNotMoney = errors.New("money has at most 6 digits after the point")
	errNotTime  = errors.New("not a time")
	errNotBool  = errors.New("not true or false")
	errNotList  = errors.New("not a list")
	errNested   = errors.New("nested too deep")
	// errNoMessageID: a mapping names a message id, and a row has none.
	errNoMessageID = errors.New("no message id")
)

// timeLayouts are the forms of time that are understood, besides RFC 3339.
func timeLayouts() [6]string {
	return [6]string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "20060102"}
}

// timeOf reads a time; one without a zone is in this zone.
func timeOf(text string, zone *time.Location) (time.Time, error) {
	if len(text) > 19 {
		if t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil {
			return t.UTC(), nil
		}
	}
	for _, layout := range timeLayouts() {
		if len(text) != len(layout) && (len(layout) != 19 || len(text) < 19) {
			continue
		}
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errNotTime
}

// textOf is the canonical text of a scalar; null is the empty text.
func textOf(v ref.Val) (string, error) {
	switch x := v.(type) {
	case types.String:
		return string(x), nil
	case types.Int:
		return strconv.FormatInt(int64(x), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(x), 10), nil
	case decimal:
		return x.text(), nil
	case types.Bool:
		return strconv.FormatBool(bool(x)), nil
	case types.Double:
		if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'f', -1, 64), nil
		}
	case types.Timestamp:
		return x.UTC().Format(time.RFC3339Nano), nil
	case types.Null:
		return "", nil
	}
	return "", errNotText
}

// decimalText is the canonical text of a number; null and blank text are the empty text. A float is refused:
// money and quantities never pass through one.
func decimalText(v ref.Val) (string, error) {
	if isBlank(v) {
		return "", nil
	}
	d, err := decimalOf(v)
	if err != nil {
		return "", err
	}
	return d.text(), nil
}

// maxMoneyPlaces is what the log can hold: millionths of the currency unit.
const maxMoneyPlaces = 6

// moneyOf is decimalOf for an amount. Ingest rounds what the log cannot hold, for front ends that compute with
// floats; what a file says is refused instead.
func moneyOf(v ref.Val) (decimal, error) {
	d, err := decimalOf(v)
	if err == nil && d.scale > maxMoneyPlaces {
		return decimal{}, errNotMoney
	}
	return d, err
}

// moneyText is decimalText for an amount.
func moneyText(v ref.Val) (string, error) {
	if isBlank(v) {
		return "", nil
	}
	d, err := moneyOf(v)
	if err != nil {
		return "", err
	}
	return d.text(), nil
}

func textList(v ref.Val) ([]string, error) {
	if v == types.NullValue {
		return nil, nil
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, errNotList
	}
	n, _ := list.Size().(types.Int)
	texts := make([]string, 0, n)
	for it := list.Iterator(); it.HasNext() == types.True; {
		text, err := textOf(it.Next())
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func floatOf(v ref.Val) (float64, error) {
	switch x := v.(type) {
	case types.Double:
		return float64(x), nil
	case types.Null:
		return 0, nil
	}
	d, err := decimalOf(v)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(d.text(), 64)
}

// jsonValue is the value as properties carry it: integers beyond 2^53 and decimals as text, so that nothing is
// rounded.
func jsonValue(v ref.Val, depth int) (*structpb.Value, error) {
	if depth > maxDepth {
		return nil, errNested
	}
	switch x := v.(type) {
	case types.Null:
		return structpb.NewNullValue(), nil
	case types.Bool:
		return structpb.NewBoolValue(bool(x)), nil
	case types.Int:
		if x > 1<<53 || x < -(1<<53) {
			return structpb.NewStringValue(strconv.FormatInt(int64(x), 10)), nil
		}
		return structpb.NewNumberValue(float64(x)), nil
	case types.Double:
		if _, err := textOf(v); err != nil {
			return nil, err
		}
		return structpb.NewNumberValue(float64(x)), nil
	case traits.Lister:
		return jsonList(x, depth)
	case traits.Mapper:
		return jsonMap(x, depth)
	}
	text, err := textOf(v)
	if err != nil {
		return nil, err
	}
	return structpb.NewStringValue(text), nil
}

func jsonList(list traits.Lister, depth int) (*structpb.Value, error) {
	values := []*structpb.Value{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		value, err := jsonValue(it.Next(), depth+1)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return structpb.NewListValue(&structpb.ListValue{Values: values}), nil
}

func jsonMap(m traits.Mapper, depth int) (*structpb.Value, error) {
	fields := map[string]*structpb.Value{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, err := textOf(key)
		if err != nil {
			return nil, err
		}
		if fields[name], err = jsonValue(m.Get(key), depth+1); err != nil {
			return nil, err
		}
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: fields}), nil
}
