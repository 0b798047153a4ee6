package match

import (
	"cmp"
	"math"
	"slices"
)

// Weights of what is known before the data speak, in pairs, and the smallest chance a level may have.
const (
	startingWeight = 4.0
	unseenPairs    = 0.5
	leastChance    = 1e-7
	leastEvidence  = 10.0 // expected matches below which the rule of other blocks is given up
)

// estimate is the state of learning.
type estimate struct {
	matcher *Matcher
	total   float64
	prior   float64
	kin     float64       // the chance that two records are two people who share a home
	m       [][]float64   // by comparison, level
	mGiven  [][][]float64 // the same in rows by the level of the comparison it depends on; nil where it does not
	h       [][]float64   // the same between two people who share a home; nil for what they do not share
	start   [][]float64
	startH  [][]float64
	u       [][][]float64 // by comparison, level of the comparison it depends on (one row if none), level
	uAlone  [][]float64
	given   []int
	// household has the comparisons whose agreement counts once while learning is cautious.
	household []bool
	cautious  bool
	// own has a bit for each block that reads the comparison's fields.
	own                []uint32
	random, candidates []cell
}

func newEstimate(m *Matcher, total float64) *estimate {
	e := &estimate{matcher: m, total: total}
	for i := range m.comparisons {
		c := &m.comparisons[i]
		start := startingM(m.model.Comparisons[i].Levels)
		e.start = append(e.start, start)
		e.m = append(e.m, slices.Clone(start))
		e.u = append(e.u, nil)
		e.uAlone = append(e.uAlone, nil)
		e.given = append(e.given, -1)
		e.household = append(e.household, sharedAtHome(m.model.Fields[c.field].Kind) && c.with < 0)
		e.h, e.startH, e.mGiven = append(e.h, nil), append(e.startH, nil), append(e.mGiven, nil)
		fields := uint64(1) << c.field
		if c.with >= 0 {
			fields |= 1 << c.with
		}
		own := uint32(0)
		for j, b := range m.blocks {
			if b.fields&fields != 0 {
				own |= 1 << j
			}
		}
		e.own = append(e.own, own)
	}
	return e
}

// startingM is the proposal's m, or where it says nothing: most agree exactly.
func startingM(levels []Level) []float64 {
	m := make([]float64, len(levels))
	sum := 0.0
	for i, l := range levels {
		m[i] = l.M
		sum += l.M
	}
	if sum <= 0 {
		for i := range m {
			m[i] = 0.3 / float64(len(m)-1)
		}
		m[0], sum = 0.7, 1
	}
	for i := range m {
		m[i] = max(m[i]/sum, 1e-4)
	}
	return m
}

func sortCells(cells []cell) {
	slices.SortFunc(cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.blocks, b.blocks))
	})
}

// learn finds the chances; it returns the rounds of expectation and maximisation that it took.
//
// There are three kinds of pairs: one person's, those of two people who share a home, and all others. Without the
// second kind, "is of the same family" explains the agreement of name, address and phone better than "is the same
// person" does, and learning settles there.
//
// It starts cautiously, with the proposal's m: evidence that a home or a town shares counts once only, and there are no
// more matches than records. What the cautious rounds show about u and about the dependences between comparisons
// then takes the place of caution.
func (e *estimate) learn() int {
	e.learnCautiously()
	e.learnHomes()
	for round := 1; round <= maxRounds; round++ {
		posteriors, kin := e.posteriors(e.candidates, e.bits())
		moved := e.learnChances(e.m, e.start, posteriors, true)
		e.learnGiven(posteriors)
		prior := min(0.5, e.expected(posteriors)/e.total)
		moved = max(moved, math.Abs(math.Log2(prior/e.prior)))
		e.prior = prior
		if e.kin > 0 {
			e.learnChances(e.h, e.startH, kin, false)
			e.keepApart()
			e.kin = min(0.3, e.expected(kin)/e.total)
		}
		if moved < settled {
			return round
		}
	}
	return maxRounds
}

// learnHomes starts the class of two people who share a home, if there are fields that tell them apart and fields that
// they share.
func (e *estimate) learnHomes() {
	personal, shared := false, false
	for i, c := range e.matcher.comparisons {
		shared = shared || e.household[i]
		personal = personal || c.with < 0 && tellsApart(e.matcher.model.Fields[c.field].Kind)
	}
	if !personal || !shared {
		return
	}
	e.kin = e.prior / 4
	for i, c := range e.matcher.comparisons {
		kind := e.matcher.model.Fields[c.field].Kind
		switch {
		case e.household[i]:
			e.startH[i] = e.start[i]
		case c.with >= 0:
			continue
		case kind == Email:
			e.startH[i] = familyMail(len(e.m[i]))
		case kind == GivenName || kind == FullName:
			e.startH[i] = rarelyShared(e.uAlone[i], namesakes)
		case kind == Date:
			e.startH[i] = rarelyShared(e.uAlone[i], twins)
		default:
			continue
		}
		e.h[i] = slices.Clone(e.startH[i])
	}
}

// familyMail starts the chances of e-mail levels between two people who share a home: mostly they differ, but the
// family's name in both makes many of them alike.
func familyMail(levels int) []float64 {
	h := make([]float64, levels)
	for l := range h {
		h[l] = 0.3 / float64(levels-1)
	}
	h[levels-1] = 0.7
	return h
}

// The shares of the pairs of a home that agree in what tells others apart: a father and his son have one name, twins
// one birthday.
const (
	namesakes = 0.01
	twins     = 0.03
)

// rarelyShared starts such chances: those between strangers but for a share.
func rarelyShared(u []float64, share float64) []float64 {
	h := make([]float64, len(u))
	for l := range h {
		h[l] = float64((1 - share) * u[l])
	}
	h[0] += share
	return h
}

// keepApart holds what is known of these chances, whatever pairs that could be of either class seem to say: given names
// are as they started, and birthdays agree at least in a third as many homes.
func (e *estimate) keepApart() {
	for i, c := range e.matcher.comparisons {
		if e.h[i] == nil || c.with >= 0 {
			continue
		}
		switch e.matcher.model.Fields[c.field].Kind {
		case GivenName, FullName:
			copy(e.h[i], e.startH[i])
		case Date:
			e.h[i][0] = max(e.h[i][0], e.startH[i][0]/3)
		}
	}
}

// tellsApart says whether the members of a household differ in fields of this kind.
func tellsApart(k Kind) bool {
	switch k {
	case GivenName, FullName, Date, NationalID, Email:
		return true
	}
	return false
}

// learnCautiously finds u, the dependences and a first prior.
func (e *estimate) learnCautiously() {
	e.cautious = true
	e.learnU(nil)
	e.prior = 1 / math.Sqrt(e.total)
	most := e.prior
	var random []float64
	for range cautiousRounds {
		bits := e.bits()
		random, _ = e.posteriors(e.random, bits)
		found, _ := e.posteriors(e.candidates, bits)
		e.prior = min(most, e.expected(found)/e.total)
		e.learnU(random)
	}
	e.cautious = false
	e.given = e.dependences(random)
	e.learnU(random)
}

// expected is how many of the candidates are expected to be of a class.
func (e *estimate) expected(posteriors []float64) float64 {
	n := unseenPairs
	for i, c := range e.candidates {
		n += float64(posteriors[i] * c.n)
	}
	return n
}

// weights are bits by comparison, row of the comparison it depends on, and level; 0 for missing.
type weights [][][]float64

// classBits has log2(m/u) for each class of pairs; those of homes are nil where nothing is shared.
type classBits struct{ same, home weights }

func (e *estimate) bits() classBits {
	return classBits{e.bitsFor(e.m, e.mGiven), e.bitsFor(e.h, nil)}
}

func (e *estimate) bitsFor(m [][]float64, given [][][]float64) weights {
	all := make(weights, len(m))
	for i := range m {
		if m[i] == nil {
			continue
		}
		for r, row := range e.u[i] {
			chances := m[i]
			if given != nil && given[i] != nil {
				chances = given[i][r]
			}
			bits := make([]float64, len(chances)+1)
			for l := range chances {
				bits[l] = math.Log2(chances[l] / row[l])
			}
			all[i] = append(all[i], bits)
		}
	}
	return all
}

// weight sums the bits of a pattern, without a prior.
func (e *estimate) weight(p pattern, bits weights) float64 {
	w, shared, against := 0.0, 0.0, 0.0
	for i := range bits {
		if bits[i] == nil {
			continue
		}
		row := 0
		if e.given[i] >= 0 {
			row = p.level(e.given[i])
		}
		x := bits[i][row][p.level(i)]
		switch {
		case !e.cautious || !e.household[i]:
			w += x
		case x > 0:
			shared = max(shared, x)
		default:
			against = min(against, x)
		}
	}
	return w + shared + against
}

// posteriors are the chances that the pairs of each cell are one person, and that they are two who share a home.
func (e *estimate) posteriors(cells []cell, bits classBits) (same, kin []float64) {
	same, kin = make([]float64, len(cells)), make([]float64, len(cells))
	for i, c := range cells {
		s := math.Exp2(math.Log2(e.prior) + e.weight(c.pattern, bits.same))
		k := 0.0
		if e.kin > 0 {
			k = math.Exp2(math.Log2(e.kin) + e.weight(c.pattern, bits.home))
		}
		all := s + k + (1 - e.prior - e.kin)
		same[i], kin[i] = s/all, k/all
	}
	return same, kin
}

// sharedAtHome says whether the members of a household, or the people of one place, agree in fields of this kind.
func sharedAtHome(k Kind) bool {
	switch k {
	case Surname, Phone, Street, Number, Postcode, Locality, Region, CoPresence:
		return true
	}
	return false
}

// model is what was learned, as a document.
func (e *estimate) model(records int) Model {
	m := e.matcher.model
	m.Prior, m.Records = e.prior, records
	m.Comparisons = slices.Clone(m.Comparisons)
	m.Household = e.kin
	for i := range m.Comparisons {
		c := &m.Comparisons[i]
		c.Levels = slices.Clone(c.Levels)
		for l := range c.Levels {
			c.Levels[l].M, c.Levels[l].U = min(e.m[i][l], 1), min(e.uAlone[i][l], 1)
			if e.h[i] != nil {
				c.Levels[l].H = min(e.h[i][l], 1)
			}
		}
		if e.given[i] >= 0 {
			c.Given, c.GivenU, c.GivenM = m.Comparisons[e.given[i]].Name, e.u[i], e.mGiven[i]
		}
	}
	return m.rounded()
}
