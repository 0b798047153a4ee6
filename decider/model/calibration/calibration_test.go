package calibration_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model/calibration"
)

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
