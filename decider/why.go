package decider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Reason is how far one feature moved a margin.
type Reason struct {
	Feature string
	// Value as the decision read it; NaN is missing.
	Value, Contribution float64
}

// maxReasons is how many reasons of one score are listed.
const maxReasons = 20

// Why says what moved the margin that a model gave in a decision away from what is expected of somebody of whom nothing
// is known: the features that did, the strongest first, at most maxReasons. It is computed from the record's vector and
// the exact model, and explains the margin, not the calibrated score. There are no reasons when the model's trees
// cannot tell. It fails with ErrNoModelBytes when the model is not to be had, with domain.ErrUnavailable when its store does
// not answer, and with ErrRecord.
func (r *Replayer) Why(ctx context.Context, record *event.Decision, score *event.ModelScore) (expected float64, reasons []Reason, err error) {
	if len(score.GetDigest()) != len(domain.Hash{}) {
		return 0, nil, fmt.Errorf("%w: the digest of a model", ErrRecord)
	}
	s, err := r.policies.models.exactly(ctx, domain.Hash(score.GetDigest()))
	if err != nil {
		return 0, nil, err
	}
	if s == nil {
		return 0, nil, ErrNoModelBytes
	}
	view, _ := r.policies.View(record.GetView())
	places, known := s.placesIn(view)
	if !known {
		return 0, nil, ErrModelView
	}
	f, values := s.model.File(), row(places, record.GetVector())
	expected, contributions, err := f.Ensemble.Contributions(values, f.Class)
	if errors.Is(err, tree.ErrNoCover) || errors.Is(err, tree.ErrTooDeep) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("decider: explain a score: %w", err)
	}
	for i, c := range contributions {
		if c != 0 {
			reasons = append(reasons, Reason{f.Features[i], values[i], c})
		}
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)) })
	return expected, reasons[:min(len(reasons), maxReasons)], nil
}
