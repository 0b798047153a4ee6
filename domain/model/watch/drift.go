package watch

import (
	"math"

	"github.com/profferhq/proffer/domain/stat"
)

// Drift is how far a feature, or the score, has moved from where it was in the reference.
type Drift struct {
	// Feature is empty for the score.
	Feature string
	// PSI and KS over the bins of the card; NaN when nothing was counted, or nothing present for KS.
	PSI, KS float64
	// Missing is the share of missing values, MissingThen what it was in the reference.
	Missing, MissingThen float64
	Rows                 uint64
	// Reference is what it is compared with: ReferenceTraining or ReferenceFirstDecisions.
	Reference string
}

// Drifts are those of a tally's score, first, and features, in the order of a row.
func (t *Tally) Drifts() []Drift {
	var out []Drift
	if t.Score != nil {
		out = append(out, drift("", *t.version.card.Score, *t.Score))
	}
	for i, bins := range t.Features {
		if f := t.version.card.Features[i]; f.Bins != nil {
			out = append(out, drift(f.Name, *f.Bins, bins))
		}
	}
	for i := range out {
		out[i].Reference = t.version.reference
	}
	return out
}

func drift(name string, then, now stat.Bins) Drift {
	d := Drift{
		Feature: name, PSI: stat.PSI(then.Weights, now.Weights), KS: stat.KSOfBins(then.Weights, now.Weights),
		Missing: math.NaN(), MissingThen: math.NaN(), Rows: uint64(now.Total()),
	}
	if now.Total() > 0 {
		d.Missing = now.Missing()
	}
	if then.Total() > 0 {
		d.MissingThen = then.Missing()
	}
	return d
}
