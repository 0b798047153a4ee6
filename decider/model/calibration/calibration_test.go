package calibration_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model/calibration"
)

func TestExpAgreesWithTheMathPackage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		got, want := calibration.Exp(x), math.Exp(x)
		if math.Abs(got-want) > 4e-16*want {
			t.Fatalf("Exp(%v) = %v, want %v", x, got, want)
		}
	})
	for x, want := range map[float64]float64{0: 1, 1000: math.Inf(1), -1000: 0, math.Inf(-1): 0, math.Inf(1): math.Inf(1)} {
		if got := calibration.Exp(x); got != want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	if got := calibration.Exp(math.NaN()); !math.IsNaN(got) {
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
		if got := math.Float64bits(calibration.Exp(x)); got != want {
			t.Errorf("Exp(%v) has the bits %#x, want %#x", x, got, want)
		}
	}
}

func TestProbabilitiesRiseWithTheMargin(t *testing.T) {
	t.Parallel()
	kinds := []calibration.Calibration{
		{}, {Kind: calibration.None}, {Kind: calibration.Platt, A: 1.3, B: -0.4},
		{Kind: calibration.Isotonic, Points: []calibration.Point{{Margin: -1, Probability: 0.1}, {Margin: 0, Probability: 0.1}, {Margin: 2.5, Probability: 0.7}}},
	}
	for _, c := range kinds {
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			low := rapid.Float64Range(-50, 50).Draw(t, "low")
			high := rapid.Float64Range(low, 50).Draw(t, "high")
			p, q := c.Apply(low), c.Apply(high)
			if p < 0 || q > 1 || p > q {
				t.Fatalf("%s: %v at %v, %v at %v", c.Kind, p, low, q, high)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	isotonic := calibration.Calibration{Kind: calibration.Isotonic, Points: []calibration.Point{{-1, 0.1}, {1, 0.5}}}
	for margin, want := range map[float64]float64{-5: 0.1, -1: 0.1, 0: 0.3, 1: 0.5, 9: 0.5} {
		if got := isotonic.Apply(margin); math.Abs(got-want) > 1e-15 {
			t.Errorf("isotonic %v: %v, want %v", margin, got, want)
		}
	}
	platt := calibration.Calibration{Kind: calibration.Platt, A: 2, B: 1}
	if got, want := platt.Apply(-0.5), 0.5; got != want {
		t.Errorf("platt: %v, want %v", got, want)
	}
}

func TestWhatIsNoCalibrationIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]calibration.Calibration{
		"unknown kind":  {Kind: "beta"},
		"turned round":  {Kind: calibration.Platt, A: -1},
		"flat":          {Kind: calibration.Platt, B: 1},
		"not a number":  {Kind: calibration.Platt, A: math.NaN()},
		"no points":     {Kind: calibration.Isotonic},
		"falling":       {Kind: calibration.Isotonic, Points: []calibration.Point{{0, 0.5}, {1, 0.4}}},
		"not ascending": {Kind: calibration.Isotonic, Points: []calibration.Point{{0, 0.5}, {0, 0.6}}},
		"above one":     {Kind: calibration.Isotonic, Points: []calibration.Point{{0, 1.5}}},
		"mixed":         {Kind: calibration.Isotonic, A: 1, Points: []calibration.Point{{0, 0.5}}},
		"a without":     {A: 1},
	} {
		if err := c.Check(); !errors.Is(err, calibration.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
