package value

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// bound is the largest logarithm that a parameter, in the units of the fit, may have; a wall grows beyond it.
const bound = 14.0

// objective is minus the mean log-likelihood and its gradient at the logarithms of the parameters.
type objective interface {
	value(at []float64) float64
	gradient(to, at []float64)
}

// maximise starts from every point and returns the best place found, and whether it leans on a bound.
func maximise(o objective, starts [][]float64) (at []float64, loose bool, err error) {
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return o.value(x) + wall(x, nil) },
		Grad: func(to, x []float64) {
			o.gradient(to, x)
			wall(x, to)
		},
	}
	settings := &optimize.Settings{GradientThreshold: 1e-8, MajorIterations: 400, FuncEvaluations: 4000}
	best := math.Inf(1)
	for _, start := range starts {
		// A line search that ends for want of digits has found its place all the same: what counts is how good it is.
		result, problemErr := optimize.Minimize(problem, start, settings, &optimize.BFGS{})
		if result == nil {
			err = problemErr
			continue
		}
		if f := problem.Func(result.X); f < best-1e-11 {
			best, at = f, result.X
		}
	}
	if at == nil {
		return nil, false, fmt.Errorf("%w: the likelihood has no maximum that can be found: %w", ErrHopeless, err)
	}
	for _, v := range at {
		loose = loose || math.Abs(v) > bound/2
	}
	return at, loose, nil
}

// wall adds to the objective, or with to to its gradient, what keeps the parameters within bounds.
func wall(x, to []float64) float64 {
	sum := 0.0
	for i, v := range x {
		over := math.Abs(v) - bound
		if over <= 0 {
			continue
		}
		sum += over * over
		if to != nil {
			to[i] += 2 * math.Copysign(over, v)
		}
	}
	return sum
}

// logGamma is the logarithm of the gamma function of a positive number.
func logGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}
