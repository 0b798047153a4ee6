package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/tree"
)

// Crossed is a binary model made of several, each of which stopped on rows that the others learnt from: what to do
// when there are too few rows to put some aside.
type Crossed struct {
	// Ensemble is the mean of the models' margins, as one ensemble.
	Ensemble *tree.Ensemble
	// Calibration is Platt's, on margins of rows that the model which gave them had not learnt from.
	Calibration calibration.Calibration
	// Options are the ones chosen, and Loss the log loss with them.
	Options Options
	Loss    float64
}

// CrossFit fits a binary model to some rows of a set: in folds, with each of the candidates, of which it keeps the one
// with the least log loss on the folds left out. One fold is a plain split: a fifth of the rows is left out. It fails
// with ErrSet, ErrOptions or the error of a cancelled context.
func CrossFit(ctx context.Context, s *Set, rows []int32, folds int, candidates []Options) (*Crossed, error) {
	if len(candidates) == 0 || folds < 1 {
		return nil, fmt.Errorf("%w: %d candidates, %d folds, want 1 or more", ErrOptions, len(candidates), folds)
	}
	splits := Folds(s.Label, rows, max(folds, 2), candidates[0].Seed)
	if folds == 1 {
		splits = Folds(s.Label, rows, 5, candidates[0].Seed)[:1]
	}
	var best *Crossed
	for _, o := range candidates {
		c, err := crossFit(ctx, s, splits, o)
		if err != nil {
			return nil, err
		}
		if best == nil || c.Loss < best.Loss {
			best = c
		}
	}
	return best, nil
}

func crossFit(ctx context.Context, s *Set, splits []Split, o Options) (*Crossed, error) {
	var left Judged
	var models []*tree.Ensemble
	row, margin := make([]float64, len(s.Columns)), make([]float64, 1)
	loss, weight := 0.0, 0.0
	for _, split := range splits {
		b, err := Boost(ctx, s, split, o)
		if err != nil {
			return nil, err
		}
		models = append(models, b.Ensemble)
		for _, r := range split.Valid {
			s.row(r, row)
			b.Ensemble.Margins(row, margin)
			left.Margins = append(left.Margins, margin[0])
			left.Positive = append(left.Positive, s.Label[r] > 0)
			left.Weights = append(left.Weights, s.weight(r))
			wrong := margin[0]
			if s.Label[r] > 0 {
				wrong = -wrong
			}
			loss += float64(s.weight(r) * softplus(wrong))
			weight += s.weight(r)
		}
	}
	c, err := Platt(left)
	if err != nil {
		return nil, err
	}
	return &Crossed{Ensemble: mean(models), Calibration: c, Options: o, Loss: loss / weight}, nil
}

func (s *Set) row(r int32, into []float64) {
	for f, c := range s.Columns {
		into[f] = c[r]
	}
}

// mean is one ensemble whose margins are the mean of those of several.
func mean(models []*tree.Ensemble) *tree.Ensemble {
	n := float64(len(models))
	out := *models[0]
	out.Bias, out.Trees = []float64{0}, nil
	for _, m := range models {
		out.Bias[0] += m.Bias[0] / n
		for _, t := range m.Trees {
			nodes := make([]tree.Node, len(t.Nodes))
			for i, node := range t.Nodes {
				node.Value /= n
				nodes[i] = node
			}
			out.Trees = append(out.Trees, tree.Tree{Nodes: nodes})
		}
	}
	return &out
}

// Folds parts rows into k splits, each row left out once; every fold has its share of each label, as far as whole rows
// allow. Labels are classes; the seed draws who is in which.
func Folds(label []float64, rows []int32, k int, seed uint64) []Split {
	r := rand.New(rand.NewPCG(seed, 0x666f6c6473))
	order := append([]int32(nil), rows...)
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	fold := make([]int8, len(label))
	next := map[float64]int{}
	for _, row := range order {
		y := label[row]
		fold[row] = int8(next[y] % k)
		next[y]++
	}
	out := make([]Split, k)
	for _, row := range rows {
		for i := range out {
			if int(fold[row]) == i {
				out[i].Valid = append(out[i].Valid, row)
			} else {
				out[i].Train = append(out[i].Train, row)
			}
		}
	}
	return out
}
