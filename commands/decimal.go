package commands

import (
	"errors"
	"math"
	"math/bits"
)

// Errors of reading decimal numbers.
var (
	errNotDecimal   = errors.New("commands: not a decimal number")
	errDecimalRange = errors.New("commands: the number is out of range")
)

// maxDecimalBytes bounds the text of a number.
const maxDecimalBytes = 400

// ParseMicros reads a decimal number ("12.30", "-4", "1.5e3") as millionths, rounding the seventh decimal half
// away from zero: front ends compute with binary fractions and send 0.30000000000000004.
func ParseMicros(text string) (int64, error) { return parseDecimal(text, 6) }

// ParseMilli reads a decimal number as thousandths, rounding half away from zero.
func ParseMilli(text string) (int64, error) { return parseDecimal(text, 3) }

// parseDecimal reads text as an integer of 10^-places.
func parseDecimal(text string, places int) (int64, error) {
	var room [40]byte
	negative, digits, scale, err := scanDecimal(text, room[:0])
	if err != nil {
		return 0, err
	}
	// value = digits * 10^-scale; wanted: round(value * 10^places).
	shift := places - scale
	keep := len(digits)
	if shift < 0 {
		keep += shift
	}
	var v uint64
	for i := range max(keep, 0) {
		if v, err = timesTen(v, digits[i]-'0'); err != nil {
			return 0, err
		}
	}
	for range max(shift, 0) {
		if v == 0 {
			break
		}
		if v, err = timesTen(v, 0); err != nil {
			return 0, err
		}
	}
	if keep >= 0 && keep < len(digits) && digits[keep] >= '5' {
		v++
	}
	if v > math.MaxInt64 {
		return 0, errDecimalRange
	}
	if negative {
		return -int64(v), nil
	}
	return int64(v), nil
}

// scanDecimal splits a number into its significant digits, appended to room, and their scale.
func scanDecimal(text string, room []byte) (negative bool, digits []byte, scale int, err error) {
	if len(text) == 0 || len(text) > maxDecimalBytes {
		return false, nil, 0, errNotDecimal
	}
	i := 0
	if text[i] == '-' || text[i] == '+' {
		negative = text[i] == '-'
		i++
	}
	digits = room
	seen, point := false, false
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen = true
		if point {
			scale++
		}
		if len(digits) > 0 || c != '0' {
			digits = append(digits, c)
		}
	}
	if !seen {
		return false, nil, 0, errNotDecimal
	}
	exponent, err := scanExponent(text[i:])
	return negative, digits, scale - exponent, err
}

// scanExponent reads "e-16"; an empty text is 0.
func scanExponent(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, errNotDecimal
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	if text == "" {
		return 0, errNotDecimal
	}
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, errNotDecimal
		}
		n = min(n*10+int(text[i]-'0'), 10_000)
	}
	return sign * n, nil
}

// timesTen is v*10 + digit, within int64.
func timesTen(v uint64, digit byte) (uint64, error) {
	if v > (math.MaxInt64-uint64(digit))/10 {
		return 0, errDecimalRange
	}
	return v*10 + uint64(digit), nil
}

// priceTimes is price (micros) * quantity (milli) in micros, rounded half away from zero; both are >= 0.
func priceTimes(priceMicros, quantityMilli int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(priceMicros), uint64(quantityMilli))
	lo, carry := bits.Add64(lo, 500, 0)
	hi += carry
	if hi >= 1000 {
		return 0, errDecimalRange
	}
	q, _ := bits.Div64(hi, lo, 1000)
	if q > math.MaxInt64 {
		return 0, errDecimalRange
	}
	return int64(q), nil
}
