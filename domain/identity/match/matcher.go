package match

import (
	"fmt"
	"math"
)

// Matcher compares records by one model. It is safe for concurrent use.
type Matcher struct {
	model       Model
	comparisons []comparison
	blocks      []block
	orders      []order
	prior       float64
	// kin is log2 of the chances of sharing a home against being strangers; -Inf leaves that out.
	kin float64
	// counted are the fields whose values' frequencies matter.
	counted []bool
	// names has a bit for each field of a name.
	names uint64
}

// comparison is a Comparison ready for use.
type comparison struct {
	field, with int // with is -1, or the other field of an order
	order       int // the order that may cross its field, or -1
	partner     int // the field read instead when crossed, or -1
	levels      [][]test
	given       int // the index of the comparison it depends on, or -1
	bits        [][]float64
	home        [][]float64 // the same for two people who share a home; nil for what they do not share
	frequency   []float64
	// exactFirst says that the first level is "exact"; common and most bound what similarities must tell apart.
	exactFirst bool
	common     float64
	most       int
	rarity     []rarity
	// likeness is the first level of an e-mail comparison that muteSpelt may leave out; 0 is none.
	likeness int
}

// order is a pair of fields that may stand swapped.
// comparison is the one that says so.
type order struct{ first, second, comparison int }

// pattern is the level each comparison reaches, four bits each; the number of levels stands for missing.
type pattern uint64

func (p pattern) level(c int) int { return int(p>>(4*c)) & 15 }

// NewMatcher fails with ErrModel.
func NewMatcher(m Model) (*Matcher, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	m = m.rounded()
	c := &Matcher{model: m, counted: make([]bool, len(m.Fields)), kin: math.Inf(-1)}
	if m.Fitted() {
		strangers := 1 - m.Prior - m.Household
		c.prior = math.Log2(m.Prior / strangers)
		c.kin = math.Log2(m.Household / strangers)
	}
	at := map[string]int{}
	for i, f := range m.Fields {
		at[f.Name] = i
		if isName(f.Kind) {
			c.names |= 1 << i
		}
	}
	for i, x := range m.Comparisons {
		if x.With != "" {
			c.orders = append(c.orders, order{at[x.Field], at[x.With], i})
		}
	}
	names := map[string]int{}
	for i, x := range m.Comparisons {
		compiled, err := c.compile(x, at, names)
		if err != nil {
			return nil, err
		}
		c.comparisons = append(c.comparisons, compiled)
		names[x.Name] = i
	}
	c.capDevices()
	for _, b := range m.Blocks {
		compiled, err := m.block(b)
		if err != nil {
			return nil, invalid("%s", err.Error())
		}
		c.blocks = append(c.blocks, compiled)
	}
	return c, nil
}

func (m *Matcher) compile(x Comparison, at, names map[string]int) (comparison, error) {
	c := comparison{field: at[x.Field], with: -1, order: -1, partner: -1, given: -1}
	if x.With != "" {
		c.with = at[x.With]
	} else {
		c.likeness = likenessOf(m.model.Fields[c.field].Kind, x.Levels)
	}
	for i, o := range m.orders {
		switch c.field {
		case o.first:
			c.order, c.partner = i, o.second
		case o.second:
			c.order, c.partner = i, o.first
		}
	}
	for _, l := range x.Levels {
		var tests []test
		if l.Level != Else && x.With == "" {
			parsed, err := parseTests(l.Level)
			if err != nil {
				return c, fmt.Errorf("%w: comparison %q: %w", ErrModel, x.Name, err)
			}
			tests = parsed
			c.bound(tests)
		}
		c.levels = append(c.levels, tests)
		c.frequency = append(c.frequency, l.Frequency)
		c.rarity = append(c.rarity, newRarity(m.model, l))
		if l.Frequency > 0 {
			m.counted[c.field] = true
			if c.partner >= 0 {
				m.counted[c.partner] = true
			}
		}
	}
	c.exactFirst = x.Levels[0].Level == testNames()[testExact].name
	if !m.model.Fitted() {
		return c, nil
	}
	if x.Given == "" {
		c.addRow(x.Levels, nil, nil)
		return c, nil
	}
	c.given = names[x.Given]
	for i, u := range x.GivenU {
		var same []float64
		if x.GivenM != nil {
			same = x.GivenM[i]
		}
		c.addRow(x.Levels, same, u)
	}
	return c, nil
}

// bound notes the loosest thresholds, so that values that are further apart are not looked at closely.
func (c *comparison) bound(tests []test) {
	for _, t := range tests {
		switch t.kind {
		case testJaroWinkler:
			if c.common == 0 || t.at < c.common {
				c.common = t.at
			}
		case testEdits:
			c.most = max(c.most, int(t.at))
		case testEditShare:
			c.most = maxEdits
		}
	}
}

// addRow adds log2(m/u) and log2(h/u) of each level, and 0 for missing; chances that are nil are each level's own.
func (c *comparison) addRow(levels []Level, same, other []float64) {
	bits, home := make([]float64, len(levels)+1), make([]float64, len(levels)+1)
	for i, l := range levels {
		m, chance := l.M, l.U
		if other != nil {
			chance = other[i]
		}
		if same != nil {
			m = same[i]
		}
		bits[i] = math.Log2(m / chance)
		home[i] = math.Log2(l.H / chance)
	}
	c.bits = append(c.bits, bits)
	if levels[0].H > 0 {
		c.home = append(c.home, home)
	}
}

// Model is the model it was made of, rounded as Encode does.
func (m *Matcher) Model() Model { return m.model }

// levels finds the level that each comparison reaches.
func (m *Matcher) levels(a, b *Prepared) pattern {
	var crossed [MaxComparisons]bool
	for i, o := range m.orders {
		crossed[i] = m.crossed(o, a, b)
	}
	var p pattern
	for i := range m.comparisons {
		c := &m.comparisons[i]
		level := 0
		switch {
		case c.with >= 0:
			level = orderLevel(c, a, b, crossed[c.order])
		case c.order >= 0 && crossed[c.order]:
			level = c.level(&a.forms[c.field], &b.forms[c.partner])
		default:
			level = c.level(&a.forms[c.field], &b.forms[c.field])
		}
		p |= pattern(level) << (4 * i)
	}
	return m.muteSpelt(a, b, p)
}

// orderLevel says whether two fields stand swapped; it is missing where nothing can be compared.
func orderLevel(c *comparison, a, b *Prepared, crossed bool) int {
	if crossed {
		return 0
	}
	straight := a.forms[c.field].text != "" && b.forms[c.field].text != ""
	straight = straight || a.forms[c.with].text != "" && b.forms[c.with].text != ""
	if !straight {
		return 2
	}
	return 1
}

// level is the first level whose tests hold; missing when either value is.
func (c *comparison) level(a, b *form) int {
	last := len(c.levels) - 1
	if a.text == "" || b.text == "" {
		return last + 1
	}
	if a.hash == b.hash && a.text == b.text && c.exactFirst {
		return 0
	}
	l := likeness{common: c.common, most: c.most}
	for i, tests := range c.levels[:last] {
		for _, t := range tests {
			if t.holds(a, b, &l) {
				return i
			}
		}
	}
	return last
}

// crossed says whether two fields agree better crosswise. Likeness counts only from crossedAt on.
func (m *Matcher) crossed(o order, a, b *Prepared) bool {
	a1, a2, b1, b2 := &a.forms[o.first], &a.forms[o.second], &b.forms[o.first], &b.forms[o.second]
	crosswise := alike(a1, b2) + alike(a2, b1)
	return crosswise > 0 && crosswise > alike(a1, b1)+alike(a2, b2)
}

// crossedAt is the Jaro-Winkler similarity from which two values speak for an order of fields.
const crossedAt = 0.9

func alike(a, b *form) float64 {
	if a.text == "" || b.text == "" {
		return 0
	}
	if a.hash == b.hash && a.text == b.text {
		return 1
	}
	l := likeness{common: crossedAt}
	if s := l.jaroWinkler(a, b); s >= crossedAt {
		return s
	}
	return 0
}
