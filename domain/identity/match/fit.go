package match

import (
	"errors"
)

// Bounds of fitting.
const (
	randomPairs    = 600_000
	wholeUpTo      = 600_000 // with at most so many pairs, all of them are taken instead of random ones
	fittedPairs    = 4_000_000
	minRecords     = 20
	maxRounds      = 10
	settled        = 1e-5
	cautiousRounds = 5
)

// ErrTooFew: there are not enough records to learn from.
var ErrTooFew = errors.New("match: too few records to fit a model on")

// FitReport says how fitting went.
type FitReport struct {
	RandomPairs    uint64 `json:"random_pairs"`
	CandidatePairs uint64 `json:"candidate_pairs"`
	Rounds         int    `json:"rounds"`
	// Matches is how many pairs are expected to stand for one person.
	Matches float64       `json:"expected_matches"`
	Blocks  []BlockReport `json:"blocks"`
}

// Fit learns the parameters of a model from records, without labels; the seed alone decides which random pairs are
// drawn, so the same call gives the same model. Records from split on are a second file that is compared with the
// first only; split 0 compares all with one another. m and u of the proposal are where learning starts and what
// it falls back on where there is nothing to learn from.
//
// u is the share of each level among random pairs, less those pairs that are likely one person's. m is learned by
// expectation-maximisation from the pairs that blocks find, for each comparison from pairs found by a block that does
// not read its fields. The prior is the expected number of matches over the number of all pairs.
//
// It fails with ErrModel and ErrTooFew.
func Fit(proposal Model, records []Prepared, split int, seed uint64) (Model, FitReport, error) {
	var report FitReport
	proposal.Prior = 0
	for i := range proposal.Comparisons {
		if proposal.Comparisons[i].Given != "" {
			proposal.Comparisons = append([]Comparison(nil), proposal.Comparisons...)
			proposal.Comparisons[i].Given, proposal.Comparisons[i].GivenU, proposal.Comparisons[i].GivenM = "", nil, nil
		}
	}
	m, err := NewMatcher(proposal)
	if err != nil {
		return Model{}, report, err
	}
	if len(records) < minRecords || split < 0 || split >= len(records) {
		return Model{}, report, ErrTooFew
	}
	blocking := NewBlocking(m, records, split)
	e := newEstimate(m, blocking.Total())
	e.random = m.randomCells(records, split, seed)
	e.candidates, report.CandidatePairs = m.candidateCells(records, blocking)
	for _, c := range e.random {
		report.RandomPairs += uint64(c.n)
	}
	report.Rounds = e.learn()
	report.Blocks, report.Matches = blocking.Report(), e.prior*e.total
	fitted := e.model(len(records))
	if err := fitted.Validate(); err != nil {
		return Model{}, report, err
	}
	return fitted, report, nil
}

// cell is how many pairs show one pattern and were found by the same blocks.
type cell struct {
	pattern pattern
	blocks  uint32
	n       float64
}

type cellKey struct {
	pattern pattern
	blocks  uint32
}

func cells(counts map[cellKey]float64) []cell {
	out := make([]cell, 0, len(counts))
	for k, n := range counts {
		out = append(out, cell{k.pattern, k.blocks, n})
	}
	sortCells(out)
	return out
}

// randomCells are the patterns of random pairs, or of all when they are few.
func (m *Matcher) randomCells(records []Prepared, split int, seed uint64) []cell {
	counts := map[cellKey]float64{}
	total := float64(len(records)) * float64(len(records)-1) / 2
	if split > 0 {
		total = float64(split) * float64(len(records)-split)
	}
	take := func(i, j int) { counts[cellKey{pattern: m.levels(&records[i], &records[j])}]++ }
	if total <= wholeUpTo {
		for i := range records {
			for j := max(i+1, split); j < len(records) && (split == 0 || i < split); j++ {
				take(i, j)
			}
		}
		return cells(counts)
	}
	draw := draws{seed}
	for range randomPairs {
		i, j := draw.below(len(records)), draw.below(len(records))
		if split > 0 {
			i, j = draw.below(split), split+draw.below(len(records)-split)
		}
		if i != j {
			take(min(i, j), max(i, j))
		}
	}
	return cells(counts)
}

// candidateCells are the patterns of the pairs that the blocks find; of very many, an even share by the pair's hash.
func (m *Matcher) candidateCells(records []Prepared, b *Blocking) ([]cell, uint64) {
	found := uint64(0)
	for _, r := range b.Report() {
		found += r.Pairs
	}
	every := max(1, found/fittedPairs)
	counts, n := map[cellKey]float64{}, uint64(0)
	for p, blocks := range b.Pairs() {
		n++
		if every > 1 && finish(uint64(p.A)<<32|uint64(p.B))%every != 0 {
			continue
		}
		counts[cellKey{m.levels(&records[p.A], &records[p.B]), blocks}] += float64(every)
	}
	return cells(counts), n
}

// draws is SplitMix64: a small generator whose draws depend on the seed only.
type draws struct{ state uint64 }

func (d *draws) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *draws) below(n int) int { return int(d.next() >> 1 % uint64(n)) }
