package feature

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// halvedPlainly is what halved computes, by long division, one bit after the other: decisions were recorded with it.
func halvedPlainly(age, halfLife int64) float64 {
	if age < 0 {
		return 0
	}
	f, rest := 1.0, age%halfLife
	for i := range halves {
		if rest *= 2; rest >= halfLife {
			rest -= halfLife
			f *= halves[i][1]
		}
	}
	return math.Ldexp(f, -int(min(age/halfLife, 2000)))
}

func TestHalvedIsTheSameToTheBit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		halfLife := rapid.OneOf(rapid.Int64Range(1, 1<<62-1), rapid.Int64Range(1, 400*dayMS)).Draw(t, "half-life")
		age := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 400*dayMS))
		ages := [4]int64{age.Draw(t, "age"), age.Draw(t, "age"), age.Draw(t, "age"), age.Draw(t, "age")}
		for i, got := range halved(&ages, halfLife) {
			if want := halvedPlainly(ages[i], halfLife); math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("of %d with half-life %d: %v, want %v", ages[i], halfLife, got, want)
			}
		}
	})
	for age, want := range map[int64]float64{0: 1, 30 * dayMS: 0.5, 60 * dayMS: 0.25} {
		if got := halved(&[4]int64{age}, 30*dayMS); got[0] != want {
			t.Errorf("%v of a month's half-life after %d days, want %v", got[0], age/dayMS, want)
		}
	}
}
