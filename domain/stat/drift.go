package stat

import (
	"math"
	"slices"
)

// Bins say where values fell when a model was trained: what came later is counted in the same bins.
type Bins struct {
	// Cuts are ascending and finite. Bin i holds values below cut i and not below the cut before it; the last but one
	// holds the rest, and the last one the missing (NaN).
	Cuts []float64 `json:"cuts"`
	// Weights has len(Cuts)+2 entries.
	Weights []float64 `json:"weights"`
}

// NewBins cuts the present values into at most n bins of about equal weight (fewer when values repeat) and counts them
// all, missing ones too. Few distinct values have a bin each.
func NewBins(values []float64, n int) Bins {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	b := Bins{Cuts: cuts(sorted, n)}
	b.Weights = make([]float64, len(b.Cuts)+2)
	for _, v := range values {
		b.Add(v, 1)
	}
	return b
}

// cuts are values of the sample at which a bin begins.
func cuts(sorted []float64, n int) []float64 {
	out := []float64{}
	if distinct := slices.Compact(slices.Clone(sorted)); len(distinct) <= n {
		for i := 1; i < len(distinct); i++ {
			out = append(out, distinct[i])
		}
		return out
	}
	for i := 1; i < n; i++ {
		c := sorted[i*len(sorted)/n]
		if c > sorted[0] && (len(out) == 0 || c > out[len(out)-1]) {
			out = append(out, c)
		}
	}
	return out
}

// Empty is bins with the same cuts and nothing in them.
func (b Bins) Empty() Bins { return Bins{Cuts: b.Cuts, Weights: make([]float64, len(b.Cuts)+2)} }

// Of is the bin of a value.
func (b Bins) Of(v float64) int {
	if math.IsNaN(v) {
		return len(b.Cuts) + 1
	}
	at, found := slices.BinarySearch(b.Cuts, v)
	if found {
		at++
	}
	return at
}

// Add counts a value.
func (b Bins) Add(v, weight float64) { b.Weights[b.Of(v)] += weight }

// Total is the weight of all bins.
func (b Bins) Total() float64 {
	sum := 0.0
	for _, w := range b.Weights {
		sum += w
	}
	return sum
}

// Missing is the share of missing values.
func (b Bins) Missing() float64 { return b.Weights[len(b.Weights)-1] / b.Total() }

// PSIFloor is the least share that a bin counts as in PSI: an empty one would make it infinite.
const PSIFloor = 1e-4

// PSI is the population stability index between two sets of weights over the same bins: the sum of (p-q) ln(p/q) over
// the shares. Below 0.1 is usually left alone, above 0.25 usually acted on. Shares below PSIFloor count as PSIFloor. It is
// NaN when one side is empty or the bins differ in number.
func PSI(expected, actual []float64) float64 {
	p, q := shares(expected), shares(actual)
	if p == nil || q == nil || len(p) != len(q) {
		return math.NaN()
	}
	sum := 0.0
	for i := range p {
		a, b := max(p[i], PSIFloor), max(q[i], PSIFloor)
		sum += float64((b - a) * math.Log(b/a))
	}
	return sum
}

// KSOfBins is the Kolmogorov-Smirnov distance between present values that are known by their bins only: a lower bound
// of the true one, close to it when the bins are fine. The last bin (missing) is left out. It is NaN as PSI is.
func KSOfBins(expected, actual []float64) float64 {
	if len(expected) != len(actual) || len(expected) < 2 {
		return math.NaN()
	}
	present := len(expected) - 1
	p, q := shares(expected[:present]), shares(actual[:present])
	if p == nil || q == nil {
		return math.NaN()
	}
	most, a, b := 0.0, 0.0, 0.0
	for i := range p {
		a, b = a+p[i], b+q[i]
		most = max(most, a-b, b-a)
	}
	return most
}

// shares are weights over their sum; nil when that is not positive and finite.
func shares(weights []float64) []float64 {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return nil
	}
	out := make([]float64, len(weights))
	for i, w := range weights {
		out[i] = w / sum
	}
	return out
}
