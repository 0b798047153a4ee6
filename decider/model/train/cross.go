package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/tree"
)

// Crossed is a binary model made of several, each of which stopped on rows that others learnt from: what to do when
// there are too few rows to put some aside.
type Crossed struct {
	// Ensemble is the mean of the models' margins, as one ensemble.
	Ensemble *tree.Ensemble
	// Calibration is fitted by Bend, on margins of rows that the models which gave them had not learnt from.
	Calibration calibration.Calibration
	// Options are the ones chosen, and Loss the log loss of the rows left out, before calibration.
	Options Options
	Loss    float64
}

// CrossFit fits a binary model to some rows of a set, with the best of the candidates. The rows are parted into parts,
// and each model learns from all but two neighbouring parts, on which it stops: so every row is left out by two models,
// whose mean margin is what the calibration is fitted on. The mean of all models errs less than that of two: by how
// much is seen in how far the two differ, and the calibration is made as much steeper. One part stands for a plain split:
// one model, a fifth of the rows left out. It fails with ErrSet, ErrOptions or the error of a cancelled context.
func CrossFit(ctx context.Context, s *Set, rows []int32, parts int, candidates []Options) (*Crossed, error) {
	if len(candidates) == 0 || parts < 1 || parts == 2 || parts == 3 || parts > 100 {
		return nil, fmt.Errorf("%w: %d candidates, want 1 or more; %d parts, want 1, or 4 to 100", ErrOptions, len(candidates), parts)
	}
	splits := Folds(s.Label, rows, max(parts, 5), candidates[0].Seed)[:1]
	if parts > 1 {
		splits = neighbouring(Folds(s.Label, rows, parts, candidates[0].Seed))
	}
	trials := make([]*crossing, len(candidates))
	best := 0
	for i, o := range candidates {
		trials[i] = newCrossing(s, o)
		// The first models tell which candidate is best; with many rows one does.
		first := 4
		if len(rows) > manyRows {
			first = 1
		}
		for _, split := range splits[:min(first, len(splits))] {
			if err := trials[i].add(ctx, split); err != nil {
				return nil, err
			}
		}
		if trials[i].loss() < trials[best].loss() {
			best = i
		}
	}
	c := trials[best]
	for _, split := range splits[len(c.models):] {
		if err := c.add(ctx, split); err != nil {
			return nil, err
		}
	}
	return c.crossed(ctx)
}

// manyRows are so many that candidates differ by more than chance on one split.
const manyRows = 10_000

// neighbouring leaves out each fold together with the next.
func neighbouring(folds []Split) []Split {
	out := make([]Split, 0, len(folds))
	for i := range folds {
		next := (i + 1) % len(folds)
		var train []int32
		for k := range folds {
			if k != i && k != next {
				train = append(train, folds[k].Valid...)
			}
		}
		out = append(out, Split{Train: train, Valid: append(append([]int32(nil), folds[i].Valid...), folds[next].Valid...)})
	}
	return out
}

// crossing is one candidate's models, and what they say of the rows they left out.
type crossing struct {
	s      *Set
	o      Options
	models []*tree.Ensemble
	given  [2][]float64 // by row, the margins of up to two models
	n      []uint8
	seen   []int32
}

func newCrossing(s *Set, o Options) *crossing {
	c := &crossing{s: s, o: o, n: make([]uint8, s.Rows())}
	c.given[0], c.given[1] = make([]float64, s.Rows()), make([]float64, s.Rows())
	return c
}

func (c *crossing) add(ctx context.Context, split Split) error {
	o := c.o
	o.Seed += uint64(len(c.models))
	b, err := Boost(ctx, c.s, split, o)
	if err != nil {
		return err
	}
	c.models = append(c.models, b.Ensemble)
	row, margin := make([]float64, len(c.s.Columns)), make([]float64, 1)
	for _, r := range split.Valid {
		for f, column := range c.s.Columns {
			row[f] = column[r]
		}
		b.Ensemble.Margins(row, margin)
		if c.n[r] == 0 {
			c.seen = append(c.seen, r)
		}
		c.given[c.n[r]][r] = margin[0]
		c.n[r]++
	}
	return nil
}

// margin of a row is the mean of what the models that left it out say.
func (c *crossing) margin(r int32) float64 {
	if c.n[r] == 2 {
		return (c.given[0][r] + c.given[1][r]) / 2
	}
	return c.given[0][r]
}

func (c *crossing) loss() float64 {
	loss, weight := 0.0, 0.0
	for _, r := range c.seen {
		wrong := c.margin(r)
		if c.s.Label[r] > 0 {
			wrong = -wrong
		}
		loss += float64(c.s.weight(r) * softplus(wrong))
		weight += c.s.weight(r)
	}
	return loss / weight
}

func (c *crossing) crossed(ctx context.Context) (*Crossed, error) {
	var left Judged
	for _, r := range c.seen {
		left.Margins = append(left.Margins, c.margin(r))
		left.Positive = append(left.Positive, c.s.Label[r] > 0)
		left.Weights = append(left.Weights, c.s.weight(r))
	}
	fitted, err := Bend(ctx, left)
	if err != nil {
		return nil, err
	}
	steeper, centre := c.steeper()
	fitted.B += float64(fitted.A * centre * (1 - steeper))
	fitted.A *= steeper
	for i := range fitted.Points {
		p := &fitted.Points[i].Margin
		*p = centre + (*p-centre)/steeper
	}
	return &Crossed{Ensemble: mean(c.models), Calibration: fitted, Options: c.o, Loss: c.loss()}, nil
}

// steeper is by how much the slope of what is true over the mean of all models exceeds that over the mean of two. A
// margin is what is true and an error, which means of k models have a k-th of: the slope falls by what errors add to the
// spread. Half the squared difference of two models is the error's.
func (c *crossing) steeper() (factor, centre float64) {
	sum, squares, errors, n := 0.0, 0.0, 0.0, 0.0
	for _, r := range c.seen {
		m := c.margin(r)
		sum, squares, n = sum+m, squares+float64(m*m), n+1
		if c.n[r] == 2 {
			d := c.given[0][r] - c.given[1][r]
			errors += float64(d * d / 2)
		}
	}
	centre = sum / n
	spread := squares/n - float64(centre*centre) // of means of two, with half the error in it
	errors /= n
	of := spread - errors/2 + errors/float64(len(c.models))
	if len(c.models) < 3 || !(of > spread/4) {
		return 1, centre
	}
	return spread / of, centre
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
