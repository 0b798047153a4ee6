package match

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Day is a calendar date, as written: it need not exist, so that a typing error stays comparable.
type Day struct{ Year, Month, Day int }

// String is yyyymmdd.
func (d Day) String() string { return fmt.Sprintf("%04d%02d%02d", d.Year, d.Month, d.Day) }

// ParseDate reads the usual ways of writing a date: yyyy-mm-dd, yyyymmdd, dd/mm/yyyy (mm/dd/yyyy where only that is
// possible), each with -, /, . or a space between, 1990年1月2日, and what follows a date after a T or a space is left
// out. The year has four digits.
func ParseDate(s string) (Day, bool) {
	s = strings.NewReplacer("年", "-", "月", "-", "日", "").Replace(strings.TrimSpace(s))
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
