package feature

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// Spec declares one feature.
type Spec struct {
	// Name is how rules call it: lower case letters, digits and underscores.
	Name        string `json:"name"`
	Description string `json:"description"`
	// Source are the kinds of events it is read from, for example "purchased" (see Kind).
	Source []string `json:"source"`
	// Filter, a CEL condition over `event`, says which of them count; empty is all.
	Filter string `json:"filter,omitempty"`
	// Lines, a CEL condition over `line` (and `event`), says which lines of a basket count: an event without any does
	// not, and the amount of one is that of its lines.
	Lines string `json:"lines,omitempty"`
	// Value is a CEL expression over `event` (over `line`, too, with Lines): a number is what is summed, averaged, ...
	// instead of the event's amount; a text or a list of texts is what is told apart instead of its items.
	Value string `json:"value,omitempty"`
	// Per are the events that Source is set against, where the aggregation has a second side.
	Per []string `json:"per,omitempty"`
	// Aggregation is one of the constants below.
	Aggregation string `json:"aggregation"`
	// Window is a number of minutes, hours or days ("5m", "1h", "30d") up to 400 days, or "lifetime".
	Window string `json:"window"`
	// Prior, of ratio only, draws the ratio of who is little known towards what is usual.
	Prior *Prior `json:"prior,omitempty"`
	// HalfLife is after which time an amount counts half, written as a window; of decayed_sum only.
	HalfLife string `json:"half_life,omitempty"`
	// Expression, of on_demand only, is CEL over `features`, `context`, `placement`, `channel` and `now`: a number, or a
	// condition (1 or 0), computed when a decision is made.
	Expression string `json:"expression,omitempty"`
	// Unit is for people: "events", "currency", "days", ...
	Unit string `json:"unit"`
	// Default is the value when nothing is there to aggregate: a number, or "missing".
	Default string `json:"default"`
	// Owner is who answers for it.
	Owner string   `json:"owner"`
	Tags  []string `json:"tags,omitempty"`
	// PII is what the feature may tell of a person: "", "none", "behaviour", "contact" or "special".
	PII string `json:"pii,omitempty"`
}

// Prior is what is usual: a ratio that counts as much as so many events of Per.
type Prior struct {
	Share  float64 `json:"share"`
	Weight float64 `json:"weight"`
}

// The aggregations. "Events" are those of Source within the window, "amounts" theirs, in currency units or whatever
// Value gives.
const (
	// Count of events; Rate is the count by day of the window (for life: since the first, at least one day).
	Count = "count"
	Rate  = "rate"
	// Sum, Mean, Min and Max of amounts; Last and First are the amounts of the latest and the earliest event.
	Sum   = "sum"
	Mean  = "mean"
	Min   = "min"
	Max   = "max"
	Last  = "last"
	First = "first"
	// DecayedSum is the sum of amounts, each halved for every HalfLife since.
	DecayedSum = "decayed_sum"
	// Cost is the sum of costs (rewards), in currency units.
	Cost = "cost"
	// Ratio of the count of Source to the count of Per; with a Prior, (Source + weight share) / (Per + weight), and never
	// missing.
	Ratio = "ratio"
	// Distinct counts different items; Entropy is how evenly the events spread over them, in bits.
	Distinct = "distinct"
	Entropy  = "entropy"
	// DaysSinceLast and DaysSinceFirst are from the event until now, in fractions of days. Lifetime only.
	DaysSinceLast  = "days_since_last"
	DaysSinceFirst = "days_since_first"
	// MeanGapDays is the mean time between one event and the next, in days; from two events on. Lifetime only.
	MeanGapDays = "mean_gap_days"
	// GapHours is from the latest event of Source that is not after the latest of Per, until that, in hours.
	GapHours = "gap_hours"
	// Streak is on how many days in a row (UTC), up to today or yesterday, there was an event.
	Streak = "streak"
	// PreferredHour is the hour of the day (UTC, 0-23) with most events, the earliest of equals; PreferredHourShare
	// is its share of the events.
	PreferredHour      = "preferred_hour"
	PreferredHourShare = "preferred_hour_share"
	// PreferredChannel is the code of the channel with most events, the least code of equals; PreferredChannelShare
	// is its share of the events with a channel. The codes are the view's (View.ChannelCode).
	PreferredChannel      = "preferred_channel"
	PreferredChannelShare = "preferred_channel_share"
	// PurchaseIntent is how near to buying a person is in the session under way, from 0 to 1 (habit.IntentOf).
	PurchaseIntent = "purchase_intent"
	// OnDemand is computed from the request, and from other features, by Expression.
	OnDemand = "on_demand"
)

// takes says what an aggregation takes beyond a source.
type takes struct {
	as aggregation
	// per: a second side; life: it is read over a lifetime only; halfLife: it has one.
	per, life, halfLife bool
	// scan: it looks at the events of one stream one by one. items: at their items, which only BEHAVIOUR has, unless
	// there is a value of texts.
	scan, items bool
	// deeds: it reads what habits are read from, and nothing else.
	deeds bool
	// texts: a value must be texts; numbers: it must be a number; neither: there is none.
	texts, numbers bool
}

// keeps is what it looks at of the events of a series.
func (t takes) keeps() (k keeps) {
	if t.items || t.deeds {
		k |= keepsItems
	}
	if t.as == preferredChannel || t.as == preferredChannelShare {
		k |= keepsChannels
	}
	return k
}

// aggregations by name.
func aggregations() map[string]takes {
	return map[string]takes{
		Count: {as: count}, Rate: {as: rate},
		Sum: {as: sum, numbers: true}, Mean: {as: mean, numbers: true}, Cost: {as: cost},
		Min: {as: least, scan: true, numbers: true}, Max: {as: most, scan: true, numbers: true},
		Last: {as: last, scan: true, numbers: true}, First: {as: first, scan: true, numbers: true},
		DecayedSum: {as: decayedSum, scan: true, numbers: true, halfLife: true},
		Ratio:      {as: ratio, per: true},
		Distinct:   {as: distinct, scan: true, items: true, texts: true},
		Entropy:    {as: entropy, scan: true, items: true, texts: true},

		DaysSinceLast:  {as: daysSinceLast, life: true},
		DaysSinceFirst: {as: daysSinceFirst, life: true},
		MeanGapDays:    {as: meanGapDays, life: true},

		GapHours: {as: gapHours, per: true, scan: true}, Streak: {as: streak, scan: true},
		PreferredHour:    {as: preferredHour, scan: true},
		PreferredChannel: {as: preferredChannel, scan: true},

		PreferredHourShare:    {as: preferredHourShare, scan: true},
		PreferredChannelShare: {as: preferredChannelShare, scan: true},

		PurchaseIntent: {as: purchaseIntent, scan: true, deeds: true},

		OnDemand: {as: onDemand},
	}
}

// Lifetime is the window without a beginning, and Missing the default that is no number.
const (
	Lifetime = "lifetime"
	Missing  = "missing"
)

// Faults of a view, beside those of every document.
const (
	FaultUnknownEvent       = "UNKNOWN_EVENT"
	FaultUnknownField       = "UNKNOWN_FIELD"
	FaultUnknownAggregation = "UNKNOWN_AGGREGATION"
	FaultUnknownFeature     = "UNKNOWN_FEATURE"
	FaultUnknownContext     = "UNKNOWN_CONTEXT"
	FaultCycle              = "CYCLE"
)

var (
	featureName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	windowText  = regexp.MustCompile(`^([1-9][0-9]{0,6})([mhd])$`)
)

// WindowMS is the window's width in milliseconds; 0 is for life.
func (s Spec) WindowMS() (int64, error) {
	if s.Window == Lifetime {
		return 0, nil
	}
	return span(s.Window)
}

// HalfLifeMS is the half-life in milliseconds; 0 is none.
func (s Spec) HalfLifeMS() (int64, error) {
	if s.HalfLife == "" {
		return 0, nil
	}
	return span(s.HalfLife)
}

func span(written string) (int64, error) {
	m := windowText.FindStringSubmatch(written)
	if m == nil {
		return 0, fmt.Errorf("%q is neither a number of m, h or d nor %q", written, Lifetime)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", written, err)
	}
	w := n * map[string]int64{"m": minuteMS, "h": hourMS, "d": dayMS}[m[2]]
	if w > maxWindow {
		return 0, fmt.Errorf("%q is wider than 400d", written)
	}
	return w, nil
}

// DefaultValue is Default as a number; "missing" is domain.CanonicalNaN.
func (s Spec) DefaultValue() (float64, error) {
	if s.Default == Missing {
		return domain.CanonicalNaN, nil
	}
	v, err := strconv.ParseFloat(s.Default, 64)
	if err != nil || v != v || v-v != 0 {
		return 0, fmt.Errorf("%q is neither a number nor %q", s.Default, Missing)
	}
	return v, nil
}

// own says whether the feature is read from a series of its own.
func (s Spec) own() bool {
	return s.Filter != "" || s.Lines != "" || s.Value != "" || slices.ContainsFunc(s.Source, func(name string) bool {
		k, known := parseKind(name)
		return known && kindFacts[k].apart
	})
}

// Sources are the kinds of events that the feature is read from, Source and Per.
func (s Spec) Sources() []string { return slices.Concat(s.Source, s.Per) }

// check finds what is wrong with a spec, apart from its name's being taken and its expressions.
func (s Spec) check(at string, found *problem.List) {
	if !featureName.MatchString(s.Name) {
		found.Add(at+".name", problem.Invalid, "name must be lower case letters, digits and underscores, at most 64")
	}
	for _, f := range []struct{ field, text string }{
		{"description", s.Description}, {"owner", s.Owner}, {"unit", s.Unit},
	} {
		if strings.TrimSpace(f.text) == "" {
			found.Add(at+"."+f.field, problem.Required, "%s is empty", f.field)
		}
	}
	if _, err := s.DefaultValue(); err != nil {
		found.Add(at+".default", problem.Invalid, "default %v", err)
	}
	if pii := []string{"", "none", "behaviour", "contact", "special"}; !slices.Contains(pii, s.PII) {
		found.Add(at+".pii", problem.Unknown, "pii is none, behaviour, contact or special, not %q%s", s.PII, expression.Suggestion(s.PII, pii))
	}
	known, isKnown := aggregations()[s.Aggregation]
	switch {
	case !isKnown:
		found.Add(at+".aggregation", FaultUnknownAggregation, "aggregation %q is unknown%s", s.Aggregation, expression.Suggestion(s.Aggregation, aggregationNames()))
	case known.as == onDemand:
		s.checkOnDemand(at, found)
	default:
		s.checkStored(at, known, found)
	}
}

func aggregationNames() []string {
	var names []string
	for name := range aggregations() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s Spec) checkOnDemand(at string, found *problem.List) {
	if strings.TrimSpace(s.Expression) == "" {
		found.Add(at+".expression", problem.Required, "%s needs an expression", OnDemand)
	}
	if len(s.Source)+len(s.Per) > 0 || s.own() || s.Window != "" || s.HalfLife != "" || s.Prior != nil {
		found.Add(at, problem.Conflict, "%s has an expression and a default, no events and no window", OnDemand)
	}
}

func (s Spec) checkStored(at string, takes takes, found *problem.List) {
	if s.Expression != "" {
		found.Add(at+".expression", problem.Conflict, "an expression goes with %s only", OnDemand)
	}
	if takes.per != (len(s.Per) > 0) {
		found.Add(at+".per", problem.Conflict, "per goes with %s and %s, and only with them", Ratio, GapHours)
	}
	width, err := s.WindowMS()
	switch {
	case err != nil:
		found.Add(at+".window", problem.Invalid, "window %v", err)
	case takes.life && width != 0:
		found.Add(at+".window", problem.Conflict, "%s is read over %q only", s.Aggregation, Lifetime)
	}
	if _, err := s.HalfLifeMS(); err != nil {
		found.Add(at+".half_life", problem.Invalid, "half_life %v", err)
	}
	if takes.halfLife != (s.HalfLife != "") {
		found.Add(at+".half_life", problem.Conflict, "half_life goes with %s, and only with it", DecayedSum)
	}
	if s.Prior != nil {
		s.checkPrior(at+".prior", found)
	}
	source := parseKinds(at+".source", s.Source, found)
	if len(s.Source) == 0 {
		found.Add(at+".source", problem.Required, "source is empty")
	}
	s.checkKinds(at, takes, source, parseKinds(at+".per", s.Per, found), found)
}

func (s Spec) checkPrior(at string, found *problem.List) {
	if s.Aggregation != Ratio {
		found.Add(at, problem.Conflict, "prior goes with %s, and only with it", Ratio)
	}
	if p := s.Prior; !(p.Share >= 0 && p.Share <= 1e9) || !(p.Weight > 0 && p.Weight <= 1e9) {
		found.Add(at, problem.OutOfRange, "share %v is not between 0 and 1e9, or weight %v not above 0", p.Share, p.Weight)
	}
}

func (s Spec) checkKinds(at string, takes takes, source, per []Kind, found *problem.List) {
	if len(source) == 0 {
		return
	}
	for _, k := range slices.Concat(source, per) {
		if !kindFacts[k].listed && takes.as != daysSinceFirst {
			found.Add(at+".source", problem.Conflict, "of %s events only %s can be read", k, DaysSinceFirst)
			return
		}
	}
	if takes.deeds {
		for _, k := range source {
			if _, known := deedOf(k); !known {
				found.Add(at+".source", problem.Conflict, "%s is read from %s, %s, %s and %s, not from %s", s.Aggregation, Viewed, Carted, Purchased, Refunded, k)
				return
			}
		}
	}
	if i := slices.IndexFunc(per, func(k Kind) bool { return kindFacts[k].apart }); i >= 0 {
		found.Add(at+".per", problem.Conflict, "%s events can be a source only", per[i])
		return
	}
	for i, k := range slices.Concat(source, per) {
		stream := source[0].Stream()
		switch {
		case takes.items && s.Value == "" && k.Stream() != domain.Behaviour:
			found.Add(at+".source", problem.Conflict, "%s reads items, of events of BEHAVIOUR only, not %s: give a value", s.Aggregation, k)
			return
		case (takes.scan || s.own() && i < len(source)) && k.Stream() != stream:
			found.Add(at+".source", problem.Conflict, "%s reads events of one stream: %s is of %s, %s of %s", s.Aggregation, source[0], stream, k, k.Stream())
			return
		}
	}
	if s.own() && takes.as == gapHours {
		found.Add(at, problem.Conflict, "%s has no filter, lines or value, and reads no segments", GapHours)
	}
	if s.own() && takes.life && slices.ContainsFunc(source, func(k Kind) bool { return !kindFacts[k].listed }) {
		found.Add(at, problem.Conflict, "events that are only counted have no filter, lines or value")
	}
}

// parseKinds reads a list of different kinds.
func parseKinds(at string, names []string, found *problem.List) []Kind {
	var out []Kind
	var seen [kinds]bool
	for i, name := range names {
		field := fmt.Sprintf("%s[%d]", at, i)
		k, ok := parseKind(name)
		switch {
		case !ok:
			found.Add(field, FaultUnknownEvent, "%q is no kind of event%s", name, expression.Suggestion(name, kindNames()))
			continue
		case seen[k]:
			found.Add(field, problem.Duplicate, "%q is named twice", name)
		}
		seen[k] = true
		out = append(out, k)
	}
	return out
}
