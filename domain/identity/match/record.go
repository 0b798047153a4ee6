package match

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/profferhq/proffer/domain"
)

// MaxValues is how many values of an array field are looked at, the first ones.
const MaxValues = 64

// maxValueBytes is how much of a value is looked at.
const maxValueBytes = 400

// Record is what is known of one alias, or one row of a file.
type Record struct {
	ID domain.Alias
	// Values has one list for each of Model.Fields; an empty list or value is missing. Only arrays have more than one.
	Values [][]string
	// Keys, where there are any, say that the values are in normal form already, as Normal made them: one for each field.
	Keys []string
}

// Prepared is a record in the form in which it is compared. It holds clear values: let it go after use.
type Prepared struct {
	ID    domain.Alias
	forms []form
	// spelt has a bit for each name that the e-mail address is written with.
	spelt uint64
}

// form is one value; text is empty when it is missing.
type form struct {
	text    string
	runes   []rune
	key     string
	hash    uint64
	set     []uint64
	tokens  []token
	letters uint64
	day     Day
	ordinal int
	number  float64
	numeric bool
	at      int    // where the @ of an e-mail address stands, in runes
	local   uint64 // the letters before it
}

// Normal is the record with its values in normal form, which is the dearest part of preparing it.
func (m *Matcher) Normal(r Record, reader Reader) Record {
	n := Record{ID: r.ID, Values: make([][]string, len(m.model.Fields)), Keys: make([]string, len(m.model.Fields))}
	for i, f := range m.model.Fields {
		if i >= len(r.Values) {
			break
		}
		most := 1
		if f.Kind.many() {
			most = MaxValues
		}
		for _, v := range r.Values[i][:min(len(r.Values[i]), most)] {
			if v == "" {
				continue
			}
			if form, key := reader.Read(f.Kind, clip(v)); form != "" {
				n.Values[i], n.Keys[i] = append(n.Values[i], form), key
			}
		}
	}
	return n
}

// Prepare brings a record into the form in which it is compared.
func (m *Matcher) Prepare(r Record, reader Reader) Prepared {
	if r.Keys == nil {
		r = m.Normal(r, reader)
	}
	p := Prepared{ID: r.ID, forms: make([]form, len(m.model.Fields))}
	for i, f := range m.model.Fields {
		switch {
		case len(r.Values[i]) == 0:
		case f.Kind.many():
			p.forms[i] = arrayForm(r.Values[i])
		default:
			p.forms[i] = formOf(f.Kind, r.Values[i][0], r.Keys[i])
		}
	}
	p.spelt = m.spelt(p.forms)
	return p
}

func formOf(k Kind, text, key string) form {
	f := form{text: text, key: key, runes: []rune(text), hash: hashText(text)}
	f.letters = lettersOf(f.runes)
	switch k {
	case Date:
		f.day, _ = ParseDate(text)
		f.ordinal = f.day.ordinal()
	case Email:
		f.at = max(0, slices.Index(f.runes, '@'))
		f.local = lettersOf(f.runes[:f.at])
	case Amount, Number:
		n, err := strconv.ParseFloat(text, 64)
		f.number, f.numeric = n, err == nil
	case GivenName, Surname, FullName, Street, Locality, Text:
		f.split()
	}
	return f
}

// split takes the value apart into tokens.
func (f *form) split() {
	for _, word := range strings.FieldsFunc(f.text, func(r rune) bool { return r == ' ' || r == '-' || r == ',' || r == '/' }) {
		if len(f.tokens) == MaxValues {
			break
		}
		runes := []rune(word)
		f.tokens = append(f.tokens, token{runes, lettersOf(runes)})
		f.set = append(f.set, hashText(word))
	}
	slices.Sort(f.set)
	f.set = slices.Compact(f.set)
}

func arrayForm(values []string) form {
	var f form
	for _, text := range values {
		f.set = append(f.set, hashText(text))
		f.text = text
	}
	slices.Sort(f.set)
	f.set = slices.Compact(f.set)
	return f
}

// token is one word of a value.
type token struct {
	runes   []rune
	letters uint64
}

// wordsAlike is the similarity below which two words count as unlike.
const wordsAlike = 0.5

// tokensAlike pairs each token of the shorter list with its likest in the other and averages; names in any order and
// with middle names left out score high.
func (f *form) tokensAlike(b *form) float64 {
	short, long := f.tokens, b.tokens
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) == 0 {
		return 0
	}
	var taken uint64
	sum := 0.0
	for _, s := range short {
		best, at := 0.0, -1
		for j, l := range long {
			if taken&(1<<j) != 0 {
				continue
			}
			if mostWinkler(s.runes, l.runes, s.letters, l.letters) <= max(best, wordsAlike) {
				continue
			}
			if like := JaroWinkler(s.runes, l.runes); like > best {
				best, at = like, j
			}
		}
		if at >= 0 {
			taken |= 1 << at
		}
		sum += best
	}
	return sum / float64(len(short))
}

// clip shortens a value to what is looked at.
func clip(s string) string {
	if len(s) <= maxValueBytes {
		return s
	}
	s = s[:maxValueBytes]
	for len(s) > 0 && !utf8.ValidString(s[len(s)-min(len(s), utf8.UTFMax):]) && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// FNV-1a, 64 bits.
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// hashText is never 0, which stands for no value.
func hashText(s string) uint64 { return finish(addText(fnvOffset, s)) }

func addText(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// finish mixes the bits, as the last step of MurmurHash3 does.
func finish(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return max(h, 1)
}
