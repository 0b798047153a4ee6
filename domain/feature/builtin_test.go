package feature_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

func TestTheDefaultViewComesWithTheProduct(t *testing.T) {
	t.Parallel()
	if !slices.ContainsFunc(feature.BuiltIn(), func(v feature.View) bool { return v.Name() == feature.DefaultView }) {
		t.Errorf("%s is none of the built-in views", feature.DefaultView)
	}
}

// Everything of core@1 is in core@2, means the same and stands in the same order.
func TestCore2IsCoreAndWhatItLacks(t *testing.T) {
	t.Parallel()
	got := feature.Compare(feature.Core(), feature.Core2())
	want := feature.Difference{Added: []string{
		"spend_1h", "offers_received_1h", "offers_received_1d", "offers_viewed_1h", "offers_viewed_1d",
		"offers_clicked_1h", "offers_clicked_1d", "offers_redeemed_1h", "offers_redeemed_1d",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("core@2 beside core@1 (-want +got)\n%s", diff)
	}
	kept := slices.DeleteFunc(feature.Core2().Specs(), func(s feature.Spec) bool { return slices.Contains(want.Added, s.Name) })
	if diff := cmp.Diff(feature.Core().Specs(), kept); diff != "" {
		t.Errorf("what core@2 has of core@1 (-core@1 +core@2)\n%s", diff)
	}
}

// Behaviour and offers are counted, and orders summed, over the same windows.
func TestCore2HasEachWindow(t *testing.T) {
	t.Parallel()
	v := feature.Core2()
	for name, c := range map[string]struct{ aggregation, source string }{
		"views": {feature.Count, "viewed"}, "carts": {feature.Count, "carted"}, "purchases": {feature.Count, "purchased"},
		"spend": {feature.Sum, "purchased"}, "offers_received": {feature.Count, "offered"}, "offers_viewed": {feature.Count, "exposed"},
		"offers_clicked": {feature.Count, "clicked"}, "offers_redeemed": {feature.Count, "converted"},
	} {
		for _, window := range []string{"1h", "1d", "7d", "30d", "90d"} {
			i, known := v.Index(name + "_" + window)
			if !known {
				t.Errorf("there is no %s_%s", name, window)
				continue
			}
			s := v.Specs()[i]
			if s.Aggregation != c.aggregation || !slices.Equal(s.Source, []string{c.source}) || s.Window != window || s.Default != "0" {
				t.Errorf("%s is %s of %v over %s, else %s", s.Name, s.Aggregation, s.Source, s.Window, s.Default)
			}
		}
	}
}

// outcomes are what may come of an offer, and an order, by the features that count them.
func outcomes() map[string]func() *event.Event {
	of := &event.OutcomeOf{Offer: "ten-off"}
	return map[string]func() *event.Event{
		"spend":           func() *event.Event { return purchased(1_000_000, "lamp") },
		"offers_received": func() *event.Event { return offered("email", "discount", "ten-off") },
		"offers_viewed":   func() *event.Event { return &event.Event{Body: &event.Event_Exposed{Exposed: &event.Exposed{Of: of}}} },
		"offers_clicked":  func() *event.Event { return &event.Event{Body: &event.Event_Clicked{Clicked: &event.Clicked{Of: of}}} },
		"offers_redeemed": func() *event.Event { return converted("ten-off", 1_000_000, 0) },
	}
}

// valueOf is one feature of an activity at noon, and whether it is exact.
func valueOf(t *testing.T, a feature.Activity, name string) (float64, bool) {
	t.Helper()
	v := feature.Core2()
	i, known := v.Index(name)
	if !known {
		t.Fatalf("there is no %s", name)
	}
	return v.Read(a, noon, nil)[i], v.Exact(a, noon)[i]
}

// A window holds what is later than its beginning, to the millisecond, and not later than now.
func TestWindowsOfAnHourAndADayEndWhereTheySay(t *testing.T) {
	t.Parallel()
	for of, happened := range outcomes() {
		for window, width := range map[string]int64{"1h": hour, "1d": day} {
			for _, c := range []struct {
				ms   int64
				want float64
			}{
				{noon - width - 1, 0}, {noon - width, 0}, {noon - width + 1, 1}, {noon - 1, 1}, {noon, 1}, {noon + 1, 0},
			} {
				a := mustFold(t, at(1, noon-40*day, happened()), at(2, c.ms, happened()))
				if got, exact := valueOf(t, a, of+"_"+window); got != c.want || !exact {
					t.Errorf("%s_%s of what happened %d ms before its end is %v (exact: %t), want %v", of, window, noon-c.ms, got, exact, c.want)
				}
			}
		}
	}
}

// As many as are kept one by one are counted exactly; with one more, the tile in which the window begins counts in whole.
func TestWindowsOfAnHourAndADayAreExactForAsManyAsAreKept(t *testing.T) {
	t.Parallel()
	for of, happened := range outcomes() {
		kept := feature.MaxEntries
		if stream, _ := domain.StreamOf(happened()); stream == domain.Decision {
			kept = feature.MaxContacts
		}
		for window, width := range map[string]int64{"1h": hour, "1d": day} {
			f := feature.NewFolder(feature.Activity{})
			f.Fold(at(1, noon-width, happened()))
			for i := range kept {
				f.Fold(at(uint64(i+2), noon-minute+int64(i), happened()))
				if i != kept-2 {
					continue
				}
				if got, exact := valueOf(t, f.Activity(), of+"_"+window); got != float64(kept-1) || !exact {
					t.Errorf("%s_%s is %v (exact: %t), want %d exactly", of, window, got, exact, kept-1)
				}
			}
			if got, exact := valueOf(t, f.Activity(), of+"_"+window); got != float64(kept+1) || exact {
				t.Errorf("%s_%s of one more than are kept is %v (exact: %t), want %d, not exact", of, window, got, exact, kept+1)
			}
		}
	}
}
