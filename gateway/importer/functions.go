package importer

import (
	"crypto/sha256"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/profferhq/proffer/domain"
)

// functions are what a mapping's expressions may call beyond CEL's own and its string functions.
// docs/mappings.md describes each.
func functions(mapping string, zone *time.Location) []cel.EnvOption {
	dyn, list := cel.DynType, cel.ListType(cel.DynType)
	return []cel.EnvOption{
		unary("dec", dyn, dyn, toDecimal),
		unary("money", dyn, cel.StringType, toMoney),
		unary("sum", list, dyn, sum),
		binary("sum", "sum_column", list, cel.StringType, dyn, sumColumn),
		binary("round", "round_decimal", dyn, cel.IntType, dyn, roundDecimal),
		convert("int", cel.IntType), convert("double", cel.DoubleType), convert("string", cel.StringType),
		unary("blank", dyn, cel.BoolType, func(v ref.Val) ref.Val { return types.Bool(isBlank(v)) }),
		unary("text", dyn, dyn, trimmedText),
		binary("lookup", "lookup_key", dyn, dyn, dyn, lookup),
		binary("count", "count_key", dyn, dyn, cel.IntType, count),
		unary("keys", dyn, list, keys),
		unary("json", dyn, dyn, parseJSON),
		unary("distinct", list, list, distinct),
		unary("time", cel.StringType, cel.TimestampType, func(v ref.Val) ref.Val { return parseTime(v, zone) }),
		unary("hours", cel.IntType, cel.DurationType, func(v ref.Val) ref.Val { return multiple(v, time.Hour) }),
		unary("days", cel.IntType, cel.DurationType, func(v ref.Val) ref.Val { return multiple(v, 24*time.Hour) }),
		unary("unix", cel.IntType, cel.TimestampType, func(v ref.Val) ref.Val { return unixTime(v, 1000) }),
		unary("unixMillis", cel.IntType, cel.TimestampType, func(v ref.Val) ref.Val { return unixTime(v, 1) }),
		binary("decisionId", "decision_id_of", cel.TimestampType, cel.StringType, cel.StringType,
			func(at, key ref.Val) ref.Val { return decisionID(mapping, at, key) }),
	}
}

func unary(name string, arg, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_of", []*cel.Type{arg}, result, cel.UnaryBinding(f)))
}

func binary(name, id string, left, right, result *cel.Type, f func(ref.Val, ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(id, []*cel.Type{left, right}, result, cel.BinaryBinding(f)))
}

// convert lets one of CEL's conversions take a decimal.
func convert(name string, to *cel.Type) cel.EnvOption {
	return cel.Function(name, cel.Overload("decimal_to_"+name, []*cel.Type{decimalType}, to,
		cel.UnaryBinding(func(v ref.Val) ref.Val { return v.ConvertToType(to) })))
}

func toDecimal(v ref.Val) ref.Val {
	d, err := decimalOf(v)
	if err != nil {
		return fail(err)
	}
	return d
}

func toMoney(v ref.Val) ref.Val {
	d, err := moneyOf(v)
	if err != nil {
		return fail(err)
	}
	return types.String(d.text())
}

func sum(v ref.Val) ref.Val {
	return sumOf(v, func(element ref.Val) ref.Val { return element })
}

func sumColumn(v, column ref.Val) ref.Val {
	return sumOf(v, func(element ref.Val) ref.Val {
		m, ok := element.(traits.Mapper)
		if !ok {
			return failText("sum of a column needs a list of rows")
		}
		return m.Get(column)
	})
}

func sumOf(v ref.Val, of func(ref.Val) ref.Val) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return failText("sum needs a list")
	}
	var total decimal
	for it := list.Iterator(); it.HasNext() == types.True; {
		value := of(it.Next())
		if types.IsError(value) {
			return value
		}
		d, err := decimalOf(value)
		if err == nil {
			total, err = total.add(d)
		}
		if err != nil {
			return fail(err)
		}
	}
	return total
}

func roundDecimal(v, places ref.Val) ref.Val {
	d, err := decimalOf(v)
	if err != nil {
		return fail(err)
	}
	n, ok := places.(types.Int)
	if !ok || n < 0 || n > maxScale {
		return failText("round needs a number of digits from 0 to 40")
	}
	return d.round(int(n))
}

func isBlank(v ref.Val) bool {
	switch x := v.(type) {
	case types.Null:
		return true
	case types.String:
		return strings.TrimSpace(string(x)) == ""
	}
	return false
}

// trimmedText is the value as text without space around it; a blank value is null.
func trimmedText(v ref.Val) ref.Val {
	if isBlank(v) {
		return types.NullValue
	}
	text, err := textOf(v)
	if err != nil {
		return fail(err)
	}
	return types.String(strings.TrimSpace(text))
}

func lookup(v, key ref.Val) ref.Val {
	m, ok := v.(traits.Mapper)
	if !ok {
		return failText("lookup needs a table or a map")
	}
	if value, found := m.Find(key); found {
		return value
	}
	return types.NullValue
}

func count(v, key ref.Val) ref.Val {
	t, ok := v.(*table)
	if !ok {
		return failText("count needs a table")
	}
	if n, found := t.Find(key); found {
		return n
	}
	return types.IntZero
}

func keys(v ref.Val) ref.Val {
	t, ok := v.(*table)
	if !ok {
		return failText("keys needs a table")
	}
	return types.NewStringList(types.DefaultTypeAdapter, t.keys)
}

// distinct keeps the first of equal elements; they are compared as text.
func distinct(v ref.Val) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return failText("distinct needs a list")
	}
	seen := map[string]bool{}
	var kept []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		element := it.Next()
		text, err := textOf(element)
		if err != nil {
			return fail(err)
		}
		if !seen[text] {
			seen[text] = true
			kept = append(kept, element)
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, kept)
}

// parseJSON reads a JSON text that stands in a cell; a blank one is null.
func parseJSON(v ref.Val) ref.Val {
	if isBlank(v) {
		return types.NullValue
	}
	text, ok := v.(types.String)
	if !ok {
		return fail(errNotText)
	}
	value, err := readJSON(strings.TrimSpace(string(text)))
	if err != nil {
		return fail(err)
	}
	return value
}

func multiple(v ref.Val, unit time.Duration) ref.Val {
	n, ok := v.(types.Int)
	if limit := types.Int(int64(1<<63-1) / int64(unit)); !ok || n > limit || n < -limit {
		return failText("the duration is out of range")
	}
	return types.Duration{Duration: time.Duration(n) * unit}
}

func unixTime(v ref.Val, millis int64) ref.Val {
	n, ok := v.(types.Int)
	if limit := types.Int(int64(1<<47) / millis); !ok || n > limit || n < -limit {
		return failText("the time is out of range")
	}
	return types.Timestamp{Time: time.UnixMilli(int64(n) * millis).UTC()}
}

func parseTime(v ref.Val, zone *time.Location) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return fail(errNotTime)
	}
	t, err := timeOf(string(text), zone)
	if err != nil {
		return fail(err)
	}
	return types.Timestamp{Time: t}
}

// decisionID is an id in the form of an alias: the decision's time, and 10 bytes that depend on the mapping and
// the key only. The key names a place in a file ("transcript.json/17"), never a person.
func decisionID(mapping string, at, key ref.Val) ref.Val {
	t, isTime := at.(types.Timestamp)
	k, isText := key.(types.String)
	if !isTime || !isText {
		return failText("decisionId needs a time and a text")
	}
	sum := sha256.Sum256([]byte("decision\x00" + mapping + "\x00" + string(k)))
	return types.String(domain.NewAlias(t.Time, [10]byte(sum[:10])).String())
}
