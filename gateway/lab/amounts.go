package lab

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/profferhq/proffer/commands"
)

// errAmount: a cell is no amount, or too large.
var errAmount = errors.New("lab: not an amount")

// amount is a cell in millionths; known is false where it is blank or cannot be read.
type amount struct {
	micros int64
	known  bool
}

// amounts reads a column of amounts, or the product of several: "Quantity*UnitPrice". Currency signs and marks of
// thousands are taken off; whether comma or point divides the fraction is seen from the whole column. It fails with
// ErrOptions when there is no such column.
func amounts(t Table, spec string) ([]amount, error) {
	if at := t.find(spec); at >= 0 {
		return amountsOf(t.values(at)), nil
	}
	factors := strings.Split(spec, "*")
	var out []amount
	for i, f := range factors {
		at := t.find(strings.TrimSpace(f))
		if at < 0 {
			return nil, noColumn(t, strings.TrimSpace(f))
		}
		column := amountsOf(t.values(at))
		if i == 0 {
			out = column
			continue
		}
		for j := range out {
			out[j] = product(out[j], column[j])
		}
	}
	return out, nil
}

// find is the place of a column by its name, or by its name in other case; -1 when there is none.
func (t Table) find(name string) int {
	if at := t.Column(name); at >= 0 {
		return at
	}
	return slices.IndexFunc(t.Columns, func(c string) bool { return strings.EqualFold(c, name) })
}

// noColumn says what columns there are.
func noColumn(t Table, name string) error {
	return fmt.Errorf("%w: no column %q; there are %s", ErrOptions, name, strings.Join(t.Columns, ", "))
}

func amountsOf(cells []string) []amount {
	comma := decimalComma(cells)
	out := make([]amount, len(cells))
	for i, c := range cells {
		if m, err := readAmount(c, comma); err == nil {
			out[i] = amount{m, true}
		}
	}
	return out
}

// decimalComma says whether a column divides fractions by comma: a cell shows it that has a comma after a point, or
// one comma that is not followed by three figures, while no cell shows the contrary.
func decimalComma(cells []string) bool {
	found := false
	for _, c := range cells {
		comma, point := strings.LastIndexByte(c, ','), strings.LastIndexByte(c, '.')
		switch {
		case point > comma && (comma >= 0 || len(c)-point-1 != 3):
			return false
		case comma < 0:
		case point >= 0, strings.Count(c, ",") == 1 && len(c)-comma-1 != 3:
			found = true
		}
	}
	return found
}

func readAmount(cell string, comma bool) (int64, error) {
	text := strings.TrimSpace(cell)
	negative := false
	if inner, ok := strings.CutPrefix(text, "("); ok && strings.HasSuffix(inner, ")") {
		text, negative = strings.TrimSuffix(inner, ")"), true
	}
	thousands := ","
	if comma {
		thousands = "."
	}
	text = strings.NewReplacer("$", "", "€", "", "£", "", "¥", "", "￥", "", "\u00a0", "", "\u202f", "", " ", "", "'", "", "−", "-", thousands, "").Replace(text)
	if comma {
		text = strings.ReplaceAll(text, ",", ".")
	}
	m, err := commands.ParseMicros(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errAmount, err)
	}
	if negative {
		m = -m
	}
	return m, nil
}

// product multiplies, rounding half away from zero; it is unknown where a factor is, or where it does not fit.
func product(a, b amount) amount {
	if !a.known || !b.known {
		return amount{}
	}
	hi, lo := bits.Mul64(magnitude(a.micros), magnitude(b.micros))
	lo, carry := bits.Add64(lo, 500_000, 0)
	if hi += carry; hi >= 1_000_000 {
		return amount{}
	}
	v, _ := bits.Div64(hi, lo, 1_000_000)
	if v > math.MaxInt64 {
		return amount{}
	}
	if (a.micros < 0) != (b.micros < 0) {
		return amount{-int64(v), true}
	}
	return amount{int64(v), true}
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}
