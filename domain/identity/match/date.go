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
func ParseDate(s string) (Day, bool) {
	s = strings.NewReplacer("年", "-", "月", "-", "日", "").Replace(strings.TrimSpace(s))
	if d, ok := parseNamed(s); ok {
		return d, true
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
		return Day{}, false
	}
	if len(parts[0]) != 4 {
		parts[0], parts[2] = parts[2], parts[0]
	}
	return assemble(parts)
}

// parseNamed reads a date whose month is a word: the year last or first, the day where it is left.
func parseNamed(s string) (Day, bool) {
	parts := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune("-/., ", r) })
	if len(parts) != 3 {
		return Day{}, false
	}
	at := 1
	month := monthOf(parts[1])
	if month == 0 {
		at, month = 0, monthOf(parts[0])
	}
	if month == 0 {
		return Day{}, false
	}
	year, day := parts[2], strings.TrimRight(parts[1-at], "stndrh") // 1st, 2nd, 3rd, 4th
	if len(day) == 4 {
		year, day = day, year
	}
	return assemble([]string{year, strconv.Itoa(month), day})
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
