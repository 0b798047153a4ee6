package match

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestJaroWinklerGivesThePublishedVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"MARTHA", "MARHTA", .961111}, {"DWAYNE", "DUANE", .84}, {"DIXON", "DICKSONX", .813333},
		{"JELLYFISH", "SMELLYFISH", .896296}, {"michaela", "michela", .946429}, {"王小明", "王晓明", .8},
		{"", "", 0}, {"a", "", 0}, {"same", "same", 1},
	} {
		if got := JaroWinkler([]rune(c.a), []rune(c.b)); math.Abs(got-c.want) > 5e-7 {
			t.Errorf("%s and %s: %.6f, want %.6f", c.a, c.b, got, c.want)
		}
	}
}

func word() *rapid.Generator[[]rune] {
	return rapid.SliceOfN(rapid.SampledFrom([]rune("abcé王")), 0, 70)
}

func TestJaroWinklerIsSymmetricAndBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := word().Draw(t, "a"), word().Draw(t, "b")
		s := JaroWinkler(a, b)
		if s < 0 || s > 1+1e-12 {
			t.Fatalf("%v is out of bounds", s)
		}
		if s != JaroWinkler(b, a) {
			t.Fatal("not symmetric")
		}
		if len(a) > 0 && math.Abs(JaroWinkler(a, a)-1) > 1e-12 {
			t.Fatal("a value is not like itself")
		}
	})
}

// plainDistance is the whole table of the restricted distance.
func plainDistance(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestDamerauLevenshteinEqualsTheWholeTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]rune("abc")), 0, 12)
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		most := rapid.IntRange(0, maxEdits).Draw(t, "most")
		if got, want := DamerauLevenshtein(a, b, most), min(plainDistance(a, b), most+1); got != want {
			t.Fatalf("%s and %s within %d: %d, want %d", string(a), string(b), most, got, want)
		}
		if DamerauLevenshtein(a, b, most) != DamerauLevenshtein(b, a, most) {
			t.Fatal("not symmetric")
		}
	})
}

func TestSimilaritiesAllocateNothing(t *testing.T) {
	a, b := []rune("christopher"), []rune("kristofer")
	if n := testing.AllocsPerRun(100, func() { JaroWinkler(a, b); DamerauLevenshtein(a, b, 3) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
