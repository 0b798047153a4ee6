package match

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Day is a calendar date, as written: it need not exist, so that a typing error stays comparable.
type Day struct{ Year, Month, Day int }

// String is yyyymmdd.
func (d Day) String() string { return fmt.Sprintf("%04d%02d%02d", d.Year, d.Month, d.Day) }

// ParseDate reads the usual ways of writing a date: yyyy-mm-dd, yyyymmdd, dd/mm/yyyy (mm/dd/yyyy where only that is
// possible), each with -, /, . or a space between, 2 January 1990, Jan 2, 1990 or 02-JAN-1990, 1990年1月2日, and what follows a date after a T or a space is left
// out. The year has four digits.
func ParseDate(s string) (Day, bool) { return ParseDateIn(s, 0) }

// ParseDateIn also reads years of two digits, of dates of birth as a person alive in the year would have: not later
// than the year, and less than oldest before it. It is not ok where that leaves two centuries. Year 0 reads none. A
// year of two digits stands last unless it cannot be a day.
func ParseDateIn(s string, in int) (Day, bool) {
	parts, ok := dateParts(s)
	if !ok {
		return Day{}, false
	}
	if len(parts[0]) == 2 && in > 0 {
		return assembleShort(parts, in)
	}
	return assemble(parts)
}

// oldest is the age from which a person is not expected.
const oldest = 106

// dateParts are year, month and day as they are written.
func dateParts(s string) ([]string, bool) {
	s = strings.NewReplacer("年", "-", "月", "-", "日", "").Replace(strings.TrimSpace(s))
	if parts, ok := namedParts(s); ok {
		return parts, true
	}
	if len(s) > 10 {
		if cut := strings.IndexAny(s, "tT"); cut > 0 {
			s = s[:cut]
		} else if s[10] == ' ' {
			s = s[:10]
		}
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' || r == '.' || r == ' ' })
	if len(parts) == 1 && len(s) == 8 {
		parts = []string{s[:4], s[4:6], s[6:]}
	}
	if len(parts) != 3 {
		return nil, false
	}
	if len(parts[0]) != 4 && !(len(parts[0]) == 2 && len(parts[2]) <= 2 && parts[0] > "31") {
		parts[0], parts[2] = parts[2], parts[0]
	}
	return parts, true
}

// namedParts reads a date whose month is a word: the year last or first, the day where it is left.
func namedParts(s string) ([]string, bool) {
	parts := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune("-/., ", r) })
	if len(parts) != 3 {
		return nil, false
	}
	at := 1
	month := monthOf(parts[1])
	if month == 0 {
		at, month = 0, monthOf(parts[0])
	}
	if month == 0 {
		return nil, false
	}
	year, day := parts[2], strings.TrimRight(parts[1-at], "stndrh") // 1st, 2nd, 3rd, 4th
	if len(day) == 4 || len(day) == 2 && day > "31" {
		year, day = day, year
	}
	return []string{year, strconv.Itoa(month), day}, true
}

// assembleShort finds the century of a year of two digits.
func assembleShort(parts []string, in int) (Day, bool) {
	d, ok := assemble([]string{"20" + parts[0], parts[1], parts[2]})
	if !ok || d.Month > 12 || d.Day > 31 {
		return Day{}, false
	}
	year := in - in%100 + d.Year%100
	switch {
	case year > in:
		year -= 100
	case in-(year-100) < oldest:
		return Day{}, false
	}
	d.Year = year
	return d, true
}

// dateLike says whether a value is written as a date, its year perhaps with two digits.
func dateLike(s string) bool {
	parts, ok := dateParts(s)
	if ok && len(parts[0]) == 2 {
		_, ok = assembleShort(parts, 2000+oldest)
	} else if ok {
		_, ok = assemble(parts)
	}
	return ok
}

// mistyped is what is left to compare of a date with a figure too many or too few, or a letter among them: the digits,
// where the year is seen to stand first.
func mistyped(s string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' || r == '.' || r == ' ' })
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	last := len(parts) - 1
	switch {
	case last < 0 || len(parts[0]) < 3 || last > 0 && len(parts[last]) > 3: // the year stands last
	case len(digits) < 6 || len(digits) > 10 || len(s)-len(digits) > 4:
	default:
		return digits
	}
	return ""
}

// monthOf is the month that a word of a Western language begins like, 0 for none. Three letters tell, but for June and
// July in French.
func monthOf(word string) int {
	if strings.HasPrefix(word, "juil") {
		return 7
	}
	runes := []rune(word)
	if len(runes) < 3 {
		return 0
	}
	start := string(runes[:3])
	for i, names := range [12]string{
		"jan ene gen", "feb fév fev", "mar mär mrt", "apr abr avr", "may mai mag mei maj", "jun jui giu", "jul lug", "aug ago aoû aou",
		"sep set", "oct okt ott out", "nov", "dec dez dic déc",
	} {
		if slices.Contains(strings.Fields(names), start) {
			return i + 1
		}
	}
	return 0
}

// assemble reads year, month and day, and puts day and month right where only one order is possible.
func assemble(parts []string) (Day, bool) {
	if len(parts[0]) != 4 || len(parts[1]) > 2 || len(parts[2]) > 2 {
		return Day{}, false
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return Day{}, false
		}
		n[i] = int(v)
	}
	d := Day{Year: n[0], Month: n[1], Day: n[2]}
	if d.Month > 12 && d.Day <= 12 {
		d.Month, d.Day = d.Day, d.Month
	}
	return d, d.Year > 0 && d.Month > 0 && d.Day > 0 && d.Month <= 31 && d.Day <= 99
}

// ordinal counts days, so that two dates have a distance; a date that does not exist runs on into the next month.
func (d Day) ordinal() int {
	return int(time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}
