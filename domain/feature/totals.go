package feature

// Totals are counts and sums for life, of one alias or of a profile: what tables show. They add up: the totals of a
// merged activity are the sums of its parts' (and the earliest first, the latest last).
type Totals struct {
	// Events counts every event of the four streams, the others are by kind.
	Events    int64
	Views     int64
	Carts     int64
	Purchases int64
	Refunds   int64
	Tracked   int64
	// Decisions counts all decisions, OffersReceived those that gave an offer.
	Decisions       int64
	OffersReceived  int64
	OffersDelivered int64
	OffersViewed    int64
	OffersClicked   int64
	OffersRedeemed  int64
	// Sums in micros.
	PurchaseMicros int64
	RefundMicros   int64
	// RedeemedMicros is what conversions were worth, RewardMicros what they cost.
	RedeemedMicros int64
	RewardMicros   int64
	// FirstMS and LastMS are the times of the earliest and the latest event; 0 when Events is 0.
	FirstMS int64
	LastMS  int64
}

// Totals are the activity's totals for life.
func (a Activity) Totals() Totals {
	var out Totals
	for i := range a.parts {
		for _, t := range a.parts[i].totals {
			out.add(t)
		}
	}
	return out
}

func (t *Totals) add(x total) {
	if t.Events == 0 || x.first < t.FirstMS {
		t.FirstMS = x.first
	}
	if t.Events == 0 || x.last > t.LastMS {
		t.LastMS = x.last
	}
	t.Events += x.count
	switch x.kind {
	case Viewed:
		t.Views = x.count
	case Carted:
		t.Carts = x.count
	case Purchased:
		t.Purchases, t.PurchaseMicros = x.count, x.amount
	case Refunded:
		t.Refunds, t.RefundMicros = x.count, x.amount
	case Tracked:
		t.Tracked = x.count
	case Offered:
		t.OffersReceived = x.count
		t.Decisions += x.count
	case Withheld:
		t.Decisions += x.count
	case Delivered:
		t.OffersDelivered = x.count
	case Exposed:
		t.OffersViewed = x.count
	case Clicked:
		t.OffersClicked = x.count
	case Converted:
		t.OffersRedeemed, t.RedeemedMicros, t.RewardMicros = x.count, x.amount, x.cost
	}
}
