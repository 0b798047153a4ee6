package postgres

import (
	"encoding/binary"
	"math"

	"github.com/profferhq/proffer/domain"
)

// Cells are values in Postgres's binary format, each with its length before it: what a binary COPY and a binary array
// are made of. Writing them ourselves costs about a tenth of going through reflection for each.

// The object ids of the types used; they are fixed in Postgres.
const (
	oidBool        = 16
	oidBytea       = 17
	oidInt8        = 20
	oidInt4        = 23
	oidText        = 25
	oidFloat8      = 701
	oidTimestamptz = 1184
	oidInterval    = 1186
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// postgresEpochMs is 2000-01-01, from which Postgres counts, in Unix milliseconds.
const postgresEpochMs = 946684800000

func null(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func sized(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func int8Cell(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(sized(b, 8), uint64(v))
}

func int4Cell(b []byte, v int) []byte {
	return binary.BigEndian.AppendUint32(sized(b, 4), uint32(min(v, math.MaxInt32)))
}

func boolCell(b []byte, v bool) []byte {
	if v {
		return append(sized(b, 1), 1)
	}
	return append(sized(b, 1), 0)
}

func float8Cell(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(sized(b, 8), math.Float64bits(v))
}

// textCell writes text that is never NULL.
func textCell(b []byte, v string) []byte { return append(sized(b, len(v)), v...) }

// optionalText writes NULL for the empty text: unknown.
func optionalText(b []byte, v string) []byte {
	if v == "" {
		return null(b)
	}
	return textCell(b, v)
}

// optionalBytes writes NULL for no bytes.
func optionalBytes(b, v []byte) []byte {
	if len(v) == 0 {
		return null(b)
	}
	return bytesCell(b, v)
}

func bytesCell(b, v []byte) []byte { return append(sized(b, len(v)), v...) }

func jsonCell(b []byte, v string) []byte {
	const version = 1
	return append(append(sized(b, 1+len(v)), version), v...)
}

// uuidCell writes an id that is never NULL.
func uuidCell(b []byte, v domain.Alias) []byte { return append(sized(b, len(v)), v[:]...) }

// optionalUUID writes NULL for the zero id.
func optionalUUID(b []byte, v domain.Alias) []byte {
	if v.IsZero() {
		return null(b)
	}
	return uuidCell(b, v)
}

// timeCell writes Unix milliseconds as a timestamptz.
func timeCell(b []byte, ms int64) []byte { return int8Cell(b, (ms-postgresEpochMs)*1000) }

// durationCell writes milliseconds as an interval, NULL for none. Beyond some 290,000 years it stops growing.
func durationCell(b []byte, ms int64) []byte {
	if ms == 0 {
		return null(b)
	}
	const limit = math.MaxInt64 / 1000
	micros := max(min(ms, limit), -limit) * 1000
	b = binary.BigEndian.AppendUint64(sized(b, 16), uint64(micros))
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // days, months
}

// microsCell writes millionths as a numeric of scale 6.
func microsCell(b []byte, v int64) []byte {
	whole, part := split(v, 1_000_000)
	part *= 100
	return numericCell(b, v < 0, 6, whole, uint16(part/10_000), uint16(part%10_000))
}

// milliCell writes thousandths as a numeric of scale 3.
func milliCell(b []byte, v int64) []byte {
	whole, part := split(v, 1000)
	return numericCell(b, v < 0, 3, whole, uint16(part*10))
}

func split(v int64, unit uint64) (whole, part uint64) {
	size := uint64(v)
	if v < 0 {
		size = -size
	}
	return size / unit, size % unit
}

// numericCell writes a numeric: digits to the base 10,000, the first of them worth 10,000 to the power of the weight.
func numericCell(b []byte, negative bool, scale uint16, whole uint64, fraction ...uint16) []byte {
	var digits [5]uint16
	n := 0
	for ; whole > 0; whole /= 10_000 {
		n++
		digits[len(digits)-n] = uint16(whole % 10_000)
	}
	sign := uint16(0)
	if negative {
		sign = 0x4000
	}
	count := n + len(fraction)
	b = sized(b, 8+2*count)
	b = binary.BigEndian.AppendUint16(b, uint16(count))
	b = binary.BigEndian.AppendUint16(b, uint16(int16(n-1)))
	b = binary.BigEndian.AppendUint16(b, sign)
	b = binary.BigEndian.AppendUint16(b, scale)
	for _, d := range digits[len(digits)-n:] {
		b = binary.BigEndian.AppendUint16(b, d)
	}
	for _, d := range fraction {
		b = binary.BigEndian.AppendUint16(b, d)
	}
	return b
}
