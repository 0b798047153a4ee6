package normal

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"github.com/profferhq/proffer/domain/identity/match"
)

// Fields reads values for probabilistic matching: it implements match.Reader. Unlike Normalizer it never refuses a
// value, because a value with a typing error is still evidence: a phone number that is not valid is its digits.
type Fields struct {
	normalizer *Normalizer
	plain      match.Plain
}

// NewFields fails with ErrRegion.
func NewFields(o Options) (*Fields, error) {
	n, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Fields{normalizer: n, plain: match.Plain{Year: o.Year}}, nil
}

// Read implements match.Reader: NFKC, which also makes wide signs narrow, small letters, no accents on Latin letters,
// single spaces. The key of Chinese is its pinyin without tones, of other writing the Soundex of its first
// word, or of all words of a full name.
func (f *Fields) Read(kind match.Kind, value string) (form, key string) {
	form = unaccented(match.Squeeze(strings.ToLower(norm.NFKC.String(value))))
	if void(kind, form) {
		return "", ""
	}
	switch kind {
	case match.Email:
		return f.mail(form), ""
	case match.Phone:
		return f.number(form), ""
	case match.GivenName, match.Surname, match.FullName, match.Locality, match.Street:
		form = name(form)
		return form, soundOf(kind, form)
	}
	return f.plain.Read(kind, form)
}

// void says whether a value is a way of writing that there is none. A surname may be "Null".
func void(kind match.Kind, form string) bool {
	switch form {
	case "n/a", "nan", "none", "nil", "unknown", "undefined", "-", "--", "?", ".":
		return true
	case "null", "na":
		return kind != match.Surname && kind != match.GivenName && kind != match.FullName
	}
	return false
}

// mail is the normal form of an address, or what was written when it is none.
func (f *Fields) mail(form string) string {
	if address, err := f.normalizer.email(form); err == nil {
		return address
	}
	return form
}

// number is E.164 without the plus, or the digits of what is no valid number.
func (f *Fields) number(form string) string {
	if e164, err := f.normalizer.phone(form); err == nil {
		return e164[1:]
	}
	return phonenumbers.NormalizeDigitsOnly(form)
}

// name leaves out the signs that names and streets are written with or without.
func name(form string) string {
	return match.Squeeze(strings.Map(func(r rune) rune {
		switch r {
		case '\'', '’', '`', '.', '·':
			return -1
		case ',', ';', '"', '(', ')':
			return ' '
		}
		return r
	}, form))
}

// soundOf is a key by which values that sound alike are equal.
func soundOf(kind match.Kind, form string) string {
	switch {
	case strings.ContainsFunc(form, han):
		return Pinyin(form)
	case kind == match.FullName:
		return match.SoundexOfAll(form)
	}
	return match.Soundex(form)
}

func han(r rune) bool { return unicode.Is(unicode.Han, r) }

// Pinyin writes the Chinese signs of a text without tones, a syllable each, parted by spaces; other signs are left
// out.
func Pinyin(text string) string {
	return strings.Join(pinyin.LazyPinyin(text, pinyin.NewArgs()), " ")
}

// unaccented takes the accents off Latin letters; other writing is left as it is.
func unaccented(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 && r < 0x250 }) {
		return s
	}
	var b strings.Builder
	latin := false
	for _, r := range norm.NFD.String(s) {
		if unicode.Is(unicode.Mn, r) && latin {
			continue
		}
		latin = unicode.Is(unicode.Latin, r)
		switch r {
		case 'ß':
			b.WriteString("ss")
		case 'ø':
			b.WriteByte('o')
		case 'ł':
			b.WriteByte('l')
		case 'æ':
			b.WriteString("ae")
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}
