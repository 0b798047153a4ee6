package train_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/decider/model/train"
	"github.com/profferhq/proffer/domain/stat"
)

// drawn are margins whose log-odds are in truth slope times them plus offset.
func drawn(n int, slope, offset float64, seed uint64) train.Judged {
	r := rand.New(rand.NewPCG(seed, 3))
	var j train.Judged
	for range n {
		m := r.NormFloat64() * 2
		j.Margins = append(j.Margins, m)
		j.Positive = append(j.Positive, r.Float64() < stat.Sigmoid(slope*m+offset))
	}
	return j
}

func scoredBy(c calibration.Calibration, j train.Judged) stat.Scored {
	s := stat.Scored{Y: j.Positive}
	for _, m := range j.Margins {
		s.P = append(s.P, c.Apply(m))
	}
	return s
}

func TestPlattFindsTheLine(t *testing.T) {
	t.Parallel()
	c, err := train.Platt(drawn(40_000, .6, -1.5, 1))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(c.A-.6) > .03 || math.Abs(c.B+1.5) > .05 {
		t.Errorf("A %.3f, B %.3f", c.A, c.B)
	}
}

func TestCalibrationsMakeProbabilities(t *testing.T) {
	t.Parallel()
	fit, judged := drawn(20_000, .4, -2, 2), drawn(20_000, .4, -2, 3)
	raw := scoredBy(calibration.Calibration{}, judged).ECE(stat.ECEBins)
	for name, f := range map[string]func(train.Judged) (calibration.Calibration, error){"platt": train.Platt, "isotonic": train.Isotonic} {
		c, err := f(fit)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if ece := scoredBy(c, judged).ECE(stat.ECEBins); ece > .01 || ece > raw/5 {
			t.Errorf("%s: ECE %.4f, %.4f before", name, ece, raw)
		}
	}
}

func TestMarginsThatSeparateAllGiveNoCertainty(t *testing.T) {
	t.Parallel()
	c, err := train.Platt(train.Judged{Margins: []float64{-2, -1, 1, 2}, Positive: []bool{false, false, true, true}})
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Apply(2); p < .6 || p > .9 {
		t.Errorf("four rows give %.4f", p)
	}
}

// Whatever the rows, what comes out is a calibration.
func TestFitsAreAlwaysValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "n")
		j := train.Judged{Margins: make([]float64, n), Positive: make([]bool, n), Weights: make([]float64, n)}
		for i := range n {
			j.Margins[i] = float64(rapid.IntRange(-5, 5).Draw(t, "margin")) * rapid.SampledFrom([]float64{.1, 1, 50}).Draw(t, "scale")
			j.Positive[i] = rapid.Bool().Draw(t, "positive")
			j.Weights[i] = float64(rapid.IntRange(1, 3).Draw(t, "weight"))
		}
		j.Positive[0], j.Positive[1] = true, false
		for _, f := range []func(train.Judged) (calibration.Calibration, error){train.Platt, train.Isotonic} {
			c, err := f(j)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			mean, rate, all := 0.0, 0.0, 0.0
			for i, m := range j.Margins {
				mean += j.Weights[i] * c.Apply(m)
				rate += j.Weights[i] * map[bool]float64{true: 1}[j.Positive[i]]
				all += j.Weights[i]
			}
			if c.Kind == calibration.Isotonic && math.Abs(mean-rate) > 1e-9*all {
				t.Fatalf("the mean is %v, the rate %v", mean/all, rate/all)
			}
		}
	})
}

func TestCalibrationsRefuse(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]train.Judged{
		"one class": {Margins: []float64{1, 2}, Positive: []bool{true, true}}, "nothing": {},
		"no number": {Margins: []float64{1, math.NaN()}, Positive: []bool{true, false}},
		"lengths":   {Margins: []float64{1, 2}, Positive: []bool{true}},
	} {
		for _, f := range []func(train.Judged) (calibration.Calibration, error){train.Platt, train.Isotonic} {
			if _, err := f(j); !errors.Is(err, train.ErrSet) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
