package feature_test

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// fact is one event as the plain reference below sees it.
type fact struct {
	domain.Recorded
	kind   string
	time   int64
	amount int64
	cost   int64
	items  []string
	stream domain.Stream
	// tiled: older than those kept one by one.
	tiled bool
}

// reference computes features from all the events by plain loops. It shares nothing with the package but names.
type reference struct {
	// byKind are the facts of each kind, ascending by time and position.
	byKind map[string][]*fact
	// oldest is the time of the oldest fact kept one by one, and latest that of the latest fact that is not.
	oldest, latest map[domain.Stream]int64
	channels       []string
	// of is what a series was derived from.
	of *reference
}

func factOf(r domain.Recorded) *fact {
	f := &fact{Recorded: r, kind: domain.TypeOf(r.Event), time: r.Event.OccurredMs}
	f.stream, _ = domain.StreamOf(r.Event)
	item := func(lines ...*event.Line) {
		for _, l := range lines {
			if l.GetItem() != "" {
				f.items = append(f.items, l.Item)
			}
		}
	}
	switch e := r.Event; f.kind {
	case "viewed":
		item(e.GetViewed().Line)
	case "carted":
		item(e.GetCarted().Line)
		f.amount = e.GetCarted().GetLine().GetAmountMicros()
	case "purchased":
		item(e.GetPurchased().Lines...)
		f.amount = e.GetPurchased().AmountMicros
	case "refunded":
		f.amount = e.GetRefunded().AmountMicros
	case "converted":
		f.amount, f.cost = e.GetConverted().ValueMicros, e.GetConverted().CostMicros
	case "decision", "external_decision":
		f.kind = "offered"
		if e.GetDecision().Offer == "" {
			f.kind = "withheld"
		}
	case "identity_linked", "traits_changed":
		f.kind = "identified"
	}
	return f
}

func newReference(v feature.View, events []domain.Recorded) *reference {
	ref := &reference{byKind: map[string][]*fact{}, oldest: map[domain.Stream]int64{}, latest: map[domain.Stream]int64{}}
	for _, c := range []string{"web", "mobile", "email", "sms"} { // in both views these come first
		if v.ChannelCode(c) > 0 {
			ref.channels = append(ref.channels, c)
		}
	}
	var all []*fact
	for _, r := range events {
		all = append(all, factOf(r))
	}
	slices.SortFunc(all, older)
	room := map[domain.Stream]int{domain.Behaviour: 256, domain.Decision: 512, domain.Outcome: 256}
	for _, f := range slices.Backward(all) {
		if f.kind == "withheld" || f.kind == "identified" {
			continue
		}
		if room[f.stream]--; room[f.stream] >= 0 {
			ref.oldest[f.stream] = f.time
		} else if f.tiled = true; room[f.stream] == -1 {
			ref.latest[f.stream] = f.time
		}
	}
	for _, f := range all {
		ref.byKind[f.kind] = append(ref.byKind[f.kind], f)
	}
	return ref
}

func older(a, b *fact) int {
	if a.time != b.time {
		if a.time < b.time {
			return -1
		}
		return 1
	}
	return a.At.Compare(b.At)
}

func floor(a, b int64) int64 { return int64(math.Floor(float64(a) / float64(b))) }

// within says whether the window holds a fact, given the rounding documented for those in tiles.
func (ref *reference) within(f *fact, now, width int64) bool {
	if !f.tiled {
		return now-width < f.time && f.time <= now
	}
	if ref.oldest[f.stream] <= now-width {
		return false
	}
	hop, reach := hopOf(width)
	slot := floor(f.time, hop)
	return slot >= floor(now-width+1, hop) && slot <= floor(now, hop) && slot >= floor(ref.latest[f.stream], hop)-reach/hop
}

// hopOf is the width of the tiles that serve a window, and how far back they reach.
func hopOf(width int64) (hop, reach int64) {
	switch {
	case width < 12*hour:
		return 5 * minute, 12 * hour
	case width < 12*day:
		return hour, 12 * day
	}
	return day, 400 * day
}

// window are the facts of these kinds in a window, ascending; width 0 is for life.
func (ref *reference) window(source []string, now, width int64, listedOnly bool) []*fact {
	var out []*fact
	for _, kind := range source {
		for _, f := range ref.byKind[kind] {
			if (width == 0 && f.time <= now || width != 0 && ref.within(f, now, width)) && !(listedOnly && f.tiled) {
				out = append(out, f)
			}
		}
	}
	if len(source) > 1 {
		slices.SortFunc(out, older)
	}
	return out
}

// value is one feature; NaN is missing.
func (ref *reference) value(s feature.Spec, now int64) float64 {
	width, _ := s.WindowMS()
	fallback, err := strconv.ParseFloat(s.Default, 64)
	if err != nil {
		fallback = domain.CanonicalNaN
	}
	if own := s.Filter + s.Lines + s.Value; own != "" {
		return ref.derived(s, derivations[own]).value(feature.Spec{
			Source: []string{"own"}, Per: s.Per, Aggregation: s.Aggregation, Window: s.Window, HalfLife: s.HalfLife, Default: s.Default, Prior: s.Prior,
		}, now)
	}
	in := ref.window(s.Source, now, width, false)
	var amount, cost int64
	for _, f := range in {
		amount, cost = amount+f.amount, cost+f.cost
	}
	n := float64(len(in))
	listed := ref.window(s.Source, now, width, true)
	value, known := 0.0, len(in) > 0
	switch s.Aggregation {
	case feature.Count:
		value = n
	case feature.Sum:
		value = float64(amount) / 1e6
	case feature.Cost:
		value = float64(cost) / 1e6
	case feature.Mean:
		value = float64(amount) / 1e6 / n
	case feature.Ratio:
		from := ref
		if ref.of != nil {
			from = ref.of
		}
		per := from.window(s.Per, now, width, false)
		value, known = n/float64(len(per)), len(per) > 0
		if s.Prior != nil {
			value, known = (n+s.Prior.Weight*s.Prior.Share)/(float64(len(per))+s.Prior.Weight), true
		}
	case feature.PurchaseIntent:
		value, known = intent(listed, now)
	case feature.Distinct:
		items := map[string]bool{}
		for _, f := range listed {
			for _, item := range f.items {
				items[item] = true
			}
		}
		value, known = float64(len(items)), len(items) > 0
	case feature.DaysSinceLast, feature.DaysSinceFirst, feature.MeanGapDays:
		value, known = span(s.Aggregation, in, now)
	case feature.GapHours:
		value, known = gap(listed, ref.window(s.Per, now, width, true))
	case feature.Rate:
		days := float64(width) / float64(day)
		if width == 0 && len(in) > 0 {
			first, _ := span(feature.DaysSinceFirst, in, now)
			days = max(1, first)
		}
		value = n / days
	case feature.Min, feature.Max, feature.Last, feature.First:
		value, known = extreme(s.Aggregation, in, listed)
	case feature.DecayedSum:
		halfLife, _ := s.HalfLifeMS()
		known = len(listed) > 0
		for _, f := range listed {
			value += float64(f.amount) / 1e6 * math.Exp2(-float64(now-f.time)/float64(halfLife))
		}
	case feature.Streak:
		value, known = streak(listed, now)
	case feature.Entropy:
		value, known = entropy(listed)
	default:
		value, known = ref.preferred(s.Aggregation, listed)
	}
	if !known {
		return fallback
	}
	return value
}

// intent adds up the points of the acts since the last pause or purchase; of one time, purchases come last.
func intent(listed []*fact, now int64) (float64, bool) {
	bought := func(f *fact) bool { return f.kind != "viewed" && f.kind != "carted" }
	listed = slices.Clone(listed)
	slices.SortStableFunc(listed, func(a, b *fact) int {
		if order := cmp.Compare(a.time, b.time); order != 0 || bought(a) == bought(b) {
			return order
		}
		if bought(a) {
			return 1
		}
		return -1
	})
	last, views, pages, carts, again, acts := now, 0, 0, 0, 0, 0
	seen := map[string]bool{}
	latest := int64(0)
	for i := len(listed) - 1; i >= 0; i-- {
		f := listed[i]
		if bought(f) || last-f.time >= 30*60_000 {
			break
		}
		if acts == 0 {
			latest = f.time
		}
		last = f.time
		acts++
		switch {
		case f.kind == "carted":
			carts++
		case len(f.items) == 0:
			pages++
		case seen[f.items[0]]:
			views, again = views+1, again+1
		default:
			views, seen[f.items[0]] = views+1, true
		}
	}
	points := .6*float64(min(carts, 3)) + .25*float64(min(again, 4)) + .08*float64(min(views, 8)) + .02*float64(min(pages, 10))
	return 1 - math.Exp(-points*math.Exp2(-float64(now-latest)/600_000)), acts > 0
}

func span(aggregation string, in []*fact, now int64) (float64, bool) {
	if len(in) == 0 {
		return 0, false
	}
	first, last := in[0].time, in[0].time
	for _, f := range in {
		first, last = min(first, f.time), max(last, f.time)
	}
	switch aggregation {
	case feature.DaysSinceLast:
		return float64(now-last) / float64(day), true
	case feature.DaysSinceFirst:
		return float64(now-first) / float64(day), true
	}
	return float64(last-first) / float64(len(in)-1) / float64(day), len(in) > 1
}

func gap(from, to []*fact) (float64, bool) {
	if len(to) == 0 {
		return 0, false
	}
	end := to[len(to)-1]
	for i := len(from) - 1; i >= 0; i-- {
		if f := from[i]; f.time < end.time || f.time == end.time && end.At.After(f.At) {
			return float64(end.time-f.time) / float64(hour), true
		}
	}
	return 0, false
}

func (ref *reference) preferred(aggregation string, listed []*fact) (float64, bool) {
	counts := map[int]int{}
	n := 0
	for _, f := range listed {
		key := int(floor(f.time, hour)) % 24
		if aggregation == feature.PreferredChannel || aggregation == feature.PreferredChannelShare {
			if f.Event.Channel == "" {
				continue
			}
			key = slices.Index(ref.channels, f.Event.Channel) + 1
		}
		counts[key]++
		n++
	}
	best := -1
	for key := range 32 {
		if counts[key] > 0 && (best < 0 || counts[key] > counts[best]) {
			best = key
		}
	}
	if best < 0 {
		return 0, false
	}
	if aggregation == feature.PreferredHourShare || aggregation == feature.PreferredChannelShare {
		return float64(counts[best]) / float64(n), true
	}
	return float64(best), true
}

// extreme: those of amounts see the tiles, the latest and the earliest only what is kept one by one.
func extreme(aggregation string, in, listed []*fact) (float64, bool) {
	if aggregation == feature.Last || aggregation == feature.First {
		in = listed
	}
	if len(in) == 0 {
		return 0, false
	}
	amount := in[len(in)-1].amount
	if aggregation == feature.First {
		amount = in[0].amount
	}
	for _, f := range in {
		switch aggregation {
		case feature.Min:
			amount = min(amount, f.amount)
		case feature.Max:
			amount = max(amount, f.amount)
		}
	}
	return float64(amount) / 1e6, true
}

func streak(listed []*fact, now int64) (float64, bool) {
	days := map[int64]bool{}
	for _, f := range listed {
		days[floor(f.time, day)] = true
	}
	today := floor(now, day)
	if !days[today] {
		today--
	}
	n := 0
	for days[today] {
		today, n = today-1, n+1
	}
	return float64(n), len(days) > 0
}

func entropy(listed []*fact) (float64, bool) {
	counts := map[string]int{}
	n := 0
	for _, f := range listed {
		distinct := map[string]bool{}
		for _, item := range f.items {
			if !distinct[item] {
				counts[item]++
				n++
			}
			distinct[item] = true
		}
	}
	h := 0.0
	for _, c := range counts {
		p := float64(c) / float64(n)
		h -= p * math.Log2(p)
	}
	return h, n > 0
}

// derivations are, by filter, lines and value as the test's views write them, what they mean: whether an event counts,
// its amount and its items.
var derivations = map[string]func(*fact) (fact, bool){
	"event.channel == 'web'": func(f *fact) (fact, bool) { return *f, f.Event.Channel == "web" },
	"event.amount > 5000.0":  func(f *fact) (fact, bool) { return *f, f.amount > 5_000_000_000 },
	"line.amount >= 40 || line.item == 'sku-7'": func(f *fact) (fact, bool) {
		out, any := *f, false
		out.amount, out.items = 0, nil
		for _, l := range f.Event.GetPurchased().GetLines() {
			if l.AmountMicros >= 40_000_000 || l.Item == "sku-7" {
				any = true
				out.amount += l.AmountMicros
				out.items = append(out.items, l.Item)
			}
		}
		return out, any
	},
	"size(event.items)": func(f *fact) (fact, bool) {
		out := *f
		out.amount, out.items = int64(len(f.items))*1_000_000, nil
		return out, true
	},
	"event.offer": func(f *fact) (fact, bool) {
		offer := f.Event.GetDecision().GetOffer() + f.Event.GetConverted().GetOf().GetOffer()
		out := *f
		out.items = []string{offer}
		return out, offer != ""
	},
	"event.offer != 'bogo'": func(f *fact) (fact, bool) {
		offer := f.Event.GetDecision().GetOffer()
		return *f, offer != "" && offer != "bogo"
	},
}

// derived is a reference of one series: kind "own".
func (ref *reference) derived(s feature.Spec, derive func(*fact) (fact, bool)) *reference {
	out := &reference{byKind: map[string][]*fact{}, oldest: map[domain.Stream]int64{}, latest: map[domain.Stream]int64{}, channels: ref.channels, of: ref}
	var all []*fact
	for _, kind := range s.Source {
		for _, f := range ref.byKind[kind] {
			if own, ok := derive(f); ok {
				own.tiled = false
				all = append(all, &own)
			}
		}
	}
	slices.SortFunc(all, older)
	for i, f := range all {
		limit := 256
		if f.stream == domain.Decision {
			limit = 512
		}
		switch kept := len(all) - limit; {
		case i < kept:
			f.tiled = true
			out.latest[f.stream] = f.time
		case i == kept || i == 0:
			out.oldest[f.stream] = f.time
		}
	}
	out.byKind["own"] = all
	return out
}
