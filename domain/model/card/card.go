// Package card is the model card: what a model was trained on, how good it was on rows that came later, beside its
// baseline, and where its features and scores lay, so that what comes afterwards can be compared. It travels in the
// artefact and in the event that registers the model, as JSON.
package card

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain/stat"
)

// ErrCard is wrapped by every error of Decode.
var ErrCard = errors.New("card: not a model card")

// Card of a model. What is not known is left out.
type Card struct {
	// Trainer says who trained: "proffer", "xgboost 1.7.4".
	Trainer   string `json:"trainer"`
	Objective string `json:"objective"`
	// Label is what is predicted, and Definition how it was found in the log.
	Label      string `json:"label"`
	Definition string `json:"definition,omitempty"`
	// Window is the time of the rows, Unix milliseconds; Cut the positions up to which the log was read, by stream.
	Window Window            `json:"window"`
	Cut    map[string]uint64 `json:"cut,omitempty"`
	// Rows by what they were for.
	Rows     Rows    `json:"rows"`
	BaseRate float64 `json:"base_rate"`
	// Scores are of the rows judged, which came last and were used for nothing else.
	Scores   Scores `json:"scores"`
	Baseline Scores `json:"baseline"`
	// Lift of the rows judged, in tenths by falling score.
	Lift []stat.Lift `json:"lift,omitempty"`
	// Features in the order of a row; Score is where the calibrated scores of the rows judged lay.
	Features []Feature  `json:"features"`
	Score    *stat.Bins `json:"score,omitempty"`
	// Best is the round that the trees end with.
	Best        int               `json:"best_round,omitempty"`
	Options     map[string]any    `json:"options,omitempty"`
	Calibration map[string]any    `json:"calibration,omitempty"`
	Comparisons map[string]Scores `json:"comparisons,omitempty"`
	Warnings    []string          `json:"warnings"`
	Limits      []string          `json:"limits"`
	Approver    string            `json:"approver,omitempty"`
}

// Window of time, Unix milliseconds; both 0 when it is not known.
type Window struct {
	FromMS int64 `json:"from_ms"`
	ToMS   int64 `json:"to_ms"`
}

// Rows are counts.
type Rows struct {
	Train     int `json:"train"`
	Stop      int `json:"stop"`
	Calibrate int `json:"calibrate"`
	Judge     int `json:"judge"`
}

// Scores of probabilities. ECE has ten bins of equal width.
type Scores struct {
	AUC      float64 `json:"auc"`
	Accuracy float64 `json:"accuracy"`
	LogLoss  float64 `json:"logloss"`
	Brier    float64 `json:"brier"`
	ECE      float64 `json:"ece"`
}

// ScoresOf judges rows; what they do not define is 0, for JSON has no other word.
func ScoresOf(s stat.Scored) Scores {
	return Scores{
		AUC: defined(s.AUC()), Accuracy: defined(s.Accuracy(.5)), LogLoss: defined(s.LogLoss()), Brier: defined(s.Brier()),
		ECE: defined(s.ECE(stat.ECEBins)),
	}
}

func defined(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// Feature as it was in the rows learnt from.
type Feature struct {
	Name string `json:"name"`
	// Gain is the share of all that splits won, Splits how many there are.
	Gain   float64 `json:"gain"`
	Splits int     `json:"splits"`
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
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
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
