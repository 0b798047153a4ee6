package train

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func values(t *rapid.T) []float64 {
	few := rapid.Bool().Draw(t, "few")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 {
		if rapid.IntRange(0, 9).Draw(t, "missing") == 0 {
			return math.NaN()
		}
		if few {
			return float64(rapid.IntRange(-3, 3).Draw(t, "v"))
		}
		return float64(rapid.Float32Range(-1e30, 1e30).Draw(t, "v"))
	}), 1, 200).Draw(t, "values")
}

// What a tree does with a threshold is what the trainer did with bins.
func TestBinsAndThresholdsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := values(t)
		s := &Set{Columns: [][]float64{v}, Label: make([]float64, len(v))}
		b := newBinned(s, All(len(v)).Train, rapid.IntRange(1, maxCuts).Draw(t, "most"))
		for bin := 1; bin < b.bins(0); bin++ {
			threshold := b.threshold(0, bin)
			for i, x := range v {
				if math.IsNaN(x) != (b.of[i] == 0) {
					t.Fatalf("%v is in bin %d", x, b.of[i])
				}
				if left := float64(float32(x)) <= threshold; !math.IsNaN(x) && left != (int(b.of[i]) <= bin) {
					t.Fatalf("%v is in bin %d, and <= %v is %v for a split after bin %d", x, b.of[i], threshold, left, bin)
				}
			}
		}
	})
}

func TestFewValuesHaveABinEach(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := values(t)
		s := &Set{Columns: [][]float64{v}, Label: make([]float64, len(v))}
		b := newBinned(s, All(len(v)).Train, maxCuts)
		if b.bins(0) > 256 {
			t.Fatalf("%d bins", b.bins(0))
		}
		for i := range v {
			for j := range v {
				if v[i] < v[j] && b.of[i] == b.of[j] && float32(v[i]) != float32(v[j]) {
					t.Fatalf("%v and %v share a bin", v[i], v[j])
				}
			}
		}
	})
}

func TestManyValuesAreCutIntoEqualParts(t *testing.T) {
	t.Parallel()
	v := make([]float64, 25_400)
	for i := range v {
		v[i] = float64(i*7919%25_400) * 1.5
		if i%4 == 0 {
			v[i] = 0 // a value that fills many parts
		}
	}
	s := &Set{Columns: [][]float64{v}, Label: make([]float64, len(v))}
	b := newBinned(s, All(len(v)).Train, maxCuts)
	n := make([]int, 256)
	for _, bin := range b.of {
		n[bin]++
	}
	if n[1] != 25_400/4+0 && n[1] != 25_400/4+1 {
		t.Errorf("the frequent value's bin has %d rows", n[1])
	}
	for bin := 2; bin < b.bins(0); bin++ {
		if n[bin] < 60 || n[bin] > 90 {
			t.Errorf("bin %d has %d rows of 19050 in %d bins", bin, n[bin], b.bins(0)-2)
		}
	}
}

func TestRadixSorts(t *testing.T) {
	t.Parallel()
	var r radix
	rapid.Check(t, func(t *rapid.T) {
		v := append(values(t), 0, math.Copysign(0, -1))
		got := slices.Clone(r.sorted(v, All(len(v)).Train))
		var want []float32
		for _, x := range v {
			if !math.IsNaN(x) {
				want = append(want, float32(x))
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if slices.ContainsFunc(got, func(x float32) bool { return x == 0 && math.Signbit(float64(x)) }) {
			t.Fatal("-0 is not 0")
		}
	})
}

func TestExpIsGoodEnoughForGradients(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-11*want {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	})
	for _, x := range []float64{math.Inf(1), math.Inf(-1), 1e300, -1e300} {
		if v := exp(x); v-v != 0 || v <= 0 {
			t.Errorf("exp(%v) = %v", x, v)
		}
	}
}

func TestPackedGradientsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sum, first, second := int64(0), 0.0, 0.0
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			g, h := rapid.Int64Range(-packedSum/50, packedSum/50).Draw(t, "g"), rapid.Int64Range(0, packedSum/50).Draw(t, "h")
			sum += pack(g, h)
			first, second = first+float64(g), second+float64(h)
			if gradientOf(sum) != first || hessianOf(sum) != second {
				t.Fatalf("%v and %v, want %v and %v", gradientOf(sum), hessianOf(sum), first, second)
			}
		}
	})
}
