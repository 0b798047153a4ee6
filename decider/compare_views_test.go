package decider_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// A comparison of a part of the people reads the same ones, in whatever order a store has them.
func TestAComparisonReadsTheSamePeopleEveryTime(t *testing.T) {
	t.Parallel()
	var events []*event.Event
	var people []domain.Alias
	for i := range 30 {
		name := fmt.Sprint("person ", i)
		people = append(people, decidertest.Named(name))
		for range i + 1 {
			events = append(events, decidertest.Purchased(name, noon, int64(i)))
		}
	}
	w := given(t, events...)
	profiles := w.profiles()
	compared := func(people []domain.Alias, most int) []decider.FeatureComparison {
		t.Helper()
		read, out, err := profiles.Compare(w.ctx, feature.Core(), feature.Core(), slices.Values(people), most, noon.UnixMilli())
		if err != nil || read != uint64(min(most, len(people))) {
			t.Fatalf("read %d people, %v, want %d", read, err, min(most, len(people)))
		}
		return out
	}
	same := cmp.Options{cmpopts.IgnoreUnexported(decider.FeatureComparison{}), cmpopts.EquateNaNs()}
	first := compared(people, 5)
	slices.Reverse(people)
	if diff := cmp.Diff(first, compared(people, 5), same); diff != "" {
		t.Errorf("in another order (-first +again)\n%s", diff)
	}
	if cmp.Equal(first, compared(people, 100), same) {
		t.Error("all people are as five of them: the test proves nothing")
	}
}
