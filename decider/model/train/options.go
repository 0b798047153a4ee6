package train

import (
	"fmt"

	"github.com/profferhq/proffer/decider/model/tree"
)

// Options of boosting. The names in brackets are XGBoost's, for those who know them.
type Options struct {
	Objective tree.Objective
	// Classes of Multiclass (num_class).
	Classes int
	// Rounds at most (num_boost_round). Every round has one tree, or one a class.
	Rounds int
	// Rate by which each tree counts (eta); above 0 up to 1.
	Rate float64
	// Depth at most (max_depth); 1 to 16.
	Depth int
	// MinHessian is the least weight of a leaf (min_child_weight): rows for Regression, the sum of p(1-p) otherwise.
	MinHessian float64
	// L2 pulls leaves to 0 (lambda).
	L2 float64
	// Gamma is the least that a split must win (gamma, min_split_loss).
	Gamma float64
	// Cuts of a feature at most (max_bin): 1 to 254; 0 is 254.
	Cuts int
	// RowShare and ColumnShare are drawn for each tree (subsample, colsample_bytree); 0 is all.
	RowShare, ColumnShare float64
	// Patience stops after that many rounds without a better loss on Split.Valid (early_stopping_rounds); 0 never stops.
	// The trees end with the best round.
	Patience int
	// Monotone has, for each feature, +1 where the score must not fall as the feature rises, -1 where it must not rise,
	// or 0; nil is all 0 (monotone_constraints).
	Monotone []int8
	// PositiveWeight multiplies the weight of the positive rows of Binary (scale_pos_weight); 0 is 1. Anything else
	// spoils the probabilities: calibrate afterwards.
	PositiveWeight float64
	// Seed of what is drawn.
	Seed uint64
}

// Defaults are good for sets from a few thousand rows on, with rows to stop on.
func Defaults(objective tree.Objective) Options {
	return Options{
		Objective: objective, Rounds: 500, Rate: .1, Depth: 4, MinHessian: 1, L2: 1, Cuts: maxCuts, Patience: 20, Seed: 1,
	}
}

// Limits of options.
const (
	maxCuts  = 254 // with one bin more than cuts, and one for missing values, a bin's number is a byte
	maxDepth = 16
)

func (o *Options) check(features int) error {
	switch o.Objective {
	case tree.Binary, tree.Regression, tree.Ranking:
		if o.Classes > 1 {
			return fmt.Errorf("%w: classes: only multiclass has them", ErrOptions)
		}
	case tree.Multiclass:
		if o.Classes < 2 || o.Classes > tree.MaxOutputs {
			return fmt.Errorf("%w: classes: %d, want 2 to %d", ErrOptions, o.Classes, tree.MaxOutputs)
		}
	default:
		return fmt.Errorf("%w: objective: %q cannot be trained here", ErrOptions, o.Objective)
	}
	for _, bound := range []struct {
		name            string
		value, min, max float64
	}{
		{"rounds", float64(o.Rounds), 1, float64(tree.MaxTrees / o.outputs())}, {"rate", o.Rate, 1e-6, 1}, {"depth", float64(o.Depth), 1, maxDepth},
		{"min hessian", o.MinHessian, 0, 1e12}, {"l2", o.L2, 0, 1e12}, {"gamma", o.Gamma, 0, 1e12}, {"cuts", float64(o.Cuts), 0, maxCuts},
		{"row share", o.RowShare, 0, 1}, {"column share", o.ColumnShare, 0, 1}, {"patience", float64(o.Patience), 0, 1e6},
		{"positive weight", o.PositiveWeight, 0, 1e9},
	} {
		if !(bound.value >= bound.min && bound.value <= bound.max) {
			return fmt.Errorf("%w: %s: %v, want %v to %v", ErrOptions, bound.name, bound.value, bound.min, bound.max)
		}
	}
	if o.Monotone != nil && len(o.Monotone) != features {
		return fmt.Errorf("%w: monotone: %d for %d features", ErrOptions, len(o.Monotone), features)
	}
	if o.PositiveWeight != 0 && o.Objective != tree.Binary {
		return fmt.Errorf("%w: positive weight: only binary has positive rows", ErrOptions)
	}
	return nil
}

// outputs is how many trees a round has.
func (o *Options) outputs() int { return max(o.Classes, 1) }

func (o *Options) cuts() int {
	if o.Cuts == 0 {
		return maxCuts
	}
	return o.Cuts
}
