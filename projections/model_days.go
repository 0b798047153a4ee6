package projections

import (
	"context"

	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/watch"
)

// ModelDay is how one version of a model did in one role on one day.
type ModelDay struct {
	watch.Key
	Decisions, Failures uint64
	// LastMS is the latest decision, Unix milliseconds.
	LastMS int64
	// Drifts are of the score, whose Feature is empty, and of the features.
	Drifts []watch.Drift
	// Judged decisions: as chances (then Positive of them were) or as amounts, as JudgedAs says, which is empty for neither. The
	// figures are NaN as far as these do not define them: Scores are of chances, Errors of amounts.
	Judged, Positive uint64
	JudgedAs         string
	MeanScore        float64
	Scores           card.Scores
	Errors           watch.Errors
}

// ModelDays keeps ModelDays.
type ModelDays interface {
	// StoreModelDays replaces the days given, by their keys. It may fail at any time; then it is called again with these
	// days or later states of them.
	StoreModelDays(ctx context.Context, days []ModelDay) error
	// ClearModelDays forgets all days.
	ClearModelDays(ctx context.Context) error
}

func modelDay(k watch.Key, t *watch.Tally) ModelDay {
	_, positive := t.Outcomes.Judged()
	out := ModelDay{
		Key: k, Decisions: t.Decisions, Failures: t.Failures, LastMS: t.LastMS, Drifts: t.Drifts(),
		Judged: t.Judged(), Positive: positive, JudgedAs: t.As(), MeanScore: t.Outcomes.MeanScore(), Scores: t.Outcomes.Scores(), Errors: t.Errors(),
	}
	if t.As() == watch.AsAmount {
		out.MeanScore = out.Errors.MeanScore
	}
	return out
}
