// Package card is what of a model card is looked at after the model was made: where its features and scores lay then, so
// that what comes afterwards can be compared, and how scores are judged.
package card

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/stat"
)

// ErrCard is wrapped by every error of Decode.
var ErrCard = errors.New("card: not a model card")

// Card of a model, as far as it is watched. What is not known is left out; a card has more fields for people.
type Card struct {
	// Features in the order of a row; Score is where the scores of the rows judged lay: calibrated, or values.
	Features []Feature  `json:"features"`
	Score    *stat.Bins `json:"score,omitempty"`
	// LabelDefinition is the document of the label that the model forecasts: by it decisions are judged.
	LabelDefinition json.RawMessage `json:"label_definition,omitempty"`
	// Figures of the model on rows that it had not seen, and Baseline those of what it was shown against there: what comes of
	// its scores is measured by them.
	Figures
	Baseline Figures `json:"baseline,omitzero"`
}

// Figures are how good scores are; those that are not known, or of another kind of label, are left out.
type Figures struct {
	AUC      *float64 `json:"auc,omitempty"`
	Accuracy *float64 `json:"accuracy,omitempty"`
	LogLoss  *float64 `json:"logloss,omitempty"`
	Brier    *float64 `json:"brier,omitempty"`
	ECE      *float64 `json:"ece,omitempty"`
	RMSE     *float64 `json:"rmse,omitempty"`
	MAE      *float64 `json:"mae,omitempty"`
	R2       *float64 `json:"r2,omitempty"`
}

// Scores of probabilities. ECE has ten bins of equal width.
type Scores struct {
	AUC      float64 `json:"auc"`
	Accuracy float64 `json:"accuracy"`
	LogLoss  float64 `json:"logloss"`
	Brier    float64 `json:"brier"`
	ECE      float64 `json:"ece"`
}

// Feature as it was in the rows learnt from.
type Feature struct {
	Name string `json:"name"`
	// Missing is the share of rows without a value.
	Missing float64 `json:"missing"`
	// Bins are what drift is measured against.
	Bins *stat.Bins `json:"bins,omitempty"`
}

// DriftBins is in how many parts features and scores are cut to be watched.
const DriftBins = 10

// Encode writes a card as JSON: the same card, the same bytes.
func (c *Card) Encode() ([]byte, error) {
	out, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	return out, nil
}

// Decode reads a card. Fields that are not known here are left alone: cards of other trainers may have more. Bins that
// do not fit together are an error. It fails with ErrCard.
func Decode(data []byte) (*Card, error) {
	c := &Card{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, problem.InJSON(err))
	}
	for i := range c.Features {
		if err := checkBins(c.Features[i].Bins); err != nil {
			return nil, fmt.Errorf("%w: feature %q: %w", ErrCard, c.Features[i].Name, err)
		}
	}
	if err := checkBins(c.Score); err != nil {
		return nil, fmt.Errorf("%w: score: %w", ErrCard, err)
	}
	return c, nil
}

var errBins = errors.New("bins need ascending cuts, and two weights more than cuts, none below 0")

func checkBins(b *stat.Bins) error {
	if b == nil {
		return nil
	}
	rising := true
	for i := 1; i < len(b.Cuts); i++ {
		rising = rising && b.Cuts[i] > b.Cuts[i-1]
	}
	negative := slices.ContainsFunc(b.Weights, func(w float64) bool { return !(w >= 0) })
	if len(b.Weights) != len(b.Cuts)+2 || len(b.Cuts) > 1000 || !rising || negative {
		return errBins
	}
	return nil
}
