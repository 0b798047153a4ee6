package feature_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// split deals a history to several aliases.
func split(t *rapid.T, all []domain.Recorded) [][]domain.Recorded {
	out := make([][]domain.Recorded, rapid.IntRange(1, 5).Draw(t, "aliases"))
	s := source(rapid.Uint64().Draw(t, "deal"))
	for _, r := range all {
		i := s.below(len(out)) * s.below(2) // one alias has most
		out[i] = append(out[i], r)
	}
	return out
}

func TestMergeOfTheAliasesIsTheFoldOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		want := fold(feature.Activity{}, all)
		var aliases []feature.Activity
		var blobs []string
		for _, own := range split(t, all) {
			aliases = append(aliases, fold(feature.Activity{}, own))
			blobs = append(blobs, string(feature.Encode(aliases[len(aliases)-1])))
		}
		merged := feature.Merge(aliases...)
		same(t, "merged", merged, want)
		sameVector(t, feature.Core(), feature.Core().Read(merged, noon, nil), feature.Core().Read(want, noon, nil))

		left := feature.Activity{}
		for _, a := range aliases {
			left = feature.Merge(left, a)
		}
		same(t, "from the left", left, want)
		right := feature.Activity{}
		for i := len(aliases) - 1; i >= 0; i-- {
			right = feature.Merge(aliases[i], right)
		}
		same(t, "from the right", right, want)
		for i, a := range aliases {
			if string(feature.Encode(a)) != blobs[i] {
				t.Fatalf("merging changed alias %d", i)
			}
		}
	})
}

func TestTotalsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		var want feature.Totals
		for _, own := range split(t, all) {
			x := fold(feature.Activity{}, own).Totals()
			if x.Events > 0 && (want.Events == 0 || x.FirstMS < want.FirstMS) {
				want.FirstMS = x.FirstMS
			}
			if x.Events > 0 && (want.Events == 0 || x.LastMS > want.LastMS) {
				want.LastMS = x.LastMS
			}
			want.Events += x.Events
			want.Views += x.Views
			want.Carts += x.Carts
			want.Purchases += x.Purchases
			want.Refunds += x.Refunds
			want.Tracked += x.Tracked
			want.Decisions += x.Decisions
			want.OffersReceived += x.OffersReceived
			want.OffersDelivered += x.OffersDelivered
			want.OffersViewed += x.OffersViewed
			want.OffersClicked += x.OffersClicked
			want.OffersRedeemed += x.OffersRedeemed
			want.PurchaseMicros += x.PurchaseMicros
			want.RefundMicros += x.RefundMicros
			want.RedeemedMicros += x.RedeemedMicros
			want.RewardMicros += x.RewardMicros
		}
		if diff := cmp.Diff(want, fold(feature.Activity{}, all).Totals()); diff != "" {
			t.Fatalf("totals (-sum of the aliases' +of all)\n%s", diff)
		}
		if want.Events != int64(len(all)) {
			t.Fatalf("%d events counted of %d", want.Events, len(all))
		}
	})
}

func TestMergeOfNothing(t *testing.T) {
	t.Parallel()
	one := mustFold(t, at(1, noon, viewed("a")))
	same(t, "no activities", feature.Merge(), feature.Activity{})
	same(t, "with an empty one", feature.Merge(feature.Activity{}, one, feature.Activity{}), one)
}

// What is folded onto a merged activity must not reach the activities it came from.
func TestFoldingAMergedActivityLeavesItsParts(t *testing.T) {
	t.Parallel()
	one := mustFold(t, at(1, noon, viewed("a")), at(2, noon+1, viewed("b")))
	before := feature.Encode(one)
	merged := feature.Merge(one, feature.Activity{})
	for i := range 600 {
		merged = feature.Fold(merged, at(uint64(3+i), noon-int64(i), viewed("c")))
	}
	if string(feature.Encode(one)) != string(before) {
		t.Error("the alias changed")
	}
}
