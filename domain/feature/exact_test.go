package feature_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// What is called exact is what a fold of nothing later than now gives, however much came since.
func TestWhatIsCalledExactDoesNotDependOnWhatCameLater(t *testing.T) {
	t.Parallel()
	views := []feature.View{everything(t), feature.Core2()}
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		span := rapid.SampledFrom([]int64{3 * day, 100 * day, 390 * day}).Draw(t, "span")
		all := history(&s, rapid.SampledFrom([]int{300, 900, 1800}).Draw(t, "events"), span)
		a := fold(feature.LayoutOf(views...).Empty(), all)
		now := noon - span*rapid.Int64Range(0, 8).Draw(t, "eighths before")/8
		past := slices.DeleteFunc(slices.Clone(all), func(r domain.Recorded) bool { return domain.TimeOf(r.Event) > now })
		for _, v := range views {
			got, exact, ref := v.Read(a, now, nil), v.Exact(a, now), newReference(v, past)
			for i, s := range v.Specs() {
				if want := ref.value(s, now); exact[i] && !near(s, got[i], want) {
					t.Fatalf("%s of %d events, %d of them later, is %v and called exact, want %v", s.Name, len(all), len(all)-len(past), got[i], want)
				}
			}
		}
	})
}

// A basket with as many items as are kept may have had more.
func TestItemsAreCountedExactlyBelowTheMostThatAreKept(t *testing.T) {
	t.Parallel()
	for _, n := range []int{feature.MaxItems - 1, feature.MaxItems + 1} {
		var items []string
		for i := range n {
			items = append(items, fmt.Sprint("item ", i))
		}
		a := mustFold(t, at(1, noon-40*day, purchased(1, items...)), at(2, noon-hour, purchased(1, "lamp")))
		got, exact := valueOf(t, a, "distinct_items_purchased_90d")
		if exact != (got == float64(n+1)) {
			t.Errorf("%v different items of %d are called exact: %t", got, n+1, exact)
		}
		if got, exact := valueOf(t, a, "distinct_items_purchased_30d"); got != 1 || !exact {
			t.Errorf("a window without the large basket has %v different items (exact: %t), want 1 exactly", got, exact)
		}
		if _, exact := valueOf(t, a, "distinct_items_viewed_90d"); !exact {
			t.Error("what was bought makes the items that were seen inexact")
		}
	}
}
