package watch

import (
	"math"

	"github.com/profferhq/proffer/domain/stat"
)

// Tally is counts of one version's answers.
type Tally struct {
	// Decisions with a score, and with none (Failures).
	Decisions, Failures uint64
	// LastMS is the latest decision, Unix milliseconds.
	LastMS int64
	// Score and Features are counts in the bins of the version's reference; nil as long as it has none.
	Score    *stat.Bins
	Features []stat.Bins
	// Outcomes are of the decisions that are judged as chances, Amounts of those that are as amounts: a version has one kind.
	Outcomes Outcomes
	Amounts  Amounts
	version  *version
	key      Key
}

func newTally(v *version) *Tally {
	t := &Tally{version: v}
	t.begin()
	return t
}

// begin makes the bins, once there is a reference.
func (t *Tally) begin() {
	v := t.version
	if t.Score != nil || t.Features != nil || v.gathering != nil {
		return
	}
	if v.card.Score != nil {
		bins := v.card.Score.Empty()
		t.Score = &bins
	}
	for _, f := range v.card.Features {
		bins := stat.Bins{}
		if f.Bins != nil {
			bins = f.Bins.Empty()
		}
		t.Features = append(t.Features, bins)
	}
}

// count takes a score, and the vector with the places of the version's features in it, if they have any.
func (t *Tally) count(micros int64, vector []float64, places []int) {
	t.Decisions++
	t.begin()
	if t.Score != nil {
		t.Score.Add(float64(micros)/1e6, 1)
	}
	if t.Features == nil {
		return
	}
	for i, at := range places {
		if t.Features[i].Weights != nil {
			t.Features[i].Add(valueAt(vector, at), 1)
		}
	}
}

func valueAt(vector []float64, at int) float64 {
	if at < len(vector) {
		return vector[at]
	}
	return math.NaN()
}

// judge takes what came of a score.
func (t *Tally) judge(micros int64, value float64) {
	if t.version.judging.As == AsAmount {
		t.Amounts.add(micros, value)
	} else {
		t.Outcomes.add(micros, value == 1)
	}
}

// As is as what scores are judged; empty when they are not.
func (t *Tally) As() string { return t.version.judging.As }

// Judged is how many decisions are judged.
func (t *Tally) Judged() uint64 {
	chances, _ := t.Outcomes.Judged()
	return chances + t.Amounts.Judged()
}

// Errors are those of the amounts, beside the figures of the version's card.
func (t *Tally) Errors() Errors { return t.Amounts.Errors(&t.version.card) }

func (t *Tally) add(other *Tally) {
	t.Decisions += other.Decisions
	t.Failures += other.Failures
	t.LastMS = max(t.LastMS, other.LastMS)
	if t.Score != nil && other.Score != nil {
		sum(t.Score.Weights, other.Score.Weights)
	}
	for i := range other.Features {
		sum(t.Features[i].Weights, other.Features[i].Weights)
	}
	t.Outcomes.merge(&other.Outcomes)
	t.Amounts.merge(&other.Amounts)
}

func sum(to, of []float64) {
	for i, v := range of {
		to[i] += v
	}
}
