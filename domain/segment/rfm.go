package segment

import (
	"math"
	"slices"
)

// Bought is what RFM looks at: days since the last purchase, how many purchases, and how much money.
type Bought struct{ Days, Purchases, Money float64 }

// Cuts are the bounds of the five scores of each measure, ascending: the largest value that still has the score. Values
// that are equal always have one score.
type Cuts struct {
	Days      [4]float64 `json:"days"`
	Purchases [4]float64 `json:"purchases"`
	Money     [4]float64 `json:"money"`
}

// Scores are 1 (worst) to 5 (best).
type Scores struct {
	Recency   int `json:"r"`
	Frequency int `json:"f"`
	Money     int `json:"m"`
}

// CutsOf are the quintiles of the people who bought. It fails with ErrRows where there is nobody or a value is not finite.
func CutsOf(people []Bought) (Cuts, error) {
	columns := [3][]float64{}
	for _, p := range people {
		for i, v := range [3]float64{p.Days, p.Purchases, p.Money} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return Cuts{}, ErrRows
			}
			columns[i] = append(columns[i], v)
		}
	}
	if len(people) == 0 {
		return Cuts{}, ErrRows
	}
	return Cuts{quintiles(columns[0]), quintiles(columns[1]), quintiles(columns[2])}, nil
}

// quintiles are the least values that at least a fifth, two fifths, ... of the people do not exceed.
func quintiles(values []float64) [4]float64 {
	slices.Sort(values)
	var out [4]float64
	for i := range out {
		out[i] = values[(len(values)*(i+1)+4)/5-1]
	}
	return out
}

// Score scores a person.
func (c Cuts) Score(b Bought) Scores {
	return Scores{Recency: 6 - above(c.Days, b.Days), Frequency: above(c.Purchases, b.Purchases), Money: above(c.Money, b.Money)}
}

// above is 1 plus the number of cuts that a value exceeds.
func above(cuts [4]float64, v float64) int {
	n := 1
	for _, c := range cuts {
		if v > c {
			n++
		}
	}
	return n
}

// names has the name of each recency (row, 1 first) and frequency (column).
var names = [5][5]string{
	{"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
	{"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
	{"about to sleep", "about to sleep", "need attention", "loyal", "loyal"},
	{"promising", "potential loyalists", "potential loyalists", "loyal", "loyal"},
	{"new", "potential loyalists", "potential loyalists", "champions", "champions"},
}

// Name is the usual name of the scores: champions buy often and lately, those at risk bought often and stopped. Money
// does not change it.
func (s Scores) Name() string {
	if s.Recency < 1 || s.Recency > 5 || s.Frequency < 1 || s.Frequency > 5 {
		return ""
	}
	return names[s.Recency-1][s.Frequency-1]
}

// Names are all names, from best to worst.
func Names() []string {
	return []string{
		"champions", "loyal", "potential loyalists", "new", "promising", "need attention", "about to sleep", "cannot lose",
		"at risk", "hibernating",
	}
}
