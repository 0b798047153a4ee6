package watch

import (
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/stat"
)

// gathering are the first decisions of a version whose card says nothing of where features and scores lay.
type gathering struct {
	scores  []float64
	columns [][]float64
}

func newGathering(features int) *gathering { return &gathering{columns: make([][]float64, features)} }

// gather takes one of the first decisions. Once there are enough, they are what later ones are compared with.
func (v *version) gather(micros int64, vector []float64, places []int, enough int) {
	g := v.gathering
	if g == nil {
		return
	}
	g.scores = append(g.scores, float64(micros)/1e6)
	for i, at := range places {
		g.columns[i] = append(g.columns[i], valueAt(vector, at))
	}
	if len(g.scores) < enough {
		return
	}
	score := stat.NewBins(g.scores, card.DriftBins)
	v.card.Score = &score
	for i, values := range g.columns {
		if len(values) > 0 {
			bins := stat.NewBins(values, card.DriftBins)
			v.card.Features[i].Bins = &bins
		}
	}
	v.gathering = nil
}
