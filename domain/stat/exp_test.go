package stat_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/stat"
)

func TestExpAgreesWithTheMathPackage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		got, want := stat.Exp(x), math.Exp(x)
		if math.Abs(got-want) > 4e-16*want {
			t.Fatalf("Exp(%v) = %v, want %v", x, got, want)
		}
	})
	for x, want := range map[float64]float64{0: 1, 1000: math.Inf(1), -1000: 0, math.Inf(-1): 0, math.Inf(1): math.Inf(1)} {
		if got := stat.Exp(x); got != want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	if got := stat.Exp(math.NaN()); !math.IsNaN(got) {
		t.Errorf("Exp(NaN) = %v", got)
	}
}

// The bits must be the same on every machine and for ever: decisions are replayed with them.
func TestExpNeverMoves(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]uint64{
		1: 0x4005bf0a8b14576a, -1: 0x3fd78b56362cef38, 0.1: 0x3ff1aec7b35a00d4,
		-3.7: 0x3f99511fc6871044, 20: 0x41bceb088b68e804, -20.5: 0x3e157a3afeed00ac,
	} {
		if got := math.Float64bits(stat.Exp(x)); got != want {
			t.Errorf("Exp(%v) has the bits %#x, want %#x", x, got, want)
		}
	}
}
