package match

import (
	"math"

	"github.com/profferhq/proffer/domain/event"
)

// Match is how likely two records stand for one person, and why.
type Match struct {
	PriorBits float64
	Terms     []Term
	// WeightBits is PriorBits and every term's bits, summed in order.
	WeightBits float64
	// Posterior is 2^WeightBits / (1 + 2^WeightBits).
	Posterior float64
}

// Term is what one comparison added. It names the level, never a value.
type Term struct {
	Comparison    string  `json:"comparison"`
	Level         string  `json:"level"`
	Bits          float64 `json:"bits"`
	FrequencyBits float64 `json:"frequency_bits"`
}

// Compare weighs two records; f nil leaves the frequencies of values out. The order of the two does not matter.
func (m *Matcher) Compare(a, b *Prepared, f *Frequencies) Match {
	p := m.levels(a, b)
	match := Match{PriorBits: m.prior, Terms: make([]Term, len(m.comparisons), len(m.comparisons)+1)}
	w, home := m.prior, m.kin
	for i := range m.comparisons {
		t := m.term(i, p, a, b, f)
		w, home = w+t.bits+t.rare, home+t.home
		level := Missing
		if l := p.level(i); l < len(m.comparisons[i].levels) {
			level = m.model.Comparisons[i].Levels[l].Level
		}
		match.Terms[i] = Term{Comparison: m.model.Comparisons[i].Name, Level: level, Bits: t.bits, FrequencyBits: t.rare}
	}
	if m.model.Household > 0 {
		off := -log2OnePlus(home)
		w = w + off
		match.Terms = append(match.Terms, Term{Comparison: HouseholdTerm, Level: sharedLevel, Bits: off})
	}
	match.WeightBits, match.Posterior = w, Posterior(w)
	return match
}

// sharedLevel is the level of the household's term.
const sharedLevel = "shared"

// Weight is Compare's WeightBits alone; it allocates nothing.
func (m *Matcher) Weight(a, b *Prepared, f *Frequencies) float64 {
	p := m.levels(a, b)
	w, home := m.prior, m.kin
	for i := range m.comparisons {
		t := m.term(i, p, a, b, f)
		w, home = w+t.bits+t.rare, home+t.home
	}
	if m.model.Household > 0 {
		w = w - log2OnePlus(home)
	}
	return w
}

// log2OnePlus is log2(1 + 2^x).
func log2OnePlus(x float64) float64 {
	if x > 60 {
		return x
	}
	return math.Log1p(math.Exp2(x)) / math.Ln2
}

// parts are what a comparison adds: to the weight, for the frequency of the value, and to the weight of a home.
type parts struct{ bits, rare, home float64 }

// term is what comparison i adds at its level.
func (m *Matcher) term(i int, p pattern, a, b *Prepared, f *Frequencies) parts {
	c := &m.comparisons[i]
	l := p.level(i)
	if l >= len(c.levels) || c.bits == nil {
		return parts{}
	}
	row := 0
	if c.given >= 0 {
		row = p.level(c.given)
	}
	t := parts{bits: c.bits[row][l]}
	if f != nil && c.frequency[l] > 0 {
		t.rare = m.rare(c, l, p, a, b, f)
	}
	if c.home != nil {
		t.home = c.home[row][l] + t.rare
	}
	return t
}

// rare is what the frequency of the values adds.
func (m *Matcher) rare(c *comparison, l int, p pattern, a, b *Prepared, f *Frequencies) float64 {
	partner, other := -1, c.field
	if c.order >= 0 && p.level(m.orders[c.order].comparison) == 0 {
		partner, other = c.partner, c.partner
	}
	n := max(f.count(c.field, partner, a.forms[c.field].hash), f.count(c.field, partner, b.forms[other].hash))
	return float64(c.frequency[l] * c.rarity[l].bits(n, f.records))
}

// Posterior turns a weight in bits into a chance.
func Posterior(weight float64) float64 {
	if weight > 0 {
		return 1 / (1 + math.Exp2(-weight))
	}
	x := math.Exp2(weight)
	return x / (1 + x)
}

// Event is the waterfall as an event carries it.
func (m Match) Event(model string, version uint64) *event.MatchWeight {
	w := &event.MatchWeight{Model: model, ModelVersion: version, PriorBits: m.PriorBits, WeightBits: m.WeightBits}
	for _, t := range m.Terms {
		w.Terms = append(w.Terms, &event.MatchTerm{Comparison: t.Comparison, Level: t.Level, Bits: t.Bits, FrequencyBits: t.FrequencyBits})
	}
	return w
}
