package match

import (
	"slices"
	"strings"
	"unicode"
)

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

// spelling is the similarity from which a word of an address is a name with a typing error.
const spelling = 0.88

func (f *form) standsIn(local string) bool {
	words := strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, t := range f.tokens {
		word := string(t.runes)
		if len(word) < leastSpelt {
			continue
		}
		alike := func(w string) bool { return len(w) >= leastSpelt && JaroWinkler([]rune(w), t.runes) >= spelling }
		if strings.Contains(local, word) || slices.ContainsFunc(words, alike) {
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
// Where the figures before the @ differ, jroe47@a and jroe49@a, no name need stand in them, and another figure is not
// believed to be a typing error; one too many or too few may be.
func (m *Matcher) muteSpelt(a, b *Prepared, p pattern) pattern {
	for i := range m.comparisons {
		c := &m.comparisons[i]
		l, last := p.level(i), len(c.levels)-1
		if c.likeness == 0 || l == 0 || l >= last {
			continue
		}
		numbered := numberedApart(&a.forms[c.field], &b.forms[c.field], l < c.likeness) && m.namesAgree(m.names, p)
		if numbered || l >= c.likeness && m.namesAgree(a.spelt&b.spelt, p) {
			p += pattern(last+1-l) << (4 * i)
		}
	}
	return p
}

// numberedApart says whether two addresses have letters before the @ and other figures there; exactly as many, where
// that is asked.
func numberedApart(a, b *form, asMany bool) bool {
	x, y := letteringOf(a.runes[:a.at]), letteringOf(b.runes[:b.at])
	return min(x.letters, y.letters) >= leastSpelt && x.hash != y.hash && (!asMany || x.figures == y.figures)
}

// lettering counts the letters and figures of a text and hashes the figures.
type lettering struct {
	letters, figures int
	hash             uint64
}

func letteringOf(local []rune) lettering {
	l := lettering{hash: fnvOffset}
	for _, r := range local {
		switch {
		case r >= '0' && r <= '9':
			l.hash = (l.hash ^ uint64(r)) * fnvPrime
			l.figures++
		case unicode.IsLetter(r):
			l.letters++
		}
	}
	return l
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
