package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DateOrder is the order of day, month and year where figures alone are written and the year is not first.
type DateOrder string

// Orders of dates. DateAuto finds out from the whole column.
const (
	DateAuto DateOrder = "auto"
	DateDMY  DateOrder = "dmy"
	DateMDY  DateOrder = "mdy"
)

// errDate: a cell is no date that is known.
var errDate = errors.New("lab: not a date")

// written is a date as far as its cell alone tells: a day, or three numbers whose order the column decides.
type written struct {
	day             int
	known           bool
	one, two, three int
}

// days reads a column of dates as days since 1970-01-01. The calendar day counts as it is written: neither the time
// nor the zone move it. A cell that cannot be read is -1<<31. It fails with ErrOptions where day and month could be
// either way round.
func days(cells []string, order DateOrder) ([]int, error) {
	read, valid := make([]written, len(cells)), make([]bool, len(cells))
	for i, c := range cells {
		w, err := readDate(c)
		read[i], valid[i] = w, err == nil
	}
	if order == DateAuto || order == "" {
		var err error
		if order, err = orderOf(read, valid); err != nil {
			return nil, err
		}
	}
	out := make([]int, len(cells))
	for i, w := range read {
		out[i] = noDay
		if !valid[i] {
			continue
		}
		if d, ok := w.in(order); ok {
			out[i] = d
		}
	}
	return out, nil
}

// noDay stands for a date that cannot be read.
const noDay = -1 << 31

// orderOf is the order in which more of the column's dates exist.
func orderOf(read []written, valid []bool) (DateOrder, error) {
	dmy, mdy, differ := 0, 0, false
	for i, w := range read {
		if !valid[i] || w.known {
			continue
		}
		a, first := w.in(DateDMY)
		b, second := w.in(DateMDY)
		if first {
			dmy++
		}
		if second {
			mdy++
		}
		differ = differ || first && second && a != b
	}
	switch {
	case dmy == mdy && differ:
		return "", fmt.Errorf("%w: day and month could be either way round: say --date-order dmy or mdy", ErrOptions)
	case mdy > dmy:
		return DateMDY, nil
	}
	return DateDMY, nil
}

func (w written) in(order DateOrder) (int, bool) {
	switch {
	case w.known:
		return w.day, true
	case order == DateMDY:
		return dayOf(w.three, w.one, w.two)
	}
	return dayOf(w.three, w.two, w.one)
}

// dayOf counts a date that exists; years of two digits are 1970 to 2069.
func dayOf(year, month, day int) (int, bool) {
	switch {
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day || year > 9999 {
		return 0, false
	}
	return int(t.Unix() / secondsOfDay), true
}

const secondsOfDay = 86400

// readDate reads one cell: 2010-12-01, 20101201, 1/12/2010, 1.12.10, 1 Dec 2010, Dec 1, 2010, with a time behind or
// without, and Unix seconds or milliseconds.
func readDate(cell string) (written, error) {
	text := strings.TrimSpace(cell)
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return readNumber(text, number)
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("-/., \tT年月日", r) })
	if len(parts) > 1 && len(parts[0]) == 8 {
		if n, err := strconv.ParseInt(parts[0], 10, 64); err == nil {
			return readNumber(parts[0], n)
		}
	}
	if len(parts) < 3 {
		return written{}, errDate
	}
	return readParts(parts[:3])
}

// readNumber reads yyyymmdd, Unix seconds or Unix milliseconds.
func readNumber(text string, n int64) (written, error) {
	if len(text) == 8 {
		d, ok := dayOf(int(n/10000), int(n/100%100), int(n%100))
		if !ok || n < 1000_00_00 {
			return written{}, errDate
		}
		return written{day: d, known: true}, nil
	}
	switch len(text) {
	case 10:
		return written{day: int(n / secondsOfDay), known: true}, nil
	case 13:
		return written{day: int(n / 1000 / secondsOfDay), known: true}, nil
	}
	return written{}, errDate
}

func readParts(parts []string) (written, error) {
	var n [3]int
	named := -1
	for i, p := range parts {
		if m := monthOf(p); m > 0 && named < 0 {
			n[i], named = m, i
			continue
		}
		v, err := strconv.ParseUint(strings.TrimRight(p, "stndrh"), 10, 16)
		if err != nil {
			return written{}, errDate
		}
		n[i] = int(v)
	}
	var d int
	var ok bool
	switch {
	case len(parts[0]) == 4:
		d, ok = dayOf(n[0], n[1], n[2])
	case named == 0:
		d, ok = dayOf(n[2], n[0], n[1])
	case named == 1:
		d, ok = dayOf(n[2], n[1], n[0])
	case named < 0 && len(parts[2]) != 3 && len(parts[0]) <= 2 && len(parts[1]) <= 2:
		return written{one: n[0], two: n[1], three: n[2]}, nil
	}
	if !ok {
		return written{}, errDate
	}
	return written{day: d, known: true}, nil
}

// monthOf is the number of a month by its English name or the first three letters; 0 when it is none.
func monthOf(name string) int {
	if len(name) < 3 {
		return 0
	}
	for m := time.January; m <= time.December; m++ {
		if full := strings.ToLower(m.String()); strings.HasPrefix(full, strings.ToLower(name)) {
			return int(m)
		}
	}
	return 0
}

// dateText writes a day.
func dateText(day int) string {
	return time.Unix(int64(day)*secondsOfDay, 0).UTC().Format(time.DateOnly)
}
