package match

import (
	"strings"
	"unicode"
)

// summary is what the values of a column look like; shares are of the filled ones.
type summary struct {
	filled, unique                           float64
	distinct                                 int
	values                                   int
	email, phone, date, digits, short, names float64
	numbered                                 float64
}

func summarise(values []string) summary {
	var s summary
	seen := map[string]struct{}{}
	n := 0.0
	for _, v := range values {
		v = Squeeze(strings.ToLower(v))
		if v == "" {
			continue
		}
		n++
		seen[v] = struct{}{}
		s.look(v)
	}
	s.distinct, s.values = len(seen), int(n)
	if n == 0 {
		return s
	}
	s.filled, s.unique = n/float64(len(values)), float64(len(seen))/n
	for _, share := range []*float64{&s.email, &s.phone, &s.date, &s.digits, &s.short, &s.names, &s.numbered} {
		*share /= n
	}
	return s
}

// look counts one value.
func (s *summary) look(v string) {
	digits, letters, others, han := 0, 0, 0, 0
	for _, r := range v {
		switch {
		case unicode.Is(unicode.Han, r):
			han++
			letters++
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		default:
			others++
		}
	}
	length := digits + letters + others
	at := strings.IndexByte(v, '@')
	isDate := dateLike(v)
	switch {
	case at > 0 && at < len(v)-1:
		s.email++
	case isDate:
		s.date++
	case letters == 0 && digits >= 7 && digits <= 15:
		s.phone++
	case letters == 0 && digits > 0:
		s.digits++
	}
	if digits > 0 {
		s.numbered++
	}
	if length <= 6 && digits > 0 {
		s.short++
	}
	if digits == 0 && han == length && han >= 2 && han <= 4 {
		s.names++
	}
}

// fits says whether the values do not contradict the kind that the column's name tells.
func (s summary) fits(k Kind) bool {
	switch k {
	case Date:
		return s.date > 0.5
	case Email:
		return s.email > 0.5
	case GivenName, Surname, FullName:
		return s.digits+s.phone+s.date+s.email < 0.5
	case Phone:
		return s.email+s.date < 0.5
	}
	return true
}

// kind is what the values alone tell.
func (s summary) kind() (Kind, bool) {
	switch {
	case s.email >= mostly:
		return Email, true
	case s.date >= mostly:
		return Date, true
	case s.phone >= mostly:
		return Phone, true
	case s.distinct <= categoryMost && float64(s.distinct) <= max(3, float64(categoryShare*float64(s.values))):
		return Category, true
	case s.names >= mostly:
		return FullName, true
	case s.numbered >= mostly && s.unique >= uniqueFrom:
		return "", false // the number of a record
	case s.short >= mostly:
		return Number, true
	}
	return Text, true
}
