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
// Where only the figures behind the letters differ, jroe47@a and jroe49@a, no name need stand in them, and no typing
// error is believed.
func (m *Matcher) muteSpelt(a, b *Prepared, p pattern) pattern {
	for i := range m.comparisons {
		c := &m.comparisons[i]
		l, last := p.level(i), len(c.levels)-1
		if c.likeness == 0 || l == 0 || l >= last {
			continue
		}
		numbered := numberedApart(&a.forms[c.field], &b.forms[c.field]) && m.namesAgree(m.names, p)
		if numbered || l >= c.likeness && m.namesAgree(a.spelt&b.spelt, p) {
			p += pattern(last+1-l) << (4 * i)
		}
	}
	return p
}

// numberedApart says whether two addresses have letters before the @ and other figures there.
func numberedApart(a, b *form) bool {
	lettersOfA, figuresOfA := figures(a.runes[:a.at])
	lettersOfB, figuresOfB := figures(b.runes[:b.at])
	return lettersOfA >= leastSpelt && lettersOfB >= leastSpelt && figuresOfA != figuresOfB
}

// figures counts the letters and hashes the digits.
func figures(local []rune) (letters int, hash uint64) {
	hash = fnvOffset
	for _, r := range local {
		switch {
		case r >= '0' && r <= '9':
			hash = (hash ^ uint64(r)) * fnvPrime
		case unicode.IsLetter(r):
			letters++
		}
	}
	return letters, hash
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
