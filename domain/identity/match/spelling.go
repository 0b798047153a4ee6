package match

import "strings"

// leastSpelt is how many bytes of a name tell that an e-mail address is written with it.
const leastSpelt = 3

// spelt has a bit for each field of a name that stands in one of the record's e-mail addresses.
func (m *Matcher) spelt(forms []form) (fields uint64) {
	for i := range m.comparisons {
		c := &m.comparisons[i]
		if c.likeness == 0 {
			continue
		}
		mail := &forms[c.field]
		local := string(mail.runes[:mail.at])
		for f := range forms {
			if isName(m.model.Fields[f].Kind) && forms[f].standsIn(local) {
				fields |= 1 << f
			}
		}
	}
	return fields
}

func isName(k Kind) bool { return k == GivenName || k == Surname || k == FullName }

func (f *form) standsIn(local string) bool {
	for _, t := range f.tokens {
		if word := string(t.runes); len(word) >= leastSpelt && strings.Contains(local, word) {
			return true
		}
	}
	return false
}

// likenessOf is the first level of an e-mail comparison that tells likeness only, not one address or one mistyped; 0
// when there is none.
func likenessOf(k Kind, levels []Level) int {
	if k != Email {
		return 0
	}
	first := 1
	for i, l := range levels {
		if l.Level == "exact" || l.Level == "damerau_levenshtein<=1" {
			first = i + 1
		}
	}
	return first
}

// muteSpelt leaves the likeness of two e-mail addresses out, as if one were missing, where a name agrees that both are
// written with: jane.roe1@a and jane.roe22@b are alike because two people are called Jane Roe, and that has counted.
func (m *Matcher) muteSpelt(a, b *Prepared, p pattern) pattern {
	both := a.spelt & b.spelt
	if both == 0 || !m.namesAgree(both, p) {
		return p
	}
	for i := range m.comparisons {
		c := &m.comparisons[i]
		last := len(c.levels) - 1
		if l := p.level(i); c.likeness > 0 && l >= c.likeness && l < last {
			p += pattern(last+1-l) << (4 * i)
		}
	}
	return p
}

// namesAgree says whether one of the fields reached a level other than else.
func (m *Matcher) namesAgree(fields uint64, p pattern) bool {
	for i := range m.comparisons {
		c := &m.comparisons[i]
		if c.with < 0 && fields&(1<<c.field) != 0 && p.level(i) < len(c.levels)-1 {
			return true
		}
	}
	return false
}
