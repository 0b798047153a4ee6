package habit

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

const minute = 60_000

func TestLittleIsBelievedOfWhoBoughtLittle(t *testing.T) {
	t.Parallel()
	usual := Market{Share: .2, Depth: .1, Weight: 4}
	once := SensitivityOf([]Order{{Paid: 8, Saved: 2}}, usual)
	often := SensitivityOf([]Order{{Paid: 8, Saved: 2}, {Paid: 8, Saved: 2}, {Paid: 7, Saved: 3}, {Coupon: true, Paid: 5}, {Paid: 8, Saved: 2}, {Paid: 6, Saved: 4}, {Paid: 8, Saved: 2}, {Paid: 8, Saved: 2}}, usual)
	nobody := SensitivityOf(nil, usual)
	if math.Abs(once.Score-.36) > 1e-12 || math.Abs(once.Depth-.12) > 1e-12 || once.Belief != .2 {
		t.Errorf("once: %+v", once)
	}
	if often.Score < .7 || often.Needed != .2 || often.Lowered != 8 {
		t.Errorf("often: %+v", often)
	}
	if nobody.Score != .2 || nobody.Belief != 0 || nobody.Needed != 0 {
		t.Errorf("nobody: %+v", nobody)
	}
}

// shoppers are people who each buy at a lowered price with a chance of their own, beta distributed around 0.3.
func shoppers(spread bool) [][]Order {
	r := rand.New(rand.NewPCG(1, 2))
	people := make([][]Order, 3000)
	for i := range people {
		chance := .3
		if spread {
			chance = []float64{.05, .05, .8}[i%3]
		}
		for range 5 + r.IntN(20) {
			people[i] = append(people[i], Order{Paid: 10, Coupon: r.Float64() < chance})
		}
	}
	return people
}

func TestTheWeightIsHowMuchPeopleDiffer(t *testing.T) {
	t.Parallel()
	alike, unlike := MarketOf(shoppers(false)), MarketOf(shoppers(true))
	if math.Abs(alike.Share-.3) > .01 || math.Abs(unlike.Share-.3) > .02 {
		t.Errorf("shares %g, %g", alike.Share, unlike.Share)
	}
	if alike.Weight < 50 || unlike.Weight > 2 {
		t.Errorf("people who are alike have weight %g, those who differ %g", alike.Weight, unlike.Weight)
	}
	if m := MarketOf(nil); m.Weight != defaultWeight || m.Share != 0 {
		t.Errorf("nobody: %+v", m)
	}
}

func TestScoresStayWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Custom(func(t *rapid.T) Order {
			return Order{rapid.Int64().Draw(t, "paid"), rapid.Int64().Draw(t, "saved"), rapid.Bool().Draw(t, "coupon")}
		})
		people := rapid.SliceOfN(rapid.SliceOfN(order, 0, 6), 0, 40).Draw(t, "people")
		m := MarketOf(people)
		if !(m.Share >= 0 && m.Share <= 1) || !(m.Weight >= .5) {
			t.Fatalf("%+v", m)
		}
		for _, orders := range people {
			s := SensitivityOf(orders, m)
			more := SensitivityOf(append(orders[:len(orders):len(orders)], Order{Coupon: true}), m)
			if !(s.Score >= 0 && s.Score <= 1+1e-12) || more.Score < s.Score-1e-12 || !(s.Belief >= 0 && s.Belief < 1) {
				t.Fatalf("%+v, with one more coupon %+v", s, more)
			}
		}
	})
}

func TestIntentGrowsFadesAndEndsWithAPurchase(t *testing.T) {
	t.Parallel()
	start := int64(1_700_000_000_000)
	acts := []Act{
		{start - 40*minute, PutIntoCart, 9}, // an earlier session
		{start, SawPage, 0}, {start + minute, SawItem, 1}, {start + 2*minute, SawItem, 1}, {start + 3*minute, PutIntoCart, 1},
	}
	now := start + 3*minute
	before := -1.0
	for n := 1; n < len(acts); n++ {
		got := IntentOf(acts[1:n+1], acts[n].TimeMS)
		if got.Score <= before {
			t.Errorf("after %d acts: %+v", n, got)
		}
		before = got.Score
	}
	got := IntentOf(acts, now)
	if got.Acts != 4 || got.SinceMS != start || got.Terms[0].Name != "items in the cart" || len(got.Terms) != 4 {
		t.Fatalf("got %+v", got)
	}
	if later := IntentOf(acts, now+10*minute); later.Score >= got.Score || later.Terms[0].Points != got.Terms[0].Points/2 {
		t.Errorf("ten minutes later: %+v", later)
	}
	if gone := IntentOf(acts, now+30*minute); gone.Score != 0 || gone.Acts != 0 {
		t.Errorf("half an hour later: %+v", gone)
	}
	if done := IntentOf(append(acts, Act{now, Bought, 0}), now+minute); done.Score != 0 {
		t.Errorf("after the purchase: %+v", done)
	}
}

func TestIntentIsAShareWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		acts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Act {
			return Act{rapid.OneOf(rapid.Int64Range(0, 120*minute), rapid.Int64()).Draw(t, "time"), Deed(rapid.IntRange(0, 4).Draw(t, "deed")), uint64(rapid.IntRange(0, 3).Draw(t, "item"))}
		})).Draw(t, "acts")
		now := rapid.Int64Range(0, 150*minute).Draw(t, "now")
		got := IntentOf(acts, now)
		if !(got.Score >= 0 && got.Score <= 1) {
			t.Fatalf("%+v", got)
		}
		mixed := append([]Act(nil), acts...)
		rand.New(rand.NewPCG(1, uint64(now))).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if again := IntentOf(mixed, now); !reflect.DeepEqual(got, again) {
			t.Fatalf("in another order: %+v, %+v", got, again)
		}
	})
}
