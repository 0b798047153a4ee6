package watch

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// The metrics that have limits.
const (
	MetricPSI     = "psi"
	MetricKS      = "ks"
	MetricMissing = "missing_share" // how much higher than in the reference
	// Of chances.
	MetricAUC = "auc"
	MetricECE = "ece"
	// Of amounts: MAE and RMSE over those of the card, squared error over that of the outcomes' mean (1 less R2), and how far
	// scores are from outcomes on the whole, in standard deviations of these.
	MetricMAE         = "mae_ratio"
	MetricRMSE        = "rmse_ratio"
	MetricUnexplained = "unexplained"
	MetricBias        = "bias"
	MetricFailures    = "failure_share"
	MetricStaleness   = "staleness_hours"
)

// Metrics are all that have limits.
func Metrics() []string {
	return []string{
		MetricPSI, MetricKS, MetricMissing, MetricAUC, MetricECE, MetricMAE, MetricRMSE, MetricUnexplained, MetricBias, MetricFailures, MetricStaleness,
	}
}

// Limit of a metric: alerts are raised beyond Soft, and beyond Hard a champion falls back. 0 is no limit. Of the AUC it is
// a least value, of all others a most.
type Limit struct {
	Soft float64 `json:"soft"`
	Hard float64 `json:"hard"`
}

// Limits say what is worth an alert.
type Limits struct {
	// By metric.
	By map[string]Limit
	// Days is how many days are looked at together: up to today, or for how right a model was up to the last day that is judged.
	Days int64
	// Least is how many decisions (or judged decisions, for how right a model was) there must be before anything is said.
	Least uint64
}

// MostDays bounds Days.
const MostDays = 400

// DefaultLimits are the usual bands. Drift alone is never hard: the world may have moved without the model being wrong. A
// card's figures are of other people than those who are decided about: errors may be somewhat larger than there, squared ones,
// of which a few make up most, more so.
func DefaultLimits() Limits {
	return Limits{
		By: map[string]Limit{
			MetricPSI: {Soft: .25}, MetricKS: {Soft: .2}, MetricMissing: {Soft: .1}, MetricAUC: {Soft: .6, Hard: .52},
			MetricECE: {Soft: .05, Hard: .15}, MetricMAE: {Soft: 1.5, Hard: 3}, MetricRMSE: {Soft: 2, Hard: 4},
			MetricUnexplained: {Soft: 1.1, Hard: 2}, MetricBias: {Soft: .25, Hard: 1}, MetricFailures: {Soft: .01, Hard: .5}, MetricStaleness: {Soft: 48},
		},
		Days: 7, Least: 500,
	}
}

// With are the limits of a use for which some were set; nil sets none.
func (l Limits) With(set *event.ModelLimitsSet) Limits {
	out := Limits{By: map[string]Limit{}, Days: l.Days, Least: l.Least}
	maps.Copy(out.By, l.By)
	for _, s := range set.GetLimits() {
		out.By[s.GetMetric()] = Limit{Soft: s.GetSoft(), Hard: s.GetHard()}
	}
	if set.GetDays() > 0 {
		out.Days = int64(set.GetDays())
	}
	if set.GetLeast() > 0 {
		out.Least = set.GetLeast()
	}
	return out
}

// tighter are the limits of a version that answers for several uses: what breaks those of one use is an alert.
func (l Limits) tighter(m Limits) Limits {
	out := Limits{By: map[string]Limit{}, Days: min(l.Days, m.Days), Least: min(l.Least, m.Least)}
	for _, metric := range Metrics() {
		a, b := l.By[metric], m.By[metric]
		out.By[metric] = Limit{Soft: tighterBound(metric, a.Soft, b.Soft), Hard: tighterBound(metric, a.Hard, b.Hard)}
	}
	return out
}

func tighterBound(metric string, a, b float64) float64 {
	switch {
	case a == 0 || b == 0 || metric == MetricAUC:
		return max(a, b)
	}
	return min(a, b)
}

// CheckLimits finds what is wrong with limits that somebody wants to set.
func CheckLimits(set *event.ModelLimitsSet) error {
	var problems problem.List
	seen := map[string]bool{}
	for _, s := range set.GetLimits() {
		metric := s.GetMetric()
		if !slices.Contains(Metrics(), metric) {
			problems.Add("limits", problem.Unknown, "there is no metric %q%s: want %s", metric, expression.Suggestion(metric, Metrics()), strings.Join(Metrics(), ", "))
			continue
		}
		if seen[metric] {
			problems.Add("limits", problem.Conflict, "%s is set twice", metric)
		}
		seen[metric] = true
		most := math.MaxFloat64
		if metric == MetricKS || metric == MetricMissing || metric == MetricAUC || metric == MetricECE || metric == MetricFailures {
			most = 1
		}
		for _, bound := range []float64{s.GetSoft(), s.GetHard()} {
			if !(bound >= 0 && bound <= most) {
				problems.Add("limits", problem.OutOfRange, "%s: %v is no limit: want 0 (none) or more%s", metric, bound, upTo(most))
			}
		}
		if s.GetSoft() != 0 && s.GetHard() != 0 && beyond(metric, s.GetSoft(), s.GetHard()) {
			problems.Add("limits", problem.Conflict, "%s: the hard limit %v is broken before the soft one, %v", metric, s.GetHard(), s.GetSoft())
		}
	}
	if set.GetDays() > MostDays {
		problems.Add("days", problem.OutOfRange, "%d days: at most %d are looked at together", set.GetDays(), MostDays)
	}
	return problems.Err()
}

func upTo(most float64) string {
	if most == 1 {
		return ", at most 1"
	}
	return ""
}
