package importer

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// decimal is an exact decimal number, mantissa / 10^scale, as a CEL value. It is normalised: a mantissa that
// ends in zero has scale 0, so equal numbers are equal structs. Operations that do not fit fail; nothing is
// rounded unless round() is called.
type decimal struct {
	mantissa int64
	scale    int
}

const (
	maxScale    = 40
	maxExponent = 99
)

var (
	errNotDecimal      = errors.New("not a decimal number")
	errDecimalOverflow = errors.New("the decimal number has more than 18 digits")
)

// decimalType tells CEL which operators a decimal has; the methods below are their meaning.
var decimalType = types.NewObjectType("decimal",
	traits.AdderType|traits.SubtractorType|traits.MultiplierType|traits.NegatorType|traits.ComparerType)

// parseDecimal reads [+-]digits[.digits][e[+-]digits]. Nothing around it is allowed, not even a space.
func parseDecimal(text string) (decimal, error) {
	body, negative := text, false
	if body != "" && (body[0] == '-' || body[0] == '+') {
		negative, body = body[0] == '-', body[1:]
	}
	body, exponent, err := cutExponent(body)
	if err != nil {
		return decimal{}, err
	}
	whole, fraction, dotted := strings.Cut(body, ".")
	if whole == "" && fraction == "" || dotted && fraction == "" || !digits(whole) || !digits(fraction) {
		return decimal{}, errNotDecimal
	}
	fraction = strings.TrimRight(fraction, "0")
	all := strings.TrimLeft(whole+fraction, "0")
	if all == "" {
		return decimal{}, nil
	}
	m, err := strconv.ParseInt(all, 10, 64)
	if err != nil {
		return decimal{}, errDecimalOverflow
	}
	if negative {
		m = -m
	}
	return newDecimal(m, len(fraction)-exponent)
}

func cutExponent(body string) (string, int, error) {
	at := strings.IndexAny(body, "eE")
	if at < 0 {
		return body, 0, nil
	}
	exponent, err := strconv.Atoi(body[at+1:])
	if err != nil {
		return "", 0, errNotDecimal
	}
	if exponent > maxExponent || exponent < -maxExponent {
		return "", 0, errDecimalOverflow
	}
	return body[:at], exponent, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// newDecimal normalises: no trailing zeros, scale 0..maxScale.
func newDecimal(m int64, scale int) (decimal, error) {
	if m == 0 {
		return decimal{}, nil
	}
	for ; scale > 0 && m%10 == 0; scale-- {
		m /= 10
	}
	for ; scale < 0; scale++ {
		var ok bool
		if m, ok = multiply(m, 10); !ok {
			return decimal{}, errDecimalOverflow
		}
	}
	if scale > maxScale {
		return decimal{}, errDecimalOverflow
	}
	return decimal{m, scale}, nil
}

func multiply(a, b int64) (int64, bool) {
	if a == math.MinInt64 || b == math.MinInt64 {
		return 0, false
	}
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}

// text is the canonical form: no exponent, no plus, no zeros at the end of a fraction.
func (d decimal) text() string {
	if d.scale == 0 {
		return strconv.FormatInt(d.mantissa, 10)
	}
	sign, body := "", strconv.FormatInt(d.mantissa, 10)
	if d.mantissa < 0 {
		sign, body = "-", body[1:]
	}
	if len(body) <= d.scale {
		body = strings.Repeat("0", d.scale-len(body)+1) + body
	}
	at := len(body) - d.scale
	return sign + body[:at] + "." + body[at:]
}

// align brings both to one scale.
func align(a, b decimal) (x, y int64, scale int, ok bool) {
	for ok = true; a.scale < b.scale && ok; a.scale++ {
		a.mantissa, ok = multiply(a.mantissa, 10)
	}
	for ; b.scale < a.scale && ok; b.scale++ {
		b.mantissa, ok = multiply(b.mantissa, 10)
	}
	return a.mantissa, b.mantissa, a.scale, ok
}

func (d decimal) add(o decimal) (decimal, error) {
	x, y, scale, ok := align(d, o)
	sum := x + y
	if !ok || (x > 0 && y > 0 && sum < 0) || (x < 0 && y < 0 && sum >= 0) {
		return decimal{}, errDecimalOverflow
	}
	return newDecimal(sum, scale)
}

func (d decimal) times(o decimal) (decimal, error) {
	m, ok := multiply(d.mantissa, o.mantissa)
	if !ok {
		return decimal{}, errDecimalOverflow
	}
	return newDecimal(m, d.scale+o.scale)
}

func (d decimal) compare(o decimal) int {
	if x, y, _, ok := align(d, o); ok {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return d.rational().Cmp(o.rational())
}

func (d decimal) rational() *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.scale)), nil)
	return new(big.Rat).SetFrac(big.NewInt(d.mantissa), scale)
}

// round keeps so many digits after the point, halves away from zero.
func (d decimal) round(places int) decimal {
	if d.scale <= places {
		return d
	}
	m, half := d.mantissa, false
	for ; d.scale > places; d.scale-- {
		half = m%10 >= 5 || m%10 <= -5
		m /= 10
	}
	if half && d.mantissa > 0 {
		m++
	} else if half {
		m--
	}
	rounded, _ := newDecimal(m, places) // shorter than a number that fitted
	return rounded
}

// decimalOf takes what dec() takes: text, an integer or a decimal.
func decimalOf(v ref.Val) (decimal, error) {
	switch x := v.(type) {
	case decimal:
		return x, nil
	case types.String:
		return parseDecimal(string(x))
	case types.Int:
		return newDecimal(int64(x), 0)
	}
	return decimal{}, errNotDecimal
}

// operate runs a binary operation with another number, for CEL.
func (d decimal) operate(other ref.Val, op func(decimal, decimal) (decimal, error)) ref.Val {
	if _, isText := other.(types.String); isText {
		return types.MaybeNoSuchOverloadErr(other)
	}
	o, err := decimalOf(other)
	if err != nil {
		return types.MaybeNoSuchOverloadErr(other)
	}
	result, err := op(d, o)
	if err != nil {
		return fail(err)
	}
	return result
}

// Add makes + work.
func (d decimal) Add(other ref.Val) ref.Val { return d.operate(other, decimal.add) }

// Subtract makes - work.
func (d decimal) Subtract(other ref.Val) ref.Val {
	return d.operate(other, func(a, b decimal) (decimal, error) { return a.add(b.opposite()) })
}

// Multiply makes * work.
func (d decimal) Multiply(other ref.Val) ref.Val { return d.operate(other, decimal.times) }

// Negate makes the unary minus work.
func (d decimal) Negate() ref.Val { return d.opposite() }

func (d decimal) opposite() decimal { return decimal{-d.mantissa, d.scale} }

// Compare makes <, <=, > and >= work.
func (d decimal) Compare(other ref.Val) ref.Val {
	o, err := decimalOf(other)
	if _, isText := other.(types.String); isText || err != nil {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return types.Int(d.compare(o))
}

// Equal makes == and != work.
func (d decimal) Equal(other ref.Val) ref.Val {
	if _, isText := other.(types.String); isText {
		return types.False
	}
	o, err := decimalOf(other)
	return types.Bool(err == nil && o == d)
}

// ConvertToNative gives Go a float64, a string or the value itself.
func (d decimal) ConvertToNative(t reflect.Type) (any, error) {
	switch t.Kind() {
	case reflect.Float64:
		return strconv.ParseFloat(d.text(), 64)
	case reflect.String:
		return d.text(), nil
	}
	if reflect.TypeFor[decimal]().AssignableTo(t) {
		return d, nil
	}
	return nil, fmt.Errorf("importer: a decimal is not a %s", t)
}

// ConvertToType makes int(), double() and string() work; int() refuses a fraction.
func (d decimal) ConvertToType(t ref.Type) ref.Val {
	switch t.TypeName() {
	case "int":
		if d.scale != 0 {
			return fail(errors.New("the decimal number has a fraction"))
		}
		return types.Int(d.mantissa)
	case "double":
		f, err := strconv.ParseFloat(d.text(), 64)
		if err != nil {
			return fail(errNotDecimal)
		}
		return types.Double(f)
	case "string":
		return types.String(d.text())
	case "type":
		return decimalType
	case decimalType.TypeName():
		return d
	}
	return fail(errors.New("a decimal number does not convert to that type"))
}

// Type is the opaque CEL type.
func (d decimal) Type() ref.Type { return decimalType }

// Value is the value itself.
func (d decimal) Value() any { return d }
