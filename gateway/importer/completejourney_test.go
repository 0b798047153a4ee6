package importer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestCompleteJourneyGivesTheCountedFigures(t *testing.T) {
	t.Parallel()
	sink := newCountingSink()
	decisions, matched, coupons, lines, products := map[string]bool{}, 0, 0, 0, map[string]bool{}
	households, offers := map[string]bool{}, map[string]bool{}
	sink.each = func(_ string, item *profferv1.Item) {
		switch item.GetType() {
		case "external_decision":
			decisions[item.GetDecisionId()] = true
			if item.GetPropensity() != 0 {
				t.Error("a send has a propensity, and none is known")
			}
		case "convert":
			if decisions[item.GetDecisionId()] {
				matched++
			}
		case "offer":
			offers[item.GetOffer()] = true
		case "purchase":
			households[item.GetIdentifiers()[0].GetValue()] = true
			if item.GetCoupon() {
				coupons++
			}
			lines += len(item.GetLines())
			for _, l := range item.GetLines() {
				products[l.GetItem()] = true
			}
		}
	}
	summary := importAll(t, "completejourney", sink, dataFolder(t, "completejourney"))

	want := map[string]int{
		"offer": 1197, "identify": 801, "external_decision": 6589, "deliver": 6589, "purchase": 47_243, "convert": 2102,
	}
	if diff := cmp.Diff(want, sink.types); diff != "" {
		t.Errorf("items by type (-want +got):\n%s", diff)
	}
	if got := sink.sum("purchase", 2); got != "233935.24" {
		t.Errorf("sum of purchases = %s", got)
	}
	if matched != 2102 || len(decisions) != 6589 || len(offers) != 1197 {
		t.Errorf("redemptions of a send %d, sends %d, offers %d", matched, len(decisions), len(offers))
	}
	if lines != 75_000 || len(households) != 2377 || len(products) != 20_902 || coupons == 0 || coupons > 1135 {
		t.Errorf("lines %d, households %d, products %d, baskets with a coupon %d", lines, len(households), len(products), coupons)
	}
	if n := total(summary.Total().Refused); n != 0 {
		t.Errorf("%d rows refused: %v", n, summary.Total().Refused)
	}
}
