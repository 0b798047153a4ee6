package match

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// fittedPeople is a model fitted on planted people with every kind of term: frequencies, homes and dependences.
func fittedPeople(t testing.TB) (*Matcher, []Prepared, *Frequencies) {
	t.Helper()
	proposal := Model{Name: "people", Fields: planted().Fields}
	if err := ProposeFor(&proposal); err != nil {
		t.Fatal(err)
	}
	_, p := prepared(t, proposal, plant(600, 8, [4]float64{.9, .8, .8, .9}))
	fitted, _, err := Fit(proposal, p, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMatcher(fitted)
	if err != nil {
		t.Fatal(err)
	}
	f := m.NewFrequencies()
	for _, x := range p {
		f.Add(x)
	}
	return m, p, f
}

func TestTheWaterfallSumsToTheWeight(t *testing.T) {
	t.Parallel()
	m, p, f := fittedPeople(t)
	if m.Model().Household == 0 {
		t.Fatal("the model has no homes: the test does not see their term")
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := &p[rapid.IntRange(0, len(p)-1).Draw(t, "a")], &p[rapid.IntRange(0, len(p)-1).Draw(t, "b")]
		x := m.Compare(a, b, f)
		sum := x.PriorBits
		for _, term := range x.Terms {
			sum += term.Bits + term.FrequencyBits
		}
		if math.Abs(sum-x.WeightBits) > 1e-12 {
			t.Fatalf("%v is not the weight %v", sum, x.WeightBits)
		}
		if w := m.Weight(a, b, f); w != x.WeightBits {
			t.Fatalf("Weight says %v, Compare %v", w, x.WeightBits)
		}
		odds := math.Exp2(x.WeightBits)
		if math.Abs(x.Posterior-odds/(1+odds)) > 1e-12 {
			t.Fatalf("%v is not the posterior of %v", x.Posterior, x.WeightBits)
		}
		if y := m.Compare(b, a, f); math.Abs(y.WeightBits-x.WeightBits) > 1e-12 {
			t.Fatalf("the order matters: %v and %v", x.WeightBits, y.WeightBits)
		}
		e := x.Event("people", 3)
		if len(e.GetTerms()) != len(x.Terms) || e.GetWeightBits() != x.WeightBits || e.GetModelVersion() != 3 {
			t.Fatal("the event tells something else")
		}
	})
}

func TestAMissingValueAddsNothing(t *testing.T) {
	t.Parallel()
	m, _, f := fittedPeople(t)
	nothing := m.Prepare(Record{}, Plain{})
	x := m.Compare(&nothing, &nothing, f)
	for _, term := range x.Terms {
		if term.Comparison != HouseholdTerm && (term.Level != Missing || term.Bits != 0 || term.FrequencyBits != 0) {
			t.Errorf("%+v", term)
		}
	}
	if x.Posterior > .01 {
		t.Errorf("two empty records are one person with %v", x.Posterior)
	}
}

func TestARareValueSaysMore(t *testing.T) {
	t.Parallel()
	r := newRarity(Model{Prior: .0001, Records: 1000}, Level{M: .9, U: .01})
	if rare, common := r.bits(2, 1000), r.bits(200, 1000); !(rare > 1 && common < -2) {
		t.Errorf("rare %v, common %v", rare, common)
	}
}

func TestWeighingAllocatesNothing(t *testing.T) {
	m, p, f := fittedPeople(t)
	if n := testing.AllocsPerRun(100, func() { m.Weight(&p[0], &p[1], f) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkWeight(b *testing.B) {
	m, p, f := fittedPeople(b)
	for i := 0; b.Loop(); i++ {
		m.Weight(&p[i%len(p)], &p[i*7%len(p)], f)
	}
}
