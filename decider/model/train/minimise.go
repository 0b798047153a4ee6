package train

import (
	"context"
	"math"
)

// memory is how many steps minimise remembers.
const memory = 12

// minimise finds the least value of a smooth convex function by limited-memory quasi-Newton steps (L-BFGS): f gives the
// value at w and writes the slope.
func minimise(ctx context.Context, w []float64, f func(w, slope []float64) float64) ([]float64, error) {
	n := len(w)
	slope, next, nextSlope, way := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	value := f(w, slope)
	first := norm(slope)
	var past []step
	for range 500 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if size := norm(slope); size <= 1e-7*max(1, first) {
			break
		}
		direction(way, slope, past)
		along := dot(way, slope)
		if along >= 0 { // rounding has spoilt what was remembered
			past = nil
			direction(way, slope, past)
			along = dot(way, slope)
		}
		size := 1.0
		if len(past) == 0 {
			size = 1 / max(1, norm(slope))
		}
		after := math.Inf(1)
		for ; size > 1e-14; size /= 2 {
			for i := range next {
				next[i] = w[i] + float64(size*way[i])
			}
			if after = f(next, nextSlope); after <= value+float64(1e-4*size*along) {
				break
			}
		}
		if !(after < value) {
			break
		}
		past = remember(past, w, next, slope, nextSlope)
		done := value-after < 1e-10*math.Abs(value)
		copy(w, next)
		copy(slope, nextSlope)
		if value = after; done {
			break
		}
	}
	return w, nil
}

// step is a move and how the slope changed by it.
type step struct {
	move, change []float64
	product      float64
}

func remember(past []step, from, to, slope, nextSlope []float64) []step {
	s := step{move: make([]float64, len(from)), change: make([]float64, len(from))}
	for i := range from {
		s.move[i], s.change[i] = to[i]-from[i], nextSlope[i]-slope[i]
	}
	if s.product = dot(s.move, s.change); !(s.product > 1e-14*dot(s.change, s.change)) {
		return past
	}
	if len(past) == memory {
		past = past[1:]
	}
	return append(past, s)
}

// direction is downhill, bent by what is remembered of the curvature (the two-loop recursion).
func direction(way, slope []float64, past []step) {
	for i, v := range slope {
		way[i] = -v
	}
	shares := make([]float64, len(past))
	for k := len(past) - 1; k >= 0; k-- {
		s := past[k]
		shares[k] = dot(s.move, way) / s.product
		add(way, s.change, -shares[k])
	}
	if n := len(past); n > 0 {
		scale := past[n-1].product / dot(past[n-1].change, past[n-1].change)
		for i := range way {
			way[i] *= scale
		}
	}
	for k, s := range past {
		add(way, s.move, shares[k]-dot(s.change, way)/s.product)
	}
}

func add(to, of []float64, times float64) {
	for i, v := range of {
		to[i] += float64(times * v)
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
