package decider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// FeatureComparison is one feature of two views, over the people read.
type FeatureComparison struct {
	Name string
	// In says which of the two have it, as it is defined in the second.
	InFirst, InSecond bool
	// Different people have another value, Missing a value in one of the two only.
	Different, Missing uint64
	// Means over those who have a value; NaN for none.
	FirstMean, SecondMean float64
	// Largest is the largest difference.
	Largest float64

	sums, counts [2]float64
}

// Compare reads two views for the same people, at most so many, and says where they differ. Of more people it reads the
// same ones every time, whatever the order in which they come. It fails with ErrViewNotReady or the context's error.
func (p *Profiles) Compare(
	ctx context.Context, first, second feature.View, people iter.Seq[domain.Alias], most int, nowMS int64,
) (read uint64, out []FeatureComparison, err error) {
	out = comparisons(first, second)
	for _, alias := range p.sample(people, most) {
		a, err := p.Now(ctx, alias, first, nowMS)
		if err != nil {
			return read, nil, err
		}
		b, err := p.Now(ctx, alias, second, nowMS)
		if err != nil {
			return read, nil, err
		}
		for i := range out {
			out[i].add(valueIn(first, a.Vector, out[i].Name), valueIn(second, b.Vector, out[i].Name))
		}
		if read++; ctx.Err() != nil {
			return read, nil, fmt.Errorf("decider: compare views: %w", context.Cause(ctx))
		}
	}
	for i := range out {
		c := &out[i]
		c.FirstMean, c.SecondMean = c.sums[0]/c.counts[0], c.sums[1]/c.counts[1]
	}
	return read, out, nil
}

// sample are the profiles whose hashes are least, at most so many, in that order.
func (p *Profiles) sample(people iter.Seq[domain.Alias], most int) []domain.Alias {
	type drawn struct {
		hash  [sha256.Size]byte
		alias domain.Alias
	}
	var least []drawn
	cut := func() {
		slices.SortFunc(least, func(a, b drawn) int { return bytes.Compare(a.hash[:], b.hash[:]) })
		least = least[:min(most, len(least))]
	}
	for alias := range people {
		if p.vectors.identities.person(alias).aliases[0] != alias {
			continue // somebody else's profile
		}
		if least = append(least, drawn{sha256.Sum256(alias[:]), alias}); len(least) >= 2*most {
			cut()
		}
	}
	cut()
	out := make([]domain.Alias, len(least))
	for i, d := range least {
		out[i] = d.alias
	}
	return out
}

// comparisons are all features of both, those of the second first.
func comparisons(first, second feature.View) []FeatureComparison {
	var out []FeatureComparison
	for _, s := range second.Specs() {
		_, known := first.Index(s.Name)
		out = append(out, FeatureComparison{Name: s.Name, InFirst: known, InSecond: true})
	}
	for _, s := range first.Specs() {
		if _, known := second.Index(s.Name); !known {
			out = append(out, FeatureComparison{Name: s.Name, InFirst: true})
		}
	}
	return out
}

func valueIn(v feature.View, vector []float64, name string) float64 {
	if i, known := v.Index(name); known {
		return vector[i]
	}
	return math.NaN()
}

func (c *FeatureComparison) add(first, second float64) {
	for i, x := range [2]float64{first, second} {
		if x == x {
			c.sums[i] += x
			c.counts[i]++
		}
	}
	switch {
	case first == second || first != first && second != second:
	case first != first || second != second:
		c.Missing++
		c.Different++
	default:
		c.Different++
		c.Largest = max(c.Largest, math.Abs(first-second))
	}
}
