package modelmaker

import (
	"fmt"
	"math"

	"github.com/profferhq/proffer/domain/stat"
)

// Bounds beyond which a card warns.
const (
	leakAUC      = .985
	noBetter     = .002
	saysLittle   = .55
	fewPositives = 200
	rateMoved    = 1.5
	badlyOff     = .05
)

// warnings are what the figures as a whole say.
func (m *maker) warnings(c Card) []string {
	var out []string
	warn := func(broken bool, format string, args ...any) {
		if broken {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	warn(c.Rows.Skewed > 0, "%d vectors that were served could not be read again bit for bit: find out why before trusting this model", c.Rows.Skewed)
	if c.AUC == nil {
		warn(*c.RMSE >= *c.Baseline.RMSE, "no better than the mean: RMSE %.4g and %.4g", *c.RMSE, *c.Baseline.RMSE)
		return out
	}
	warn(*c.AUC < *c.Baseline.AUC-noBetter, "the baseline is better: logistic regression has an AUC of %.4f, the trees %.4f", *c.Baseline.AUC, *c.AUC)
	warn(math.Abs(*c.AUC-*c.Baseline.AUC) <= noBetter, "the trees are no better than the baseline (AUC %.4f and %.4f)", *c.AUC, *c.Baseline.AUC)
	warn(*c.AUC < saysLittle, "the features say next to nothing about the label (AUC %.4f)", *c.AUC)
	warn(*c.ECE > badlyOff, "probabilities are off by %.1f points on average: the test differs from what was calibrated on", 100**c.ECE)
	positives := c.BaseRate.Test * float64(c.Rows.Test)
	warn(positives < fewPositives, "only %.0f rows of the test have the label: its figures are rough", positives)
	low, high := min(c.BaseRate.Learn, c.BaseRate.Test), max(c.BaseRate.Learn, c.BaseRate.Test)
	warn(high > rateMoved*low, "the share of rows with the label moved from %.1f %% to %.1f %%", 100*c.BaseRate.Learn, 100*c.BaseRate.Test)
	return append(out, m.leaks()...)
}

// leaks names the features that alone nearly order the rows.
func (m *maker) leaks() []string {
	var out []string
	for c, name := range m.rows.Features {
		var s stat.Scored
		for _, i := range m.split.before() {
			if x := m.rows.columns[c][i]; !math.IsNaN(x) {
				s.P, s.Y = append(s.P, x), append(s.Y, m.rows.labels[i] == 1)
			}
		}
		positive, negative := s.Totals()
		if positive < leastRows || negative < leastRows {
			continue
		}
		if auc := s.AUC(); max(auc, 1-auc) >= leakAUC {
			out = append(out, fmt.Sprintf("%s alone nearly orders the rows (AUC %.4f): was it known at the time?", name, max(auc, 1-auc)))
		}
	}
	return out
}

// limits are what no figure says.
func (m *maker) limits() []string {
	out := []string{
		"judged once, on the latest rows of this log: what changes afterwards is seen by watching, not here",
		"people of the test may also be among those learnt from, at earlier moments",
	}
	if m.rows.AtDecisions {
		out = append(out, "rows are decisions: people who were never decided about are not among them")
	}
	if m.rows.Label.OfOffer() {
		out = append(out, "the features are of the person: which offer it was is known only as far as the view says")
	}
	if m.split.purged > 0 {
		out = append(out, fmt.Sprintf("%d rows before the test were not learnt from: their horizon ends after it begins", m.split.purged))
	}
	return out
}
