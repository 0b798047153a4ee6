package decider

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

// Why a model has no score. Decisions record it, and what they make of it stands in their policy: its fallback, or the
// score is missing.
const (
	// FailureUnavailable: the model's bytes were not loaded at the time. It is no function of the log: replay takes it
	// from the record.
	FailureUnavailable = "MODEL_UNAVAILABLE"
	// FailureView: the model reads another view than the policy, or a version of it in which one of its features means
	// something else.
	FailureView = "VIEW_MISMATCH"
	// FailureInfinite: a feature is infinite.
	FailureInfinite = "INFINITE_FEATURE"
	// FailureNotFinite: the sum, or what it means in millionths, is beyond what can be recorded.
	FailureNotFinite = "NOT_FINITE"
)

// Scorer is a loaded model with the view of its features, and their places in that view's vector.
type Scorer struct {
	model *model.Model
	view  feature.View
	index []int
}

// NewScorer finds a model's features in its view. It fails with ErrModelView when they are not there.
func NewScorer(m *model.Model, view feature.View) (*Scorer, error) {
	f := m.File()
	if f.View != view.Name() || f.ViewFingerprint != view.Fingerprint() {
		return nil, ErrModelView
	}
	index, known := view.PlacesIn(view, f.Features)
	if !known {
		return nil, ErrModelView
	}
	return &Scorer{model: m, view: view, index: index}, nil
}

// placesIn is where the model's features stand in a view's vector: in that of its own view, or of another version in which
// all of them mean the same; false when it cannot read the view.
func (s *Scorer) placesIn(view feature.View) ([]int, bool) {
	if view.Fingerprint() == s.view.Fingerprint() {
		return s.index, true
	}
	return s.view.PlacesIn(view, s.model.File().Features)
}

// row picks a model's features out of a vector.
func row(places []int, vector []float64) []float64 {
	out := make([]float64, len(places))
	for i, at := range places {
		out[i] = domain.CanonicalNaN
		if at < len(vector) {
			out[i] = vector[at]
		}
	}
	return out
}

// Answering is a version of a model that has a role for a use that the policy reads.
type Answering struct {
	// Score says what the policy calls it, which version it is, its role, and whether it is the one that counts; not yet
	// what it says.
	Score *event.ModelScore
	// Scorer is nil when the model was not at hand.
	Scorer *Scorer
	// Mismatched: the record that is decided again says that the model could not read this view. Programs before this one
	// did not look for its features in another version.
	Mismatched bool
}

// scoresOf asks every model once. It is a function of its arguments alone, with the same bits on every machine.
func scoresOf(c *policy.Compiled, vector []float64, models []Answering) []*event.ModelScore {
	if len(models) == 0 {
		return nil
	}
	out := make([]*event.ModelScore, len(models))
	var buffer model.Buffer
	for i, m := range models {
		out[i] = &event.ModelScore{
			Name: m.Score.GetName(), Use: m.Score.GetUse(), Model: m.Score.GetModel(), Version: m.Score.GetVersion(),
			Digest: m.Score.GetDigest(), Role: m.Score.GetRole(), Effective: m.Score.GetEffective(),
		}
		if m.Scorer == nil {
			out[i].Failure = FailureUnavailable
			continue
		}
		places, known := m.Scorer.placesIn(c.View())
		own := m.Scorer.view.Fingerprint() == c.View().Fingerprint()
		if !known || m.Mismatched && !own {
			out[i].Failure = FailureView
			continue
		}
		var err error
		out[i].Margin, out[i].Micros, err = m.Scorer.model.Score(row(places, vector), &buffer)
		out[i].Failure = failureOf(err)
	}
	return out
}

func failureOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, model.ErrInfinite):
		return FailureInfinite
	}
	return FailureNotFinite
}

// readable are the scores that expressions read, one a model in the policy's order: of each the one that counts, or else
// its fallback; NaN is missing.
func readable(c *policy.Compiled, scores []*event.ModelScore) []float64 {
	models := c.Models()
	if len(models) == 0 {
		return nil
	}
	out := make([]float64, len(models))
	for i, m := range models {
		out[i] = math.NaN()
		if m.Fallback != nil {
			out[i] = m.GetFallback()
		}
		for _, s := range scores {
			if s.GetName() == m.GetName() && s.GetEffective() && s.GetFailure() == "" {
				out[i] = float64(s.GetMicros()) / model.Micro
			}
		}
	}
	return out
}

// inOrder puts answering models by use, then by what the policy calls them; roles stay as they are.
func inOrder(models []Answering) []Answering {
	slices.SortStableFunc(models, func(a, b Answering) int {
		return cmp.Or(cmp.Compare(a.Score.GetUse(), b.Score.GetUse()), cmp.Compare(a.Score.GetName(), b.Score.GetName()))
	})
	return models
}
