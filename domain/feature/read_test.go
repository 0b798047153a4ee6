package feature_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// sameVector fails unless both vectors have the same bits.
func sameVector(t interface {
	Helper()
	Fatalf(string, ...any)
}, v feature.View, got, want []float64) {
	t.Helper()
	if len(got) != v.Len() || len(want) != v.Len() {
		t.Fatalf("%d and %d values for %d features", len(got), len(want), v.Len())
	}
	for i, s := range v.Specs() {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%s is %v, want %v", s.Name, got[i], want[i])
		}
	}
}

// everything is a view of each aggregation over each width of window, on both sides of every change of grain.
func everything(t testing.TB) feature.View {
	t.Helper()
	var specs []feature.Spec
	add := func(aggregation, window, fallback string, source, per []string) {
		name := strings.Join(append([]string{aggregation, window, source[0], strconv.Itoa(len(source))}, per...), "_")
		specs = append(specs, feature.Spec{Name: name, Description: "d", Source: source, Per: per,
			Aggregation: aggregation, Window: window, Unit: "u", Default: fallback, Owner: "o"})
	}
	act := []string{"viewed", "carted", "purchased", "refunded", "tracked"}
	for _, w := range []string{"5m", "1h", "7h", "719m", "12h", "20h", "3d", "287h", "12d", "13d", "30d", "90d", "400d", "lifetime"} {
		for _, kind := range append(act, "offered", "delivered", "exposed", "clicked", "converted") {
			add(feature.Count, w, "0", []string{kind}, nil)
		}
		add(feature.Count, w, "-1", []string{"purchased", "converted", "exposed"}, nil)
		add(feature.Sum, w, "0", []string{"purchased"}, nil)
		add(feature.Sum, w, "missing", []string{"refunded", "carted"}, nil)
		add(feature.Cost, w, "0", []string{"converted"}, nil)
		add(feature.Mean, w, "missing", []string{"purchased"}, nil)
		add(feature.Ratio, w, "missing", []string{"converted"}, []string{"offered"})
	}
	for _, w := range []string{"1h", "30d", "lifetime"} {
		add(feature.Distinct, w, "0", []string{"viewed"}, nil)
		add(feature.Distinct, w, "missing", []string{"purchased", "carted"}, nil)
		add(feature.GapHours, w, "missing", []string{"carted"}, []string{"purchased"})
		for _, a := range []string{feature.PreferredHour, feature.PreferredHourShare, feature.PreferredChannel, feature.PreferredChannelShare} {
			add(a, w, "missing", act, nil)
		}
	}
	for _, kind := range append(act, "offered", "converted") {
		for _, a := range []string{feature.DaysSinceLast, feature.DaysSinceFirst, feature.MeanGapDays} {
			add(a, "lifetime", "missing", []string{kind}, nil)
		}
	}
	for _, w := range []string{"1h", "7h", "30d", "lifetime"} {
		add(feature.Rate, w, "0", []string{"viewed"}, nil)
		for _, a := range []string{feature.Min, feature.Max, feature.Last, feature.First} {
			add(a, w, "missing", []string{"purchased", "refunded"}, nil)
		}
		add(feature.Entropy, w, "missing", []string{"viewed", "purchased"}, nil)
		add(feature.Streak, w, "0", act, nil)
		add(feature.DecayedSum, w, "0", []string{"purchased"}, nil)
		specs[len(specs)-1].HalfLife = "9h"
		add(feature.Ratio, w, "missing", []string{"refunded"}, []string{"purchased"})
		specs[len(specs)-1].Prior = &feature.Prior{Share: 0.2, Weight: 5}
	}
	add(feature.PurchaseIntent, "lifetime", "missing", []string{"viewed", "carted", "purchased", "refunded"}, nil)
	specs = append(specs, derivedSpecs()...)
	specs = append(specs, feature.Spec{
		Name: "own_intent", Description: "d", Owner: "o", Unit: "u", Default: "0", Window: "1h",
		Aggregation: feature.PurchaseIntent, Source: []string{"viewed", "purchased"}, Filter: "event.channel == 'web'",
	})
	add(feature.DaysSinceFirst, "lifetime", "missing", []string{"withheld"}, nil)
	add(feature.DaysSinceFirst, "lifetime", "missing", append([]string{"identified"}, act...), nil)
	document, err := json.Marshal(map[string]any{"name": "everything", "version": 1, "description": "d",
		"channels": []string{"web", "mobile", "email", "sms"}, "features": specs})
	if err != nil {
		t.Fatal(err)
	}
	v, err := feature.ParseView(document)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// derivedSpecs are features with filters, lines and values of their own; derivations say what they mean.
func derivedSpecs() []feature.Spec {
	var out []feature.Spec
	for _, w := range []string{"1h", "20h", "90d", "lifetime"} {
		for _, s := range []feature.Spec{
			{Aggregation: feature.Count, Source: []string{"viewed", "purchased"}, Filter: "event.channel == 'web'"},
			{Aggregation: feature.Distinct, Source: []string{"viewed", "purchased"}, Filter: "event.channel == 'web'"},
			{Aggregation: feature.PreferredHour, Source: []string{"viewed", "purchased"}, Filter: "event.channel == 'web'"},
			{Aggregation: feature.Sum, Source: []string{"purchased"}, Filter: "event.amount > 5000.0"},
			{Aggregation: feature.Ratio, Source: []string{"purchased"}, Per: []string{"purchased"}, Filter: "event.amount > 5000.0"},
			{Aggregation: feature.Ratio, Source: []string{"purchased"}, Per: []string{"purchased"}, Filter: "event.amount > 5000.0", Prior: &feature.Prior{Share: 0.25, Weight: 4}},
			{Aggregation: feature.Mean, Source: []string{"purchased"}, Lines: "line.amount >= 40 || line.item == 'sku-7'"},
			{Aggregation: feature.Max, Source: []string{"purchased"}, Lines: "line.amount >= 40 || line.item == 'sku-7'"},
			{Aggregation: feature.Distinct, Source: []string{"purchased"}, Lines: "line.amount >= 40 || line.item == 'sku-7'"},
			{Aggregation: feature.Sum, Source: []string{"purchased"}, Value: "size(event.items)"},
			{Aggregation: feature.Last, Source: []string{"purchased"}, Value: "size(event.items)"},
			{Aggregation: feature.Distinct, Source: []string{"offered"}, Value: "event.offer"},
			{Aggregation: feature.Entropy, Source: []string{"converted"}, Value: "event.offer"},
			{Aggregation: feature.Streak, Source: []string{"offered"}, Filter: "event.offer != 'bogo'"},
			{Aggregation: feature.Rate, Source: []string{"offered"}, Filter: "event.offer != 'bogo'"},
		} {
			s.Name = strings.Join([]string{"own", w, s.Aggregation, strconv.Itoa(len(out))}, "_")
			s.Description, s.Owner, s.Unit, s.Default, s.Window = "d", "o", "u", "missing", w
			out = append(out, s)
		}
	}
	return out
}

// near says whether two values are the same, for those that the reference computes with package math: to the last bits.
func near(s feature.Spec, got, want float64) bool {
	if s.Aggregation == feature.DecayedSum || s.Aggregation == feature.Entropy || s.Aggregation == feature.PurchaseIntent {
		return math.Abs(got-want) <= 1e-7*max(1, math.Abs(want)) || math.IsNaN(got) && math.IsNaN(want)
	}
	return math.Float64bits(got) == math.Float64bits(want)
}

// While no part has more events than are kept one by one, every feature is exact at any time.
func TestReadIsExactForPeople(t *testing.T) {
	t.Parallel()
	views := []feature.View{everything(t), feature.Core2()}
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(0, 256).Draw(t, "events")
		span := rapid.SampledFrom([]int64{2 * hour, 3 * day, 100 * day, 600 * day}).Draw(t, "span")
		all := history(&s, n, span)
		a := fold(feature.LayoutOf(views...).Empty(), all)
		now := noon + rapid.SampledFrom([]int64{0, 1, minute, hour, 40 * day, -hour, -day, -span / 2}).Draw(t, "now")
		for _, v := range views {
			compare(t, v, a, all, now)
		}
	})
}

func compare(t *rapid.T, v feature.View, a feature.Activity, all []domain.Recorded, now int64) {
	t.Helper()
	ref := newReference(v, all)
	got := v.Read(a, now, nil)
	for i, s := range v.Specs() {
		if want := ref.value(s, now); !near(s, got[i], want) {
			t.Fatalf("%s of %d events is %v, want %v", s.Name, len(all), got[i], want)
		}
	}
	stored, err := a.Layout().Decode(feature.Encode(a))
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	sameVector(t, v, v.Read(stored, now, nil), got)
}

// Beyond the list, windows are rounded outwards exactly as documented. The state is never far ahead of now.
func TestReadBeyondTheListRoundsAsDocumented(t *testing.T) {
	t.Parallel()
	v := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(1000, 3000).Draw(t, "events")
		span := rapid.SampledFrom([]int64{2 * hour, 20 * hour, 3 * day, 20 * day, 100 * day, 600 * day}).Draw(t, "span")
		all := history(&s, n, span)
		later := rapid.OneOf(
			rapid.SampledFrom([]int64{0, 5*minute - 1, hour - 1, hour, day - 1, day}), // windows that begin with a tile
			rapid.Int64Range(0, 2*hour),
			rapid.Int64Range(0, span)).Draw(t, "later")
		compare(t, v, fold(feature.LayoutOf(v).Empty(), all), all, noon+later)
	})
}

// The widest window still finds the tile at its beginning.
func TestReadReachesTheOldestTile(t *testing.T) {
	t.Parallel()
	f := feature.NewFolder(feature.Activity{})
	f.Fold(at(1, noon-400*day, viewed("just out")))
	f.Fold(at(2, noon-400*day+1, viewed("just in")))
	f.Fold(at(3, noon-minute, viewed("latest of the tiles")))
	for i := range feature.MaxEntries {
		f.Fold(at(uint64(4+i), noon, viewed("listed")))
	}
	v := everything(t)
	i, _ := v.Index("count_400d_viewed_1")
	if got := v.Read(f.Activity(), noon, nil)[i]; got != feature.MaxEntries+3 {
		t.Errorf("%v views in 400 days, want %d: the first tile counts as a whole", got, feature.MaxEntries+3)
	}
	if got := v.Read(f.Activity(), noon+day, nil)[i]; got != feature.MaxEntries+1 {
		t.Errorf("%v views in 400 days a day later, want %d", got, feature.MaxEntries+1)
	}
}

// A decision's time may be a little behind the latest events: those are in none of its windows.
func TestReadIgnoresTilesLaterThanNow(t *testing.T) {
	t.Parallel()
	f := feature.NewFolder(feature.Activity{})
	f.Fold(at(1, noon-hour, viewed("before")))
	f.Fold(at(2, noon+day, viewed("after")))
	for i := range feature.MaxEntries {
		f.Fold(at(uint64(3+i), noon+2*day, viewed("listed")))
	}
	v := everything(t)
	for _, name := range []string{"count_20h_viewed_1", "count_90d_viewed_1"} {
		i, ok := v.Index(name)
		if got := v.Read(f.Activity(), noon, nil)[i]; !ok || got != 1 {
			t.Errorf("%s is %v, want the one view before", name, got)
		}
	}
}

// What the rounding may do is bounded, whatever the tiles: never less than the window, never a hop more.
func TestReadBeyondTheListIsBounded(t *testing.T) {
	t.Parallel()
	v := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		span := rapid.SampledFrom([]int64{2 * hour, 3 * day, 100 * day, 399 * day}).Draw(t, "span")
		all := history(&s, 2000, span)
		now := noon + rapid.Int64Range(0, day).Draw(t, "later")
		got := v.Read(fold(feature.Activity{}, all), now, nil)
		facts := newReference(v, all)
		for i, spec := range v.Specs() {
			width, _ := spec.WindowMS()
			if spec.Aggregation != feature.Count || width == 0 || spec.Default != "0" {
				continue
			}
			hop, _ := hopOf(width)
			least, most := 0.0, 0.0
			for _, f := range facts.window(spec.Source, now, 0, false) {
				if f.time > now-width-hop {
					most++
					if f.time > now-width {
						least++
					}
				}
			}
			if got[i] < least || got[i] > most {
				t.Fatalf("%s is %v, want %v to %v", spec.Name, got[i], least, most)
			}
		}
	})
}

func TestReadOfNothing(t *testing.T) {
	t.Parallel()
	v := feature.Core()
	got := v.Read(feature.Activity{}, noon, []float64{7})
	if len(got) != v.Len()+1 || got[0] != 7 {
		t.Fatalf("a vector of %d after one value is %d long", v.Len(), len(got))
	}
	for i, s := range v.Specs() {
		want, err := s.DefaultValue()
		if err != nil || math.Float64bits(got[i+1]) != math.Float64bits(want) {
			t.Errorf("%s of nobody is %v, want its default %v (%v)", s.Name, got[i+1], want, err)
		}
	}
	if got := (feature.View{}).Read(feature.Activity{}, noon, nil); len(got) != 0 {
		t.Errorf("the zero view reads %d values", len(got))
	}
}

// Times at the ends of the range neither fail nor wrap around into a window.
func TestReadOfAbsurdTimes(t *testing.T) {
	t.Parallel()
	v := feature.Core()
	f := feature.NewFolder(feature.Activity{})
	for i := range 700 {
		times := []int64{math.MinInt64, math.MinInt64 + 1, -1, 1, math.MaxInt64 - 1, math.MaxInt64}
		f.Fold(at(uint64(i+1), times[i%len(times)], viewed("a")))
	}
	a, err := feature.Decode(f.AppendEncode(nil))
	if err != nil {
		t.Fatal(err)
	}
	views, _ := v.Index("views_90d")
	for _, now := range []int64{math.MinInt64, -1, 0, noon, math.MaxInt64} {
		for name, a := range map[string]feature.Activity{"folded": f.Activity(), "stored": a} {
			if got := v.Read(a, now, nil); len(got) != v.Len() || now == noon && got[views] != 0 {
				t.Errorf("%s at %d: %d values, %v views in 90 days", name, now, len(got), got[views])
			}
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	v := feature.Core()
	s := source(3)
	a := fold(feature.Activity{}, history(&s, 200, 90*day))
	dst := make([]float64, 0, v.Len())
	if n := testing.AllocsPerRun(100, func() { dst = v.Read(a, noon, dst[:0]) }); n != 0 {
		t.Errorf("%v allocations a read, want none", n)
	}
}
