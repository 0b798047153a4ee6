package stat_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/stat"
)

func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Five rows by hand: pairs (positive, negative) are 3*2; .8>.4, .8>.6, .4=.4 (half), .4<.6, .9 beats both: 4.5/6.
func five() stat.Scored {
	return stat.Scored{P: []float64{.8, .4, .4, .6, .9}, Y: []bool{true, true, false, false, true}}
}

func TestFiguresByHand(t *testing.T) {
	t.Parallel()
	s := five()
	near(t, "AUC", s.AUC(), 4.5/6)
	near(t, "accuracy", s.Accuracy(.5), 3./5)
	near(t, "Brier", s.Brier(), (.04+.36+.16+.36+.01)/5)
	near(t, "log loss", s.LogLoss(), -(math.Log(.8)+math.Log(.4)+math.Log(.6)+math.Log(.4)+math.Log(.9))/5)
	near(t, "base rate", s.BaseRate(), .6)
	// Bins of a tenth: .4 twice (rate .5), .6 (0), .8 (1), .9 (1).
	near(t, "ECE", s.ECE(10), (2*.1+.6+.2+.1)/5)
	near(t, "ECE of one bin", s.ECE(1), .62-.6)
}

func TestWhatIsNotDefinedIsNotANumber(t *testing.T) {
	t.Parallel()
	one := stat.Scored{P: []float64{.1, .2}, Y: []bool{true, true}}
	for name, v := range map[string]float64{
		"AUC of one class": one.AUC(), "AUC of nothing": stat.Scored{}.AUC(), "loss of nothing": stat.Scored{}.LogLoss(),
		"ECE of nothing": stat.Scored{}.ECE(10), "PSI of nothing": stat.PSI([]float64{0, 0}, []float64{1, 1}),
		"PSI of other bins": stat.PSI([]float64{1}, []float64{1, 1}),
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s is %v", name, v)
		}
	}
	if one.Lift(0) != nil || (stat.Scored{}).Lift(10) != nil {
		t.Error("a lift of nothing")
	}
}

func scored(t *rapid.T) stat.Scored {
	n := rapid.IntRange(2, 60).Draw(t, "n")
	s := stat.Scored{P: make([]float64, n), Y: make([]bool, n), W: make([]float64, n)}
	for i := range n {
		s.P[i] = float64(rapid.IntRange(0, 20).Draw(t, "p")) / 20 // many ties
		s.Y[i] = rapid.Bool().Draw(t, "y")
		s.W[i] = float64(rapid.IntRange(1, 4).Draw(t, "w"))
	}
	s.Y[0], s.Y[1] = true, false
	return s
}

func TestAUCIsTheShareOfPairsInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := scored(t)
		won, all := 0.0, 0.0
		for i := range s.P {
			for j := range s.P {
				if !s.Y[i] || s.Y[j] {
					continue
				}
				w := s.W[i] * s.W[j]
				all += w
				if s.P[i] > s.P[j] {
					won += w
				} else if s.P[i] == s.P[j] {
					won += w / 2
				}
			}
		}
		if got := s.AUC(); math.Abs(got-won/all) > 1e-12 {
			t.Fatalf("got %v, want %v", got, won/all)
		}
	})
}

// A whole weight is the same as that many rows, whatever the order.
func TestWeightsAreRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := scored(t)
		var rows stat.Scored
		for i := len(s.P) - 1; i >= 0; i-- {
			for range int(s.W[i]) {
				rows.P, rows.Y = append(rows.P, s.P[i]), append(rows.Y, s.Y[i])
			}
		}
		for name, f := range map[string]func(stat.Scored) float64{
			"AUC": stat.Scored.AUC, "log loss": stat.Scored.LogLoss, "Brier": stat.Scored.Brier, "base rate": stat.Scored.BaseRate,
			"accuracy": func(s stat.Scored) float64 { return s.Accuracy(.5) }, "ECE": func(s stat.Scored) float64 { return s.ECE(10) },
			"lift": func(s stat.Scored) float64 { return s.Lift(10)[2].Lift },
		} {
			if a, b := f(s), f(rows); math.Abs(a-b) > 1e-9 {
				t.Fatalf("%s: %v weighted, %v as rows", name, a, b)
			}
		}
	})
}

func TestLiftSharesOutTies(t *testing.T) {
	t.Parallel()
	same := stat.Scored{P: []float64{.5, .5, .5, .5}, Y: []bool{true, false, false, true}}
	for i, l := range same.Lift(4) {
		near(t, "lift of rows that are all alike", l.Lift, 1)
		near(t, "captured", l.Captured, float64(i+1)/4)
	}
	best := stat.Scored{P: []float64{.9, .8, .2, .1}, Y: []bool{true, true, false, false}}
	l := best.Lift(2)
	near(t, "lift of the better half", l[0].Lift, 2)
	near(t, "captured by it", l[0].Captured, 1)
	near(t, "its mean score", l[0].MeanScore, .85)
	near(t, "lift of the other", l[1].Lift, 0)
}

func TestLiftAveragesToOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := scored(t)
		parts := rapid.IntRange(1, 12).Draw(t, "parts")
		sum := 0.0
		for _, l := range s.Lift(parts) {
			sum += l.Lift
		}
		if math.Abs(sum/float64(parts)-1) > 1e-9 {
			t.Fatalf("mean lift %v", sum/float64(parts))
		}
	})
}
