package modelmaker

import (
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

// Card is a model card: what the model is of, and how good it is on rows later than those it learnt from.
type Card struct {
	Model      string       `json:"model"`
	Objective  string       `json:"objective"`
	View       string       `json:"view"`
	Label      string       `json:"label"`
	LabelSays  string       `json:"label_description"`
	LabelSHA   string       `json:"label_sha256"`
	Rows       Counts       `json:"rows"`
	Window     Window       `json:"window"`
	Cut        string       `json:"cut"`
	BaseRate   Rates        `json:"base_rate"`
	Figures                 // of the model on the test rows
	Baseline   Figures      `json:"baseline"`
	Lift       []stat.Lift  `json:"lift,omitempty"`
	Importance []Importance `json:"importance"`
	Training   Training     `json:"training"`
	Warnings   []string     `json:"warnings"`
	Limits     []string     `json:"limits"`
	// Comparisons are other ways to learn from the same rows, judged on the same: "without_smote".
	Comparisons map[string]Figures `json:"comparisons,omitempty"`
	// What the features and the score were like when the model was made: drift is measured from it.
	card.Card
}

// Counts are rows by what they were used for, and moments without one.
type Counts struct {
	All        int    `json:"all"`
	Learn      int    `json:"learn"`
	Stop       int    `json:"stop"`
	Test       int    `json:"test"`
	Purged     int    `json:"purged"`
	People     int    `json:"people"`
	Outside    uint64 `json:"outside"`
	Unfinished uint64 `json:"unfinished"`
	Skewed     uint64 `json:"skewed"`
}

// Window is from when to when the rows are, and where the test begins.
type Window struct {
	From string `json:"from"`
	Test string `json:"test"`
	To   string `json:"to"`
}

// Rates are shares of rows with the label (or its mean), learnt from and in the test.
type Rates struct {
	Learn float64 `json:"learn"`
	Test  float64 `json:"test"`
}

// Figures are how good scores are; those of a kind of label that it has not are left out.
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

// Importance is a feature's share of what splits won, and how many there are.
type Importance struct {
	Feature string  `json:"feature"`
	Gain    float64 `json:"gain"`
	Splits  int     `json:"splits"`
}

// Training is how the trees were made.
type Training struct {
	Trees       int     `json:"trees"`
	Depth       int     `json:"depth"`
	Rate        float64 `json:"rate"`
	Seed        uint64  `json:"seed"`
	Calibration string  `json:"calibration,omitempty"`
	// SMOTE is the share of positive rows that were made up to learn from.
	SMOTE float64 `json:"smote,omitempty"`
}

func of(x float64) *float64 { return &x }

func scoresOf(s stat.Scored) Figures {
	return Figures{
		AUC: of(s.AUC()), Accuracy: of(s.Accuracy(.5)), LogLoss: of(s.LogLoss()), Brier: of(s.Brier()), ECE: of(s.ECE(stat.ECEBins)),
	}
}
