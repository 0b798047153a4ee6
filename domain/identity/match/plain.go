package match

import (
	"slices"
	"strings"
	"unicode"
)

// Plain is the Reader for values that need no tables: small letters, single spaces, Soundex as key. It does no
// Unicode normalisation and no transcription.
type Plain struct {
	// Year is the present one: with it dates of birth with a year of two digits are read, as by ParseDateIn.
	Year int
}

// Read implements Reader.
func (p Plain) Read(kind Kind, value string) (form, key string) {
	form = Squeeze(strings.ToLower(value))
	switch kind {
	case Date:
		d, ok := ParseDateIn(form, p.Year)
		if !ok {
			return mistyped(form), ""
		}
		return d.String(), ""
	case Phone, NationalID, Postcode:
		return alphanumeric(form), ""
	case FullName:
		return form, SoundexOfAll(form)
	case GivenName, Surname, Locality, Street:
		return form, Soundex(form)
	}
	return form, ""
}

// SoundexOfAll is the Soundex of every word, in an order of their own, so that the parts of a name may stand in any.
func SoundexOfAll(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '-' || r == ',' })
	for i, w := range words {
		words[i] = Soundex(w)
	}
	slices.Sort(words)
	return strings.TrimSpace(strings.Join(words, " "))
}

// Squeeze makes every run of white space one space and trims the ends.
func Squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// alphanumeric keeps letters and digits.
func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// soundexCodes are the digits of the letters a to z; 0 for vowels, which part equal codes, and 9 for h and w, which
// do not.
const soundexCodes = "01230129022455012623019202"

// Soundex is the American Soundex of a word's ASCII letters; empty when it has none.
func Soundex(word string) string {
	code := [4]byte{'0', '0', '0', '0'}
	n, last := 0, byte('0')
	for i := 0; i < len(word) && n < 4; i++ {
		c := word[i] | 0x20
		if c < 'a' || c > 'z' {
			continue
		}
		digit := soundexCodes[c-'a']
		switch {
		case n == 0:
			code[0], n, last = c, 1, digit
		case digit == '9':
		case digit == '0':
			last = '0'
		case digit != last:
			code[n], last = digit, digit
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return string(code[:])
}
