package lab

import (
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/identity/match"
)

// Result is the contract of `lab identity --json`.
type Result struct {
	CandidatePairs uint64      `json:"candidate_pairs"`
	Thresholds     []Threshold `json:"thresholds"`
	Review         Review      `json:"review"`
	// Clusters is how many people the records are at the link threshold, single records included.
	Clusters int     `json:"clusters"`
	Seconds  float64 `json:"seconds"`

	// TruePairs is how many pairs are one person by the truth, compared or not.
	TruePairs *int                `json:"true_pairs,omitempty"`
	Records   int                 `json:"records"`
	Fit       *match.FitReport    `json:"fit,omitempty"`
	Model     match.Model         `json:"model"`
	Blocks    []match.BlockReport `json:"blocks"`
	// Waterfalls are the pairs that were asked for.
	Waterfalls []Waterfall `json:"waterfalls,omitempty"`
}

// Threshold counts the pairs at or above a posterior. Without a truth all but links are null.
type Threshold struct {
	Posterior float64  `json:"posterior"`
	Links     int      `json:"links"`
	TP        *int     `json:"tp"`
	FP        *int     `json:"fp"`
	FN        *int     `json:"fn"`
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	F1        *float64 `json:"f1"`
	// ExpectedPrecision is the mean posterior of the links: equal to the precision where the model is calibrated.
	ExpectedPrecision float64 `json:"expected_precision"`
}

// Review is the band in which a person decides. True is null without a truth.
type Review struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Pairs int     `json:"pairs"`
	True  *int    `json:"true"`
}

// Waterfall is one pair, weighed.
type Waterfall struct {
	A         string       `json:"a"`
	B         string       `json:"b"`
	Prior     float64      `json:"prior_bits"`
	Terms     []match.Term `json:"terms"`
	Weight    float64      `json:"weight_bits"`
	Posterior float64      `json:"posterior"`
}

// thresholds are the posteriors of the table.
func thresholds() []float64 { return []float64{0.5, 0.8, 0.95, 0.99} }

// count fills the table, the review band and the clusters.
func (t *Trial) count(o Options, split int) {
	r := &t.Result
	r.Records = len(t.records)
	if t.truth != nil {
		n := t.truth.pairs(split)
		r.TruePairs = &n
	}
	for _, at := range thresholds() {
		r.Thresholds = append(r.Thresholds, t.at(at))
	}
	r.Review = Review{Low: o.Low, High: o.High}
	yield := 0
	var links []match.Pair
	for _, p := range t.Pairs {
		switch {
		case p.Posterior >= o.High:
			links = append(links, match.Pair{A: p.A, B: p.B})
		case p.Posterior >= o.Low:
			r.Review.Pairs++
			if t.truth != nil && t.truth.same(p.A, p.B) {
				yield++
			}
		}
	}
	if t.truth != nil {
		r.Review.True = &yield
	}
	r.Clusters = match.Clusters(len(t.records), links)
}

// at counts one threshold.
func (t *Trial) at(posterior float64) Threshold {
	x := Threshold{Posterior: posterior}
	tp, sum := 0, 0.0
	for _, p := range t.Pairs {
		if p.Posterior < posterior {
			continue
		}
		x.Links++
		sum += p.Posterior
		if t.truth != nil && t.truth.same(p.A, p.B) {
			tp++
		}
	}
	x.ExpectedPrecision = share(sum, float64(x.Links))
	if t.truth == nil {
		return x
	}
	fp, fn := x.Links-tp, *t.Result.TruePairs-tp
	precision, recall := share(float64(tp), float64(x.Links)), share(float64(tp), float64(*t.Result.TruePairs))
	f1 := share(2*float64(tp), float64(2*tp+fp+fn))
	x.TP, x.FP, x.FN, x.Precision, x.Recall, x.F1 = &tp, &fp, &fn, &precision, &recall, &f1
	return x
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// Waterfall weighs two rows by their ids. It fails with ErrOptions when there is no such row.
func (t *Trial) Waterfall(a, b string) (Waterfall, error) {
	i, j := slices.Index(t.IDs, a), slices.Index(t.IDs, b)
	if t.split > 0 {
		if k := slices.Index(t.IDs[t.split:], b); k >= 0 {
			j = t.split + k
		}
	}
	if i < 0 || j < 0 {
		return Waterfall{}, fmt.Errorf("%w: --waterfall names an id that no row has", ErrOptions)
	}
	m := t.matcher.Compare(&t.records[i], &t.records[j], t.counts)
	return Waterfall{A: a, B: b, Prior: m.PriorBits, Terms: m.Terms, Weight: m.WeightBits, Posterior: m.Posterior}, nil
}
