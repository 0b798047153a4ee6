package learn

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// absent says whether a cell holds no value, whatever its column is.
func absent(cell string) bool {
	switch strings.ToLower(cell) {
	case "", "na", "n/a", "#n/a", "nan", "null", "?":
		return true
	}
	return false
}

// numeral is how a column writes numbers.
type numeral uint8

const (
	plainNumber  numeral = iota // 1234.5
	commaDecimal                // 1234,5 and 1.234,5
	commaGroups                 // 1,234.5
)

// parse reads a number; NaN when it is none. Money signs, percent signs and spaces are left out.
func (n numeral) parse(cell string) float64 {
	s := strings.Trim(cell, " \u00a0$€£¥%")
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") { // -$5
		sign, s = s[:1], strings.Trim(s[1:], " \u00a0$€£¥")
	}
	if s == "" || s[0] != '.' && s[0] != ',' && (s[0] < '0' || s[0] > '9') || strings.ContainsAny(s, "xXpP_") {
		return math.NaN() // no words, no hexadecimal
	}
	switch n {
	case commaDecimal:
		s = strings.ReplaceAll(s, ".", "")
		s = strings.Replace(s, ",", ".", 1)
	case commaGroups:
		s = ungroup(s)
	}
	v, err := strconv.ParseFloat(sign+s, 64)
	if err != nil || math.IsInf(float64(float32(v)), 0) {
		return math.NaN()
	}
	return v
}

// ungroup takes the commas out of 1,234,567.8; anything else with commas stays, and is no number.
func ungroup(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	groups := strings.Split(whole, ",")
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(g) > 3) && len(groups) > 1 {
			return s
		}
	}
	return strings.Join(groups, "") + "." + fraction
}

// mostly is the share of values that must be read for a column to be of a kind.
const mostly = .95

// numbersOf reads a column as numbers; ok is false when it holds something else. Odd is how many values were no numbers.
func numbersOf(cells []string) (values []float64, odd int, ok bool) {
	for _, style := range []numeral{plainNumber, commaDecimal, commaGroups} {
		if style == commaDecimal && !slices.ContainsFunc(cells, func(c string) bool { return strings.Contains(c, ",") }) {
			break
		}
		values, odd = make([]float64, len(cells)), 0
		there := 0
		for i, c := range cells {
			if values[i] = math.NaN(); absent(c) {
				continue
			}
			there++
			if values[i] = style.parse(c); math.IsNaN(values[i]) && !placeholder(c) {
				odd++
			}
		}
		if there > 0 && float64(there-odd) >= mostly*float64(there) && odd < there {
			return values, odd, true
		}
	}
	return nil, 0, false
}

// placeholder is what people write in a column of numbers where there is none.
func placeholder(cell string) bool {
	switch strings.ToLower(cell) {
	case "-", "--", "none", "unknown", "missing", "inf", "-inf", ".":
		return true
	}
	return false
}

// layouts of dates and times, the least ambiguous first.
func layouts() []string {
	return []string{
		"2006-01-02", time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006/01/02", "2006/01/02 15:04:05",
		"02.01.2006", "02.01.2006 15:04", "01/02/2006", "02/01/2006", "1/2/2006", "2/1/2006", "01/02/2006 15:04", "02/01/2006 15:04", "1/2/2006 15:04",
		"02-01-2006", "01-02-2006", "2-Jan-2006", "Jan 2, 2006", "2 Jan 2006", "January 2, 2006", "2 January 2006", "02-Jan-06", "1/2/06", "2006-01", "20060102",
	}
}

// datesOf reads a column as moments; ok is false when it holds something else.
func datesOf(cells []string) (values []time.Time, ok bool) {
	for _, layout := range layouts() {
		values = make([]time.Time, len(cells))
		there, read := 0, 0
		for i, c := range cells {
			if absent(c) {
				continue
			}
			if there++; there >= 20 && float64(read) < mostly/2*float64(there) {
				break
			}
			t, err := time.Parse(layout, c)
			if err == nil {
				values[i] = t.UTC()
				read++
			}
		}
		if there > 0 && float64(read) >= mostly*float64(there) {
			return values, true
		}
	}
	return nil, false
}
