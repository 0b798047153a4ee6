package match

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// block is a blocking key: all its parts must agree.
type block struct {
	parts []part
	// fields has a bit for each field it reads.
	fields uint64
}

// part is a transform of one field, or of several in any order.
type part struct {
	fields    []int
	transform transform
	n         int
}

// several says whether the part has more than one value, of which one must agree.
func (q part) several() bool { return q.transform == byAny || q.transform == byEither }

// transform makes a coarser value of a value.
type transform uint8

const (
	asIs transform = iota
	byKey
	byPrefix
	byFirstToken
	byLastToken
	byYear
	byYearMonth
	byMonthDay
	byLocal
	byDigits
	bySorted
	byAny
	byEither
)

func transformNames() map[string]transform {
	return map[string]transform{
		"exact": asIs, "key": byKey, "prefix": byPrefix, "first_token": byFirstToken, "last_token": byLastToken,
		"year": byYear, "year_month": byYearMonth, "month_day": byMonthDay, "local": byLocal, "digits": byDigits,
		"sorted": bySorted, "any": byAny, "either": byEither,
	}
}

// block reads one block of the model; its errors say what is wrong and are wrapped by the caller.
func (m Model) block(parts []string) (block, error) {
	var b block
	if len(parts) == 0 || len(parts) > MaxKeys {
		return b, fmt.Errorf("it has %d parts, from 1 to %d are allowed", len(parts), MaxKeys)
	}
	for _, s := range parts {
		p, err := m.part(s)
		if err != nil {
			return b, err
		}
		for _, f := range p.fields {
			b.fields |= 1 << f
		}
		if p.several() && slices.ContainsFunc(b.parts, part.several) {
			return b, errors.New("one part at most may be \"any\" or \"either\"")
		}
		b.parts = append(b.parts, p)
	}
	return b, nil
}

func (m Model) part(s string) (part, error) {
	names, name, found := strings.Cut(s, ":")
	if !found {
		name = "exact"
	}
	var p part
	if digits, ok := strings.CutPrefix(name, "prefix"); ok {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 20 {
			return p, fmt.Errorf("%q: prefix needs a length from 1 to 20, as in prefix3", s)
		}
		p.n, name = n, "prefix"
	}
	t, known := transformNames()[name]
	if !known {
		return p, fmt.Errorf("no such transform: %q", name)
	}
	p.transform = t
	for name := range strings.SplitSeq(names, "+") {
		at := slices.IndexFunc(m.Fields, func(f Field) bool { return f.Name == name })
		if at < 0 {
			return p, fmt.Errorf("no such field: %q", name)
		}
		if m.Fields[at].Kind.many() != (t == byAny) {
			return p, fmt.Errorf("%q: arrays, and they only, are taken by \"any\"", s)
		}
		p.fields = append(p.fields, at)
	}
	if len(p.fields) > 1 && t != bySorted && t != byEither {
		return p, fmt.Errorf("%q: several fields can only be \"sorted\" or \"either\"", s)
	}
	return p, nil
}

// keys appends the record's keys in the block: none when a part is missing, several when a part is an array.
func (b *block) keys(to []uint64, seed uint64, p *Prepared) []uint64 {
	h := addNumber(fnvOffset, seed)
	var many []uint64
	for i := range b.parts {
		q := &b.parts[i]
		if q.several() {
			if many = q.values(p); len(many) == 0 {
				return to
			}
			continue
		}
		v := q.value(p)
		if v == 0 {
			return to
		}
		h = addNumber(h, v)
	}
	if many == nil {
		return append(to, finish(h))
	}
	from := len(to)
	for _, v := range many {
		to = append(to, finish(addNumber(h, v)))
	}
	slices.Sort(to[from:])
	return to
}

func addNumber(h, n uint64) uint64 {
	for range 8 {
		h = (h ^ n&0xff) * fnvPrime
		n >>= 8
	}
	return h
}

// values are the hashes of an array, or of each of the fields.
func (q *part) values(p *Prepared) []uint64 {
	if q.transform == byAny {
		return p.forms[q.fields[0]].set
	}
	var out []uint64
	for _, f := range q.fields {
		if h := p.forms[f].hash; h != 0 && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// value is the hash of the transformed value; 0 when it is missing.
func (q *part) value(p *Prepared) uint64 {
	f := &p.forms[q.fields[0]]
	switch q.transform {
	case asIs:
		return f.hash
	case byKey:
		return hashPresent(f.key)
	case byPrefix:
		if len(f.runes) < q.n {
			return 0
		}
		return hashRunes(f.runes[:q.n])
	case byFirstToken, byLastToken:
		if len(f.tokens) == 0 {
			return 0
		}
		if q.transform == byFirstToken {
			return hashRunes(f.tokens[0].runes)
		}
		return hashRunes(f.tokens[len(f.tokens)-1].runes)
	case byLocal:
		return hashRunes(f.runes[:f.at])
	case byDigits:
		return hashDigits(f.text)
	case bySorted:
		return q.sorted(p)
	}
	return q.date(f.day)
}

func (q *part) date(d Day) uint64 {
	if d == (Day{}) {
		return 0
	}
	switch q.transform {
	case byYear:
		return finish(uint64(d.Year))
	case byYearMonth:
		return finish(uint64(d.Year*100 + d.Month))
	}
	return finish(uint64(d.Month*100 + d.Day))
}

// sorted is the same for the same tokens in any order, over all its fields; none of them may be missing.
func (q *part) sorted(p *Prepared) uint64 {
	sum := uint64(0)
	for _, i := range q.fields {
		f := &p.forms[i]
		if len(f.set) == 0 {
			return 0
		}
		for _, t := range f.set {
			sum += finish(t)
		}
	}
	return finish(sum)
}

func hashPresent(s string) uint64 {
	if s == "" {
		return 0
	}
	return hashText(s)
}

func hashRunes(runes []rune) uint64 {
	if len(runes) == 0 {
		return 0
	}
	h := fnvOffset
	for _, r := range runes {
		h = (h ^ uint64(r)) * fnvPrime
	}
	return finish(h)
}

func hashDigits(s string) uint64 {
	h, n := fnvOffset, 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			h = (h ^ uint64(s[i])) * fnvPrime
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return finish(h)
}
