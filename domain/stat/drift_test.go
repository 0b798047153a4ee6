package stat_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/stat"
)

func TestBinsByHand(t *testing.T) {
	t.Parallel()
	b := stat.NewBins([]float64{3, 1, 1, 2, math.NaN()}, 10)
	want := stat.Bins{Cuts: []float64{2, 3}, Weights: []float64{2, 1, 1, 1}}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Fatal(diff)
	}
	near(t, "missing", b.Missing(), .2)
	later := b.Empty()
	for _, v := range []float64{-5, 2.5, 99, math.NaN(), math.NaN()} {
		later.Add(v, 1)
	}
	if diff := cmp.Diff([]float64{1, 1, 1, 2}, later.Weights); diff != "" {
		t.Error(diff)
	}
	// (.2-.4)ln(.2/.4) + 0 + 0 + (.4-.2)ln(.4/.2)
	near(t, "PSI", stat.PSI(b.Weights, later.Weights), .4*math.Log(2))
	near(t, "KS", stat.KSOfBins(b.Weights, later.Weights), .5-1./3)
}

func TestBinsHoldAboutAsMuchEach(t *testing.T) {
	t.Parallel()
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(i * i)
	}
	b := stat.NewBins(values, 10)
	for i, w := range b.Weights[:10] {
		if w != 100 {
			t.Errorf("bin %d holds %v", i, w)
		}
	}
}

// Half of the values are one: it must not make empty bins.
func TestABinOfOneValueIsNotRepeated(t *testing.T) {
	t.Parallel()
	values := make([]float64, 1000)
	for i := 500; i < len(values); i++ {
		values[i] = float64(i)
	}
	b := stat.NewBins(values, 10)
	for i, w := range b.Weights[:len(b.Cuts)+1] {
		if w == 0 {
			t.Errorf("bin %d of %v is empty", i, b.Cuts)
		}
	}
}

func TestDriftIsZeroOnlyWhereNothingMoved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SliceOfN(rapid.Float64Range(0, 100), 3, 12)
		p := w.Draw(t, "p")
		q := rapid.SliceOfN(rapid.Float64Range(0, 100), len(p), len(p)).Draw(t, "q")
		p[0], q[0] = p[0]+1, q[0]+1
		twice := make([]float64, len(p))
		for i := range p {
			twice[i] = 2 * p[i]
		}
		if psi := stat.PSI(p, twice); psi > 1e-12 {
			t.Fatalf("PSI of the same shares: %v", psi)
		}
		psi, back := stat.PSI(p, q), stat.PSI(q, p)
		if psi < 0 || math.IsNaN(psi) || math.IsInf(psi, 0) || math.Abs(psi-back) > 1e-9 {
			t.Fatalf("PSI %v, the other way round %v", psi, back)
		}
		if ks := stat.KSOfBins(p, q); ks < 0 || ks > 1+1e-12 {
			t.Fatalf("KS %v", ks)
		}
	})
}

// Bins see no gap that is not there: the distance by bins is at most the largest gap between the distribution functions.
func TestKSOfBinsIsAtMostTheLargestGap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sample := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 40)
		a, b := sample.Draw(t, "a"), sample.Draw(t, "b")
		most := 0.0
		for _, v := range append(append([]float64{}, a...), b...) {
			most = max(most, math.Abs(below(a, v)-below(b, v)))
		}
		bins := stat.NewBins(a, 10)
		other := bins.Empty()
		for _, v := range b {
			other.Add(v, 1)
		}
		if known := stat.KSOfBins(bins.Weights, other.Weights); known > most+1e-12 {
			t.Fatalf("by bins %v, in truth %v", known, most)
		}
	})
}

func below(values []float64, v float64) float64 {
	n := 0.0
	for _, x := range values {
		if x <= v {
			n++
		}
	}
	return n / float64(len(values))
}
