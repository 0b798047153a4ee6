package watch

import (
	"math"

	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

// Bins of scores in Outcomes: by log-odds from -16 to 16 in steps of an eighth, which is far finer than any model, and
// as fine for rare outcomes as for even ones.
const (
	scoreBins = 256
	perUnit   = 8
)

// Outcomes are judged scores, as counts: enough for AUC (to within a bin), accuracy, losses and calibration.
type Outcomes struct {
	// Positive and Negative are counts by the log-odds of the score.
	Positive, Negative [scoreBins]uint64
	// Said is the sum of the scores in millionths, Rows and Happened counts, for each tenth of the scores.
	Said, Rows, Happened [stat.ECEBins]uint64
	// Right is how many were on the right side of one half; Loss the log loss in millionths of a nat, and Squares the
	// squared errors in millionths squared.
	Right, Loss, Squares uint64
}

// leastMicros bounds scores in Loss: a millionth is the finest score there is.
const leastMicros = 0.5

func (o *Outcomes) add(micros int64, positive bool) {
	micros = min(max(micros, 0), 1e6)
	p := min(max(float64(micros), leastMicros), 1e6-leastMicros) / 1e6
	bin := binOf(p)
	tenth := min(int(micros/(1e6/stat.ECEBins)), stat.ECEBins-1)
	o.Rows[tenth]++
	o.Said[tenth] += uint64(micros)
	wrong := micros
	if positive {
		o.Positive[bin]++
		o.Happened[tenth]++
		wrong = 1e6 - micros
		p = 1 - p
	} else {
		o.Negative[bin]++
	}
	if (micros >= 5e5) == positive {
		o.Right++
	}
	o.Loss += uint64(math.Round(-math.Log1p(-p) * 1e6))
	o.Squares += uint64(wrong) * uint64(wrong)
}

func binOf(p float64) int {
	z := math.Log(p / (1 - p))
	return min(max(int(math.Floor(z*perUnit))+scoreBins/2, 0), scoreBins-1)
}

func (o *Outcomes) merge(other *Outcomes) {
	for i := range o.Positive {
		o.Positive[i] += other.Positive[i]
		o.Negative[i] += other.Negative[i]
	}
	for i := range o.Said {
		o.Said[i] += other.Said[i]
		o.Rows[i] += other.Rows[i]
		o.Happened[i] += other.Happened[i]
	}
	o.Right += other.Right
	o.Loss += other.Loss
	o.Squares += other.Squares
}

// Judged is how many decisions are judged, and how many of them were positive.
func (o *Outcomes) Judged() (rows, positive uint64) {
	for i := range o.Rows {
		rows += o.Rows[i]
		positive += o.Happened[i]
	}
	return rows, positive
}

// MeanScore is the mean of the scores, Rate that of what happened; NaN when nothing is judged.
func (o *Outcomes) MeanScore() float64 {
	rows, _ := o.Judged()
	said := uint64(0)
	for _, s := range o.Said {
		said += s
	}
	return float64(said) / 1e6 / float64(rows)
}

// Rate of positive outcomes; NaN when nothing is judged.
func (o *Outcomes) Rate() float64 {
	rows, positive := o.Judged()
	return float64(positive) / float64(rows)
}

// Scores are the figures of a card, on what is judged. The AUC is NaN while there is one outcome only, all others when
// nothing is judged.
func (o *Outcomes) Scores() card.Scores {
	rows, _ := o.Judged()
	n := float64(rows)
	var s stat.Scored
	for i := range o.Positive {
		for _, side := range []struct {
			count    uint64
			positive bool
		}{{o.Positive[i], true}, {o.Negative[i], false}} {
			if side.count > 0 {
				s.P, s.Y, s.W = append(s.P, float64(i)), append(s.Y, side.positive), append(s.W, float64(side.count))
			}
		}
	}
	off := 0.0
	for i := range o.Said {
		off += math.Abs(float64(o.Said[i])/1e6 - float64(o.Happened[i]))
	}
	return card.Scores{AUC: s.AUC(), Accuracy: float64(o.Right) / n, LogLoss: float64(o.Loss) / 1e6 / n, Brier: float64(o.Squares) / 1e12 / n, ECE: off / n}
}
