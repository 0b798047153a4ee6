package watch

import (
	"math"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
)

// Shown is how the models that have a role do, for a look at it.
type Shown struct {
	Versions []ShownVersion
	Open     []*event.AlertRaised
	// Waiting is how many decisions are not judged yet.
	Waiting int
}

// ShownVersion is one version in one role. What cannot be told is NaN.
type ShownVersion struct {
	Model   string
	Version uint64
	Role    event.ModelAssigned_Role
	// Decisions with a score, and Failures, of the days looked at; LastMS is the latest answer of all, Unix milliseconds.
	Decisions, Failures uint64
	LastMS              int64
	// Of the score; of the features the largest.
	ScorePSI, ScoreKS, FeaturePSI, FeatureKS, MissingRise float64
	// Judged decisions, of the last days that are judged: as chances, or as amounts.
	Judged   uint64
	AUC, ECE float64
	Errors   Errors
}

// Show looks at the last days up to a time, Unix milliseconds.
func (w *Watch) Show(days, nowMS int64) *Shown {
	out := &Shown{Open: w.Open(), Waiting: w.Waiting()}
	seen := map[ShownVersion]bool{}
	to := floorDay(nowMS)
	for _, use := range w.registry.Uses() {
		for _, a := range w.registry.Roles(use, math.MaxUint64) {
			v := ShownVersion{Model: a.GetModel(), Version: a.GetVersion(), Role: a.GetRole()}
			if seen[v] {
				continue // it has the role for several uses
			}
			seen[v] = true
			w.show(&v, to-max(days, 1)+1, to)
			out.Versions = append(out.Versions, v)
		}
	}
	return out
}

func (w *Watch) show(v *ShownVersion, from, to int64) {
	role := registry.RoleName(v.Role)
	v.ScorePSI, v.ScoreKS, v.FeaturePSI, v.FeatureKS, v.MissingRise = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	v.AUC, v.ECE, v.Errors = math.NaN(), math.NaN(), (&Amounts{}).Errors(&card.Card{})
	most := func(x *float64, y float64) {
		if !math.IsNaN(y) && !(*x > y) {
			*x = y
		}
	}
	if t := w.Between(v.Model, v.Version, role, from, to); t != nil {
		v.Decisions, v.Failures = t.Decisions, t.Failures
		for _, d := range t.Drifts() {
			if d.Feature == "" {
				v.ScorePSI, v.ScoreKS = d.PSI, d.KS
				continue
			}
			most(&v.FeaturePSI, d.PSI)
			most(&v.FeatureKS, d.KS)
			most(&v.MissingRise, d.Missing-d.MissingThen)
		}
	}
	for k, t := range w.days {
		if k.Model == v.Model && k.Version == v.Version && k.Role == role {
			v.LastMS = max(v.LastMS, t.LastMS)
		}
	}
	if t := w.judgedLately(named{v.Model, v.Version}, role, to-from+1); t != nil {
		s := t.Outcomes.Scores()
		v.Judged, v.AUC, v.ECE, v.Errors = t.Judged(), s.AUC, s.ECE, t.Errors()
	}
}
