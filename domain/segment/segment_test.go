package segment

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/problem"
)

// blobs are n rows around each of the centres.
func blobs(seed uint64, n int, spread float64, centres ...[]float64) Rows {
	r := rand.New(rand.NewPCG(seed, 0))
	out := Rows{Columns: len(centres[0])}
	for range n {
		for _, c := range centres {
			for _, v := range c {
				out.Values = append(out.Values, v+r.NormFloat64()*spread)
			}
		}
	}
	return out
}

func corners() [][]float64 { return [][]float64{{0, 0, 0}, {9, 0, 0}, {0, 9, 0}, {0, 0, 9}, {9, 9, 9}} }

func TestGroupsAreFoundAndTheirNumberToo(t *testing.T) {
	t.Parallel()
	rows := blobs(1, 300, 1, corners()...)
	c, tried, err := Choose(rows, 2, 9, Options{Seed: 1})
	if err != nil || len(c.Centres) != 5 || len(tried) != 8 {
		t.Fatalf("%d groups of %+v: %v", len(c.Centres), tried, err)
	}
	for i, at := range c.Assignment {
		if at != c.Assignment[i%5] {
			t.Fatalf("row %d is in group %d, its like in %d", i, at, c.Assignment[i%5])
		}
	}
	if s := Silhouette(rows, c, 1); s < .7 {
		t.Errorf("silhouette %g", s)
	}
	if c.Inertia < 1500*2.5 || c.Inertia > 1500*3.5 {
		t.Errorf("inertia %g of 1500 rows in three columns of variance 1", c.Inertia)
	}
}

func TestManyRowsAreGroupedInBatchesAsWell(t *testing.T) {
	t.Parallel()
	rows := blobs(2, 12_000, 1, corners()...)
	c, err := KMeans(rows, 5, Options{Seed: 4, Whole: 2_000})
	if err != nil {
		t.Fatal(err)
	}
	if per := c.Inertia / float64(rows.Len()); per > 3.05 {
		t.Errorf("inertia %g a row, 3 is the ideal", per)
	}
	if slices.Max(c.Sizes) > 12_100 {
		t.Errorf("sizes %v", c.Sizes)
	}
}

func TestTheSeedDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := blobs(rapid.Uint64().Draw(t, "data"), rapid.IntRange(3, 40).Draw(t, "n"), 2, corners()[:3]...)
		k, seed := rapid.IntRange(1, 8).Draw(t, "k"), rapid.Uint64().Draw(t, "seed")
		one, err := KMeans(rows, k, Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		two, err := KMeans(rows, k, Options{Seed: seed})
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Fatal("the same seed gives other groups")
		}
		sum, inertia := 0, 0.0
		for i, n := range one.Sizes {
			sum += n
			if i > 0 && n > one.Sizes[i-1] {
				t.Fatal("the largest group is not first")
			}
		}
		for i, at := range one.Assignment {
			near, d := Nearest(rows.Row(i), one.Centres)
			if distance(rows.Row(i), one.Centres[at]) > d {
				t.Fatalf("row %d is in %d and nearer to %d", i, at, near)
			}
			inertia += d
		}
		if sum != rows.Len() || math.Abs(inertia-one.Inertia) > 1e-9*inertia {
			t.Fatal("sizes or inertia do not add up")
		}
	})
}

func TestRowsThatCannotBeGroupedAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows Rows
		k    int
		want error
	}{
		"none":     {Rows{Columns: 2}, 1, ErrRows},
		"few":      {Rows{1, []float64{1, 2}}, 3, ErrRows},
		"missing":  {Rows{1, []float64{1, math.NaN()}}, 1, ErrRows},
		"infinite": {Rows{1, []float64{1, math.Inf(1)}}, 1, ErrRows},
		"uneven":   {Rows{2, []float64{1, 2, 3}}, 1, ErrRows},
		"groups":   {Rows{1, []float64{1, 2}}, 0, ErrOptions},
	} {
		if _, err := KMeans(c.rows, c.k, Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Choose(Rows{1, []float64{1, 2, 3}}, 1, 2, Options{}); !errors.Is(err, ErrOptions) {
		t.Errorf("one group cannot be compared: %v", err)
	}
	if c, err := KMeans(Rows{1, make([]float64, 50)}, 3, Options{}); err != nil || c.Inertia != 0 {
		t.Errorf("equal rows: %+v %v", c, err)
	}
}

func TestScalingMakesColumnsEqual(t *testing.T) {
	t.Parallel()
	rows := Rows{3, []float64{1, 1000, 7, 3, 3000, 7, math.NaN(), 2000, 7}}
	s, err := ScaleOf(rows)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Rows(rows)
	want := []float64{-1, -math.Sqrt(1.5), 0, 1, math.Sqrt(1.5), 0, 0, 0, 0}
	for i := range want {
		if math.Abs(got.Values[i]-want[i]) > 1e-12 {
			t.Fatalf("got %v, want %v", got.Values, want)
		}
	}
	if back := s.Back(got.Row(1)); math.Abs(back[1]-3000) > 1e-9 {
		t.Errorf("back: %v", back)
	}
}

func TestNamesFollowTheCentres(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		n := rapid.IntRange(1, 12).Draw(t, "n")
		var old [][]float64
		for i := range n {
			old = append(old, []float64{float64(10 * i), float64(i % 3)})
		}
		order := r.Perm(n)
		var renewed [][]float64
		for _, i := range order {
			renewed = append(renewed, []float64{old[i][0] + r.Float64()*2, old[i][1] - r.Float64()*2})
		}
		if diff := cmp.Diff(order, Match(old, renewed)); diff != "" {
			t.Fatal(diff)
		}
	})
	if diff := cmp.Diff([]int{1, -1, 0}, Match([][]float64{{0}, {10}}, [][]float64{{9}, {50}, {1}})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1}, Match([][]float64{{0}, {10}}, [][]float64{{9}})); diff != "" {
		t.Error(diff)
	}
}

// cheapest tries every pairing.
func cheapest(cost [][]float64, row int, used int) float64 {
	if row == len(cost) {
		return 0
	}
	best := math.Inf(1)
	for j := range cost {
		if used&(1<<j) == 0 {
			best = min(best, cost[row][j]+cheapest(cost, row+1, used|1<<j))
		}
	}
	return best
}

func TestPairsCostLeast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		cost := make([][]float64, n)
		for i := range cost {
			cost[i] = rapid.SliceOfN(rapid.Float64Range(0, 10), n, n).Draw(t, "cost")
		}
		sum := 0.0
		for i, j := range pairs(cost) {
			sum += cost[i][j]
		}
		if want := cheapest(cost, 0, 0); math.Abs(sum-want) > 1e-9 {
			t.Fatalf("got %g, want %g", sum, want)
		}
	})
}

func TestScoresAreFifthsAndTiesStayTogether(t *testing.T) {
	t.Parallel()
	var people []Bought
	for i := range 100 {
		people = append(people, Bought{Days: float64(i), Purchases: float64(max(1, i-60)), Money: float64(i)})
	}
	cuts, err := CutsOf(people)
	if err != nil {
		t.Fatal(err)
	}
	var r, f [6]int
	for _, p := range people {
		s := cuts.Score(p)
		r[s.Recency]++
		f[s.Frequency]++
	}
	if diff := cmp.Diff([6]int{0, 20, 20, 20, 20, 20}, r); diff != "" {
		t.Error(diff)
	}
	// Sixty-two bought once: they have one score, whatever the fifths say.
	if diff := cmp.Diff([6]int{0, 62, 0, 0, 18, 20}, f); diff != "" {
		t.Error(diff)
	}
	if best := cuts.Score(Bought{0, 39, 99}); best.Name() != "champions" || best.Money != 5 {
		t.Errorf("best %+v", best)
	}
	if gone := cuts.Score(Bought{99, 39, 99}); gone.Name() != "cannot lose" {
		t.Errorf("gone %+v %s", gone, gone.Name())
	}
	if _, err := CutsOf(nil); !errors.Is(err, ErrRows) {
		t.Error(err)
	}
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			if !slices.Contains(Names(), (Scores{r, f, 1}).Name()) {
				t.Errorf("%d %d has no name", r, f)
			}
		}
	}
}

func TestDefinitionsSayWhoBelongs(t *testing.T) {
	t.Parallel()
	features := []string{"spend", "orders", "days"}
	nan := math.NaN()
	for name, c := range map[string]struct {
		definition string
		vector     []float64
		want       []string
	}{
		"rules":             {`{"id":"tags","view":"v@1","rules":[{"segment":"rich","when":"features.spend > 100"},{"segment":"loyal","when":"features.orders >= 3 && features.spend > 1"}]}`, []float64{200, 5, 1}, []string{"loyal", "rich"}},
		"missing":           {`{"id":"tags","view":"v@1","rules":[{"segment":"rich","when":"features.spend > 100"},{"segment":"new","when":"!has(features.orders)"}]}`, []float64{nan, nan, 1}, []string{"new"}},
		"short vector":      {`{"id":"tags","view":"v@1","rules":[{"segment":"late","when":"features.days > 1"}]}`, []float64{2}, nil},
		"centres":           {`{"id":"like","view":"v@1","centres":{"features":["days","spend"],"scale":{"mean":[10,100],"deviation":[5,50]},"names":["a","b"],"points":[[-1,-1],[1,1]]}}`, []float64{150, nan, 16}, []string{"b"}},
		"centres, half":     {`{"id":"like","view":"v@1","centres":{"features":["days","spend"],"scale":{"mean":[10,100],"deviation":[5,50]},"names":["a","b"],"points":[[-1,-1],[1,1]]}}`, []float64{nan, nan, 3}, []string{"a"}},
		"centres, nothing":  {`{"id":"like","view":"v@1","centres":{"features":["days"],"scale":{"mean":[10],"deviation":[5]},"names":["a"],"points":[[0]]}}`, []float64{1, 2, nan}, nil},
		"centres of logs":   {`{"id":"like","view":"v@1","centres":{"features":["days","spend"],"log":[false,true],"scale":{"mean":[0,3],"deviation":[1,1]},"names":["a","b"],"points":[[0,-1],[0,1]]}}`, []float64{60, nan, nan}, []string{"b"}},
		"rfm":               {`{"id":"r","view":"v@1","rfm":{"days":"days","purchases":"orders","money":"spend","cuts":{"days":[1,2,3,4],"purchases":[1,2,3,4],"money":[1,2,3,4]}}}`, []float64{9, 9, 1}, []string{"champions"}},
		"rfm, never bought": {`{"id":"r","view":"v@1","rfm":{"days":"days","purchases":"orders","money":"spend","cuts":{"days":[1,2,3,4],"purchases":[1,2,3,4],"money":[1,2,3,4]}}}`, []float64{0, 0, nan}, nil},
	} {
		d, err := Parse([]byte(c.definition))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compiled, err := Compile(d, features)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, compiled.Of(c.vector)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, s := range c.want {
			if !slices.Contains(d.Segments(), s) {
				t.Errorf("%s: %s is not among %v", name, s, d.Segments())
			}
		}
	}
}

func TestFaultsOfADefinitionAreNamed(t *testing.T) {
	t.Parallel()
	for want, document := range map[string]string{
		"id: ":                       `{"id":"A B","view":"v@1","rules":[{"segment":"a","when":"true"}]}`,
		"one of rules":               `{"id":"a","view":"v@1"}`,
		"rules[0].when: ":            `{"id":"a","view":"v@1","rules":[{"segment":"a","when":"features.spent > 1"}]}`,
		`did you mean "spend"`:       `{"id":"a","view":"v@1","rules":[{"segment":"a","when":"features.spent > 1"}]}`,
		"rules[1].segment":           `{"id":"a","view":"v@1","rules":[{"segment":"a","when":"true"},{"segment":"a","when":"true"}]}`,
		"must give true or false":    `{"id":"a","view":"v@1","rules":[{"segment":"a","when":"features.spend"}]}`,
		"centres.features[0]":        `{"id":"a","view":"v@1","centres":{"features":["x"],"scale":{"mean":[0],"deviation":[1]},"names":["a"],"points":[[0]]}}`,
		"centres.scale.deviation[0]": `{"id":"a","view":"v@1","centres":{"features":["spend"],"scale":{"mean":[0],"deviation":[0]},"names":["a"],"points":[[0]]}}`,
		"centres.points[0]":          `{"id":"a","view":"v@1","centres":{"features":["spend"],"scale":{"mean":[0],"deviation":[1]},"names":["a"],"points":[[0,1]]}}`,
		"centres.points: 1 points":   `{"id":"a","view":"v@1","centres":{"features":["spend"],"scale":{"mean":[0],"deviation":[1]},"names":["a","b"],"points":[[0]]}}`,
		"rfm.cuts.money":             `{"id":"a","view":"v@1","rfm":{"days":"days","purchases":"orders","money":"spend","cuts":{"days":[1,2,3,4],"purchases":[1,2,3,4],"money":[4,2,3,4]}}}`,
	} {
		d, err := Parse([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(d, []string{"spend", "orders", "days"})
		if list := (problem.List)(nil); !errors.As(err, &list) || !strings.Contains(err.Error(), want) {
			t.Errorf("wanted %q: %v", want, err)
		}
	}
	for _, document := range []string{"", "{", `{"id":"a"} {}`, `{"id":"a","other":1}`, strings.Repeat(" ", MaxDefinition+1)} {
		if _, err := Parse([]byte(document)); !errors.Is(err, ErrDefinition) {
			t.Errorf("%.20q: %v", document, err)
		}
	}
}

func FuzzDefinition(f *testing.F) {
	f.Add([]byte(`{"id":"a","view":"v@1","rules":[{"segment":"a","when":"features.spend > 1"}]}`))
	f.Add([]byte(`{"id":"a","view":"v@1","centres":{"features":["spend"],"scale":{"mean":[0],"deviation":[1]},"names":["a"],"points":[[0]]}}`))
	f.Add([]byte(`{"id":"a","view":"v@1","rfm":{"days":"days","purchases":"orders","money":"spend","cuts":{"days":[1,2,3,4],"purchases":[1,2,3,4],"money":[1,2,3,4]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil {
			return
		}
		c, err := Compile(d, []string{"spend", "orders", "days"})
		if err != nil {
			return
		}
		for _, s := range c.Of([]float64{1, 2, math.NaN()}) {
			if !slices.Contains(d.Segments(), s) {
				t.Fatalf("%q is not declared", s)
			}
		}
		one, err := d.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(one)
		if err != nil {
			t.Fatal(err)
		}
		if two, err := again.Canonical(); err != nil || string(one) != string(two) {
			t.Fatal("the canonical form is not")
		}
	})
}

func BenchmarkKMeans(b *testing.B) {
	rows := blobs(3, 4_000, 1, corners()...)
	for b.Loop() {
		if _, err := KMeans(rows, 8, Options{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
