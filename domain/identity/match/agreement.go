package match

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// swappedTest is the level of an order comparison.
const swappedTest = "swapped"

// testKind is one way of agreeing.
type testKind uint8

// The tests. Those with a threshold are written with it: "jaro_winkler>=0.9", "days<=31".
const (
	testExact testKind = iota
	testKey
	testJaroWinkler
	testEdits
	testEditShare
	testBeginning
	testPrefix
	testTokens
	testTokensJaro
	testDays
	testSwappedDay
	testYear
	testYearMonth
	testMonthDay
	testDifference
	testIntersection
	testLocal
	testLocalJaro
	testDomain
)

// testNames has the written name of each test and the sign before its threshold, if it has one.
func testNames() []struct{ name, sign string } {
	return []struct{ name, sign string }{
		testExact: {"exact", ""}, testKey: {"key", ""}, testJaroWinkler: {"jaro_winkler", ">="},
		testEdits: {"damerau_levenshtein", "<="}, testEditShare: {"edit_share", "<="}, testBeginning: {"beginning", ""}, testPrefix: {"prefix", ">="},
		testTokens: {"tokens", ">="}, testTokensJaro: {"tokens_jaro_winkler", ">="}, testDays: {"days", "<="},
		testSwappedDay: {"swapped_day_month", ""}, testYear: {"year", ""}, testYearMonth: {"year_month", ""},
		testMonthDay: {"month_day", ""}, testDifference: {"difference", "<="}, testIntersection: {"intersection", ">="},
		testLocal: {"local", ""}, testLocalJaro: {"local_jaro_winkler", ">="}, testDomain: {"domain", ""},
	}
}

// share says whether what the test measures lies between 0 and 1.
func (k testKind) share() bool {
	switch k {
	case testJaroWinkler, testEditShare, testTokens, testTokensJaro, testLocalJaro:
		return true
	}
	return false
}

// test is a test with its threshold.
type test struct {
	kind testKind
	at   float64
}

// parseTests reads a level: tests joined by "|".
func parseTests(level string) ([]test, error) {
	var tests []test
	if len(level) > 3*maxNameBytes {
		return nil, fmt.Errorf("it is longer than %d bytes", 3*maxNameBytes)
	}
	for part := range strings.SplitSeq(level, "|") {
		t, err := parseTest(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

func parseTest(s string) (test, error) {
	for i, n := range testNames() {
		rest, ok := strings.CutPrefix(s, n.name)
		if !ok || (n.sign == "") != (rest == "") {
			continue
		}
		if n.sign == "" {
			return test{kind: testKind(i)}, nil
		}
		number, ok := strings.CutPrefix(rest, n.sign)
		if !ok {
			continue
		}
		at, err := strconv.ParseFloat(number, 64)
		if err != nil || !(at >= 0 && at <= 1e9) {
			return test{}, fmt.Errorf("the threshold of %s must be a number from 0 to 1e9", n.name)
		}
		if testKind(i).share() && at > 1 {
			return test{}, fmt.Errorf("the threshold of %s is a likeness, from 0 to 1: %g would never hold, or always", n.name, at)
		}
		if testKind(i) == testEdits && at > maxEdits {
			return test{}, fmt.Errorf("damerau_levenshtein looks for %d edits at most", maxEdits)
		}
		return test{kind: testKind(i), at: at}, nil
	}
	return test{}, fmt.Errorf("no such test: %q", s)
}

// holds says whether two values, neither missing, agree in this way.
func (t test) holds(a, b *form, l *likeness) bool {
	switch t.kind {
	case testExact:
		return a.hash == b.hash && a.text == b.text
	case testKey:
		return a.key != "" && a.key == b.key
	case testJaroWinkler:
		return l.jaroWinkler(a, b) >= t.at
	case testEdits:
		return l.edits(a, b, int(t.at)) <= int(t.at)
	case testEditShare:
		most := min(maxEdits, int(t.at*float64(max(len(a.runes), len(b.runes)))))
		return l.edits(a, b, most) <= most
	case testBeginning:
		n := min(len(a.runes), len(b.runes))
		return n >= 1 && slices.Equal(a.runes[:n], b.runes[:n])
	case testPrefix:
		n := int(t.at)
		return len(a.runes) >= n && len(b.runes) >= n && slices.Equal(a.runes[:n], b.runes[:n])
	case testTokensJaro:
		return l.tokens(a, b) >= t.at
	case testTokens, testIntersection:
		return t.overlaps(a, b)
	case testDays, testSwappedDay, testYear, testYearMonth, testMonthDay:
		return t.near(a, b)
	case testDifference:
		return a.numeric && b.numeric && max(a.number-b.number, b.number-a.number) <= t.at
	}
	return t.mail(a, b)
}

// near compares dates.
func (t test) near(a, b *form) bool {
	x, y := a.day, b.day
	if x == (Day{}) || y == (Day{}) {
		return false
	}
	switch t.kind {
	case testDays:
		return abs(a.ordinal-b.ordinal) <= int(t.at)
	case testSwappedDay:
		return x.Year == y.Year && x.Month == y.Day && x.Day == y.Month
	case testYear:
		return x.Year == y.Year
	case testYearMonth:
		return x.Year == y.Year && x.Month == y.Month
	}
	return x.Month == y.Month && x.Day == y.Day
}

// mail compares the parts of e-mail addresses.
func (t test) mail(a, b *form) bool {
	if a.at == 0 || b.at == 0 {
		return false
	}
	switch t.kind {
	case testLocal:
		return slices.Equal(a.runes[:a.at], b.runes[:b.at])
	case testLocalJaro:
		x, y := a.runes[:a.at], b.runes[:b.at]
		return mostWinkler(x, y, a.local, b.local) >= t.at && JaroWinkler(x, y) >= t.at
	}
	return slices.Equal(a.runes[a.at:], b.runes[b.at:])
}

// overlaps compares sets: tokens by the share of the smaller set, arrays by the number of values in common.
func (t test) overlaps(a, b *form) bool {
	common, i, j := 0, 0, 0
	for i < len(a.set) && j < len(b.set) {
		switch {
		case a.set[i] < b.set[j]:
			i++
		case a.set[i] > b.set[j]:
			j++
		default:
			common++
			i++
			j++
		}
	}
	if t.kind == testIntersection {
		return float64(common) >= t.at
	}
	size := max(len(a.set), len(b.set))
	return size > 0 && float64(common) >= float64(t.at*float64(size))
}
