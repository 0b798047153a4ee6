package recommend

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const day = 86_400_000

// two are people who take items of their own half only: 0 to 9, or 10 to 19.
func two(people int) []Trail {
	r := rand.New(rand.NewPCG(1, 1))
	trails := make([]Trail, people)
	for p := range trails {
		for range 4 {
			trails[p].Add(uint32(p%2*10+r.IntN(10)), int64(r.IntN(100))*day, Purchased)
		}
	}
	return trails
}

func TestPeopleGetWhatTheirLikeTake(t *testing.T) {
	t.Parallel()
	trails := two(400)
	m := Learn(trails, 20, 100*day, Options{})
	for p, trail := range trails {
		for _, s := range m.Top(trail, Ask{N: 6, New: true}) {
			if int(s.Item/10) != p%2 {
				t.Fatalf("person %d of half %d gets item %d", p, p%2, s.Item)
			}
			if slices.ContainsFunc(trail.Entries, func(e Entry) bool { return e.Item == s.Item }) {
				t.Fatalf("person %d has item %d", p, s.Item)
			}
		}
	}
}

func TestListsAreWhole(t *testing.T) {
	t.Parallel()
	m := Learn(two(40), 20, 100*day, Options{})
	if got := m.Top(Trail{}, Ask{N: 5}); len(got) != 5 || got[0].Item != m.Popular()[0].Item || got[0].Score != 0 {
		t.Errorf("nothing is known of her: %v", got)
	}
	if got := m.Top(Trail{Entries: []Entry{{Item: 99, TimeMS: 1, Points: 1}}}, Ask{N: 50}); len(got) != 20 {
		t.Errorf("an item that nobody else touched: %d of 20", len(got))
	}
}

func TestWhatIsNearAndLateCountsMore(t *testing.T) {
	t.Parallel()
	var trails []Trail
	for range 20 {
		var together, apart Trail
		together.Add(0, 90*day, Viewed)
		together.Add(1, 90*day, Viewed)
		apart.Add(0, 90*day, Viewed)
		apart.Add(2, 10*day, Viewed)
		trails = append(trails, together, apart)
	}
	if s := Learn(trails, 3, 100*day, Options{}).similar[0]; s[0].Item != 1 || s[0].Score < 1.5*s[1].Score {
		t.Errorf("neighbours %v", s)
	}
}

func TestTrailsKeepTheLatest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var trail Trail
		points := map[uint32]uint32{}
		for range rapid.IntRange(0, 400).Draw(t, "n") {
			item := rapid.Uint32Range(0, 300).Draw(t, "item")
			trail.Add(item, rapid.Int64Range(0, 50).Draw(t, "time"), Carted)
			points[item] += 3
		}
		if len(trail.Entries) > TrailItems || len(points) <= TrailItems && len(trail.Entries) != len(points) {
			t.Fatalf("%d entries of %d items", len(trail.Entries), len(points))
		}
		for i, e := range trail.Entries {
			if i > 0 && e.TimeMS < trail.Entries[i-1].TimeMS {
				t.Fatal("not in the order of time")
			}
			if e.Points > points[e.Item] || len(points) <= TrailItems && e.Points != points[e.Item] {
				t.Fatal("points do not add up")
			}
		}
	})
}

func TestScoresAreCosinesAndTheSameAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		trails := make([]Trail, rapid.IntRange(0, 30).Draw(t, "people"))
		for p := range trails {
			for range r.IntN(12) {
				at := int64(r.IntN(400)) * day
				if r.IntN(20) == 0 {
					at = []int64{math.MinInt64, math.MaxInt64, 0}[r.IntN(3)]
				}
				trails[p].Add(uint32(r.IntN(15)), at, Kind(r.IntN(3)))
			}
		}
		o := Options{Neighbours: 1 + r.IntN(8)}
		m := Learn(trails, 15, 400*day, o)
		if !reflect.DeepEqual(m, Learn(trails, 15, 400*day, o)) {
			t.Fatal("another model from the same trails")
		}
		for item := range m.similar {
			list := m.similar[item]
			if len(list) > o.Neighbours {
				t.Fatal("too many neighbours")
			}
			for i, s := range list {
				if !(s.Score > 0 && s.Score <= 1+1e-9) || s.Item == uint32(item) || i > 0 && s.Score > list[i-1].Score {
					t.Fatalf("item %d: %v", item, list)
				}
			}
		}
		for _, trail := range trails {
			top := m.Top(trail, Ask{N: 5, New: true})
			if !reflect.DeepEqual(top, m.Top(trail, Ask{N: 5, New: true})) {
				t.Fatal("another list for the same trail")
			}
			for i, s := range top {
				for _, e := range trail.Entries {
					if e.Item == s.Item && e.Bought {
						t.Fatal("she has bought it")
					}
				}
				if slices.ContainsFunc(top[:i], func(o Scored) bool { return o.Item == s.Item }) {
					t.Fatal("twice in a list")
				}
			}
		}
	})
}

// A list of n answers what is asked for up to n items, in both ways.
func TestListsAnswerWithAndWithoutWhatWasBought(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		trails := make([]Trail, 1+r.IntN(30))
		for p := range trails {
			for range r.IntN(20) {
				trails[p].Add(uint32(r.IntN(25)), int64(r.IntN(400))*day, Kind(r.IntN(3)))
			}
		}
		m := Learn(trails, 20, 400*day, Options{Neighbours: 3}) // of later items no likeness is known
		n := 1 + r.IntN(12)
		for _, trail := range trails {
			list := m.List(trail, n)
			if len(list) > 2*n {
				t.Fatalf("%d items for %d", len(list), n)
			}
			for k := range n + 1 {
				var whole, fresh []Scored
				for _, l := range list {
					if len(whole) < k {
						whole = append(whole, l.Scored)
					}
					if !l.Bought && len(fresh) < k {
						fresh = append(fresh, l.Scored)
					}
				}
				if want := m.Top(trail, Ask{N: k}); !slices.Equal(whole, want) {
					t.Fatalf("%d of %d: %v, want %v", k, n, whole, want)
				}
				if want := m.Top(trail, Ask{N: k, New: true}); !slices.Equal(fresh, want) {
					t.Fatalf("%d new of %d: %v, want %v", k, n, fresh, want)
				}
			}
		}
	})
}

func TestTrailsMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var whole Trail
		parts := make([]Trail, 3)
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			item, at, kind := rapid.Uint32Range(0, 20).Draw(t, "item"), rapid.Int64Range(0, 9).Draw(t, "time"), Kind(rapid.IntRange(0, 2).Draw(t, "kind"))
			whole.Add(item, at, kind)
			parts[rapid.IntRange(0, 2).Draw(t, "part")].Add(item, at, kind)
		}
		if got := Merge(parts...); len(got.Entries)+len(whole.Entries) > 0 && !reflect.DeepEqual(got, whole) {
			t.Fatalf("got %v, want %v", got, whole)
		}
	})
}

func TestFiguresAreMeans(t *testing.T) {
	t.Parallel()
	var f Figures
	f.Judge([]Scored{{Item: 1}, {Item: 2}}, []uint32{2, 3, 4, 5})
	f.Judge([]Scored{{Item: 1}, {Item: 2}}, []uint32{9})
	f.Judge([]Scored{{Item: 1}}, nil)
	if want := (Figures{People: 2, HitRate: .5, Recall: .125, MRR: .25}); math.Abs(f.Recall-want.Recall) > 1e-12 || f.People != 2 || f.HitRate != .5 || f.MRR != .25 {
		t.Errorf("got %+v, want %+v", f, want)
	}
}
