package train

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/decider/model/tree"
)

// Boosted is what came out of boosting.
type Boosted struct {
	Ensemble *tree.Ensemble
	// Best is the round that the trees end with, counted from 1.
	Best int
	// Losses on Split.Valid after each round that was tried, when there are such rows: log loss, squared error, or 1 less
	// NDCG.
	Losses []float64
}

// Boost learns trees, one after the other, each from what those before it left unexplained. It fails with ErrSet,
// ErrOptions, or the error of a cancelled context.
func Boost(ctx context.Context, set *Set, split Split, o Options) (*Boosted, error) {
	if err := o.check(len(set.Columns)); err != nil {
		return nil, err
	}
	if err := set.check(o.Objective, o.Classes); err != nil {
		return nil, err
	}
	if err := split.check(set, o.Objective, o.Classes); err != nil {
		return nil, err
	}
	b := &booster{set: set, split: split, o: &o, objective: newObjective(set, &o)}
	b.start()
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	return b.result()
}

type booster struct {
	set       *Set
	split     Split
	o         *Options
	objective objective
	grower    *grower
	gradients []gradients // one for each output
	margins   []float64   // of the split's rows; those of a row stand together
	grown     []bool      // by row, whether it is in the tree at hand
	e         *tree.Ensemble
	losses    []float64
}

func (b *booster) start() {
	outputs, rows := b.o.outputs(), b.set.Rows()
	b.e = &tree.Ensemble{
		Objective: b.o.Objective, Outputs: outputs, Features: len(b.set.Columns), Single: true, Bias: b.objective.start(b.split.Train),
	}
	b.grower = newGrower(newBinned(b.set, b.split.Train, b.o.cuts()), b.o, rows)
	b.margins = make([]float64, rows*outputs)
	for i := range b.margins {
		b.margins[i] = b.e.Bias[i%outputs]
	}
	b.gradients = make([]gradients, outputs)
	for i := range b.gradients {
		b.gradients[i] = gradients{make([]float64, rows), make([]float64, rows)}
	}
	b.grown = make([]bool, rows)
}

func (b *booster) run(ctx context.Context) error {
	for round := 1; round <= b.o.Rounds; round++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("boost: round %d: %w", round, err)
		}
		b.objective.gradients(b.split.Train, b.margins, b.gradients)
		for output := range b.gradients {
			b.e.Trees = append(b.e.Trees, b.grower.grow(b.split.Train, b.gradients[output]))
			b.add(output)
		}
		if len(b.split.Valid) == 0 {
			continue
		}
		b.losses = append(b.losses, b.objective.loss(b.split.Valid, b.margins))
		if b.o.Patience > 0 && len(b.losses)-b.best() >= b.o.Patience {
			break
		}
	}
	return nil
}

// best is the round with the least loss, or the last one when nothing is seen.
func (b *booster) best() int {
	if len(b.losses) == 0 {
		return len(b.e.Trees) / b.o.outputs()
	}
	at := 0
	for i, v := range b.losses {
		if v < b.losses[at] {
			at = i
		}
	}
	return at + 1
}

// add brings the margins up to date with the tree just grown.
func (b *booster) add(output int) {
	outputs := b.o.outputs()
	g := b.grower
	all := len(g.rows) == len(b.split.Train)
	for i := range g.nodes {
		if !g.nodes[i].Leaf() {
			continue
		}
		for _, r := range g.leafRows(i) {
			b.margins[int(r)*outputs+output] += g.nodes[i].Value
			b.grown[r] = !all
		}
	}
	if !all {
		for _, r := range b.split.Train {
			if b.grown[r] {
				b.grown[r] = false
				continue
			}
			b.margins[int(r)*outputs+output] += g.route(r).Value
		}
	}
	for _, r := range b.split.Valid {
		b.margins[int(r)*outputs+output] += g.route(r).Value
	}
}

func (b *booster) result() (*Boosted, error) {
	best := b.best()
	b.e.Trees = b.e.Trees[:best*b.o.outputs()]
	if err := b.e.Check(); err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return &Boosted{Ensemble: b.e, Best: best, Losses: b.losses}, nil
}
