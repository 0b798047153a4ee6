package sample

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

var end = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestTheSameSeedGivesTheSameShop(t *testing.T) {
	t.Parallel()
	start := func() (items []*profferv1.Item) {
		for item := range Items(1, end) {
			if items = append(items, item); len(items) == 5_000 {
				break
			}
		}
		return items
	}
	first, second := start(), start()
	if len(first) != 5_000 || !slices.EqualFunc(first, second, func(a, b *profferv1.Item) bool { return proto.Equal(a, b) }) {
		t.Error("two shops of one seed differ")
	}
}

func TestTheShopShowsItsTruth(t *testing.T) {
	t.Parallel()
	bought, people := map[Kind]float64{}, map[Kind]float64{}
	for person := range 600 {
		kind := KindOf(person)
		people[kind]++
		for _, item := range history(1, person, end) {
			if item.GetType() == "purchase" {
				bought[kind]++
			}
			if at := item.GetTime().AsTime(); at.After(end) {
				t.Fatalf("an item lies after the end: %v", at)
			}
		}
	}
	rate := func(k Kind) float64 { return bought[k] / people[k] }
	if !(rate(Loyal) > 2*rate(Bargain) && rate(Bargain) > 2*rate(Browser)) {
		t.Errorf("purchases a person: loyal %.2f, bargain %.2f, browser %.2f", rate(Loyal), rate(Bargain), rate(Browser))
	}
}
