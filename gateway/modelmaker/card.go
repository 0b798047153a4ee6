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
	Lift       []stat.Lift  `json:"lift,omitempty"`
	Importance []Importance `json:"importance"`
	Training   Training     `json:"training"`
	Warnings   []string     `json:"warnings"`
	Limits     []string     `json:"limits"`
	// Comparisons are other ways to learn from the same rows, judged on the same: "without_smote".
	Comparisons map[string]card.Figures `json:"comparisons,omitempty"`
	// The figures on the test rows, and what the features and the score were like when the model was made: what comes later is
	// measured against them.
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

func scoresOf(s stat.Scored) card.Figures {
	return card.Figures{
		AUC: new(s.AUC()), Accuracy: new(s.Accuracy(.5)), LogLoss: new(s.LogLoss()), Brier: new(s.Brier()), ECE: new(s.ECE(stat.ECEBins)),
	}
}
