package model_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/tree"
)

// hundred is 100 full trees of depth 6 over 20 features, and rows with missing values.
func hundred() (*tree.Ensemble, [][]float64) {
	r := rand.New(rand.NewPCG(1, 2))
	e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: 20, Bias: []float64{0}, Single: true}
	var grow func(nodes *[]tree.Node, depth int) int32
	grow = func(nodes *[]tree.Node, depth int) int32 {
		at := int32(len(*nodes))
		*nodes = append(*nodes, tree.Node{Left: -1, Right: -1, Value: r.NormFloat64() / 10, Cover: 1 + r.Float64()})
		if depth > 0 {
			n := tree.Node{Feature: int32(r.IntN(20)), Threshold: float64(float32(r.NormFloat64())), MissingLeft: r.IntN(2) == 0}
			n.Left, n.Right = grow(nodes, depth-1), grow(nodes, depth-1)
			n.Cover = (*nodes)[n.Left].Cover + (*nodes)[n.Right].Cover
			(*nodes)[at] = n
		}
		return at
	}
	for range 100 {
		var t tree.Tree
		grow(&t.Nodes, 6)
		e.Trees = append(e.Trees, t)
	}
	rows := make([][]float64, 1024)
	for i := range rows {
		rows[i] = make([]float64, 20)
		for j := range rows[i] {
			if rows[i][j] = r.NormFloat64(); r.IntN(12) == 0 {
				rows[i][j] = math.NaN()
			}
		}
	}
	return e, rows
}

// One row, 100 trees of depth 6, 20 features: at most 8 us and no allocation.
func BenchmarkScore(b *testing.B) {
	e, rows := hundred()
	f := fileOf(&tree.Ensemble{Objective: e.Objective, Outputs: 1, Features: 2, Bias: e.Bias, Trees: stump().Trees})
	f.Ensemble, f.Features = e, nil
	for i := range e.Features {
		f.Features = append(f.Features, string(rune('a'+i)))
	}
	f.Golden = []model.Golden{{Row: rows[0], Margins: []float64{0}}}
	e.Margins(rows[0], f.Golden[0].Margins)
	m, err := model.New(f)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("leaves", func(b *testing.B) {
		var buffer model.Buffer
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, _, err := m.Score(rows[i%len(rows)], &buffer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reference walk", func(b *testing.B) {
		out := make([]float64, 1)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e.Margins(rows[i%len(rows)], out)
		}
	})
}

// What moved the margin of one row, by every feature.
func BenchmarkContributions(b *testing.B) {
	e, rows := hundred()
	for i := 0; b.Loop(); i++ {
		if _, _, err := e.Contributions(rows[i%len(rows)], 0); err != nil {
			b.Fatal(err)
		}
	}
}
