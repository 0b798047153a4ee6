package feature_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// moments draws times of reading, ascending: some that follow at once, some at which an event enters or leaves a window of
// the view, or a tile does, to the millisecond.
func moments(t *rapid.T, v feature.View, times []int64) []int64 {
	var widths []int64
	for _, s := range v.Specs() {
		if w, err := s.WindowMS(); err == nil && !slices.Contains(widths, w) {
			widths = append(widths, w)
		}
	}
	out := []int64{noon - rapid.SampledFrom([]int64{0, 0, hour, 3 * day, 90 * day}).Draw(t, "back")}
	for range rapid.IntRange(1, 12).Draw(t, "reads") {
		last := out[len(out)-1]
		next := last + rapid.SampledFrom([]int64{0, 1, second, minute, hour, day, 30 * day}).Draw(t, "later")
		if len(times) > 0 && rapid.Bool().Draw(t, "at an edge") {
			edge := rapid.SampledFrom(times).Draw(t, "event") + rapid.SampledFrom(widths).Draw(t, "width")
			hop := rapid.SampledFrom([]int64{1, 5 * minute, hour, day}).Draw(t, "hop")
			edge += rapid.Int64Range(-1, 1).Draw(t, "beside")
			if edge -= edge % hop; edge >= last {
				next = edge
			}
		}
		out = append(out, next)
	}
	return out
}

// What was prepared reads what the activity does, to the bit, for as long as it says that it holds: never too long.
func TestPreparedReadsTheSame(t *testing.T) {
	t.Parallel()
	views := []feature.View{everything(t), feature.Core2(), feature.Retail()}
	layout := feature.LayoutOf(views...)
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		a := fold(layout.Empty(), all)
		var times []int64
		for _, r := range all {
			times = append(times, r.Event.OccurredMs)
		}
		v := views[rapid.IntRange(0, len(views)-1).Draw(t, "view")]
		var p *feature.Prepared
		for _, now := range moments(t, v, times) {
			m := feature.Moment{NowMS: now, Placement: "home", Context: []*event.ContextValue{
				{Name: "cart_value", Value: &event.ContextValue_Number{Number: float64(now % 1000)}},
			}}
			if p == nil {
				p = v.Prepare(a, now)
			}
			got, holds := p.ReadAt(m, nil)
			if !holds {
				p = v.Prepare(a, now)
				if got, holds = p.ReadAt(m, nil); !holds {
					t.Fatalf("what was just prepared at %d does not hold", now)
				}
			}
			sameVector(t, v, got, v.ReadAt(a, m, nil))
		}
	})
}

// The time for which it holds ends exactly when something changes for these.
func TestPreparedHoldsUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	count := feature.Spec{Name: "views_1h", Source: []string{"viewed"}, Aggregation: feature.Count, Window: "1h"}
	streak := feature.Spec{Name: "days", Source: []string{"viewed"}, Aggregation: feature.Streak, Window: "30d"}
	since := feature.Spec{Name: "since", Source: []string{"viewed"}, Aggregation: feature.DaysSinceLast, Window: feature.Lifetime}
	carts := feature.Spec{Name: "carts_1h", Source: []string{"carted"}, Aggregation: feature.Count, Window: "1h"}
	cart := feature.Spec{Name: "cart", Source: []string{"carted"}, Aggregation: feature.DaysSinceLast, Window: feature.Lifetime}
	refused := feature.Spec{Name: "refused", Source: []string{"withheld"}, Aggregation: feature.DaysSinceFirst, Window: feature.Lifetime}
	// crowd has so many events at a time that those before are in tiles.
	crowd := func(ms int64, before ...domain.Recorded) feature.Activity {
		f := feature.NewFolder(mustFold(t, before...))
		for i := range feature.MaxEntries {
			f.Fold(at(uint64(10+i), ms, viewed("listed")))
		}
		return f.Activity()
	}
	one := func(ms int64) feature.Activity { return mustFold(t, at(1, ms, viewed("a"))) }
	for _, c := range []struct {
		name  string
		of    feature.Spec
		a     feature.Activity
		until int64
	}{
		{"an event leaves", count, one(noon - hour + 7), noon + 7},
		{"an event enters", count, one(noon + 7), noon + 7},
		{"a tile leaves", count, crowd(noon, at(1, noon-30*minute, viewed("a"))), noon + 35*minute - 1},
		{"a tile enters", carts, crowd(noon+day, at(1, noon-day, carted("a", 1)), at(2, noon+12*minute, carted("a", 1))), noon + 10*minute},
		{"a latest event comes", cart, crowd(noon+day, at(1, noon-day, carted("a", 1)), at(2, noon+7, carted("a", 1))), noon + 7},
		{"a first event comes", refused, mustFold(t, at(1, noon+7, offered("web", "", "")), at(2, noon+day, offered("web", "", ""))), noon + 7},
		{"a day begins", streak, one(noon - 30*day + 20*hour), noon + 12*hour},
		{"days pass", since, one(noon - day), math.MaxInt64},
		{"nothing", count, feature.Activity{}, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := viewOf(t, nil, c.of).Prepare(c.a, noon)
			for now, want := range map[int64]bool{noon - 1: false, noon: true, c.until - 1: true, c.until: false} {
				if _, holds := p.ReadAt(feature.Moment{NowMS: now}, nil); holds != want {
					t.Errorf("it holds %+d ms later: %v, want %v", now-noon, holds, want)
				}
			}
		})
	}
}

func TestPreparedOfNoView(t *testing.T) {
	t.Parallel()
	p := feature.View{}.Prepare(feature.Activity{}, noon)
	if got, holds := p.ReadAt(feature.Moment{NowMS: noon}, []float64{7}); !holds || len(got) != 1 {
		t.Errorf("%v, %v; want what was there", got, holds)
	}
}

func TestPreparedAllocatesNothing(t *testing.T) {
	v := feature.Core()
	s := source(3)
	p := v.Prepare(fold(feature.Activity{}, history(&s, 200, 90*day)), noon)
	dst := make([]float64, 0, v.Len())
	if n := testing.AllocsPerRun(100, func() { dst, _ = p.ReadAt(feature.Moment{NowMS: noon}, dst[:0]) }); n != 0 {
		t.Errorf("%v allocations a read, want none", n)
	}
}
