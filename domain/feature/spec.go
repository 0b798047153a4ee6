package feature

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain"
)

// Spec declares one feature.
type Spec struct {
	// Name is how rules call it: lower case letters, digits and underscores.
	Name        string `json:"name"`
	Description string `json:"description"`
	// Source are the kinds of events it is read from, for example "purchased" (see Kind).
	Source []string `json:"source"`
	// Per are the events that Source is set against, where the aggregation has a second side.
	Per []string `json:"per,omitempty"`
	// Aggregation is one of the constants below.
	Aggregation string `json:"aggregation"`
	// Window is a number of minutes, hours or days ("5m", "1h", "30d") up to 400 days, or "lifetime".
	Window string `json:"window"`
	// Unit is for people: "events", "currency", "days", ...
	Unit string `json:"unit"`
	// Default is the value when nothing is there to aggregate: a number, or "missing".
	Default string `json:"default"`
	// Owner is who answers for it.
	Owner string `json:"owner"`
}

// The aggregations. "Events" are those of Source within the window.
const (
	// Count of events.
	Count = "count"
	// Sum of amounts, in currency units.
	Sum = "sum"
	// Cost is the sum of costs (rewards), in currency units.
	Cost = "cost"
	// Mean amount, in currency units.
	Mean = "mean"
	// Ratio of the count of Source to the count of Per.
	Ratio = "ratio"
	// Distinct counts different items.
	Distinct = "distinct"
	// DaysSinceLast and DaysSinceFirst are from the event until now, in fractions of days. Lifetime only.
	DaysSinceLast  = "days_since_last"
	DaysSinceFirst = "days_since_first"
	// MeanGapDays is the mean time between one event and the next, in days; from two events on. Lifetime only.
	MeanGapDays = "mean_gap_days"
	// GapHours is from the latest event of Source that is not after the latest of Per, until that, in hours.
	GapHours = "gap_hours"
	// PreferredHour is the hour of the day (UTC, 0-23) with most events, the earliest of equals; PreferredHourShare
	// is its share of the events.
	PreferredHour      = "preferred_hour"
	PreferredHourShare = "preferred_hour_share"
	// PreferredChannel is the code of the channel with most events, the least code of equals; PreferredChannelShare
	// is its share of the events with a channel. The codes are the view's (View.ChannelCode).
	PreferredChannel      = "preferred_channel"
	PreferredChannelShare = "preferred_channel_share"
)

// aggregations say what each takes beyond a source.
var aggregations = map[string]struct{ per, lifetimeOnly, listedOnly bool }{
	Count: {}, Sum: {}, Cost: {}, Mean: {},
	Ratio:                 {per: true},
	Distinct:              {listedOnly: true},
	DaysSinceLast:         {lifetimeOnly: true},
	DaysSinceFirst:        {lifetimeOnly: true},
	MeanGapDays:           {lifetimeOnly: true},
	GapHours:              {per: true, listedOnly: true},
	PreferredHour:         {listedOnly: true},
	PreferredHourShare:    {listedOnly: true},
	PreferredChannel:      {listedOnly: true},
	PreferredChannelShare: {listedOnly: true},
}

// Lifetime is the window without a beginning, and Missing the default that is no number.
const (
	Lifetime = "lifetime"
	Missing  = "missing"
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
	m := windowText.FindStringSubmatch(s.Window)
	if m == nil {
		return 0, fmt.Errorf("window %q is neither a number of m, h or d nor %q", s.Window, Lifetime)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("window %q: %w", s.Window, err)
	}
	w := n * map[string]int64{"m": minuteMS, "h": hourMS, "d": dayMS}[m[2]]
	if w > maxWindow {
		return 0, fmt.Errorf("window %q is wider than 400d", s.Window)
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
		return 0, fmt.Errorf("default %q is neither a number nor %q", s.Default, Missing)
	}
	return v, nil
}

// check finds what is wrong with a spec, apart from its name's being taken.
func (s Spec) check() error {
	facts, known := aggregations[s.Aggregation]
	var faults []error
	fault := func(broken bool, format string, args ...any) {
		if broken {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!featureName.MatchString(s.Name), "name must be lower case letters, digits and underscores, at most 64")
	fault(strings.TrimSpace(s.Description) == "", "description is empty")
	fault(strings.TrimSpace(s.Owner) == "", "owner is empty")
	fault(strings.TrimSpace(s.Unit) == "", "unit is empty")
	fault(len(s.Source) == 0, "source is empty")
	fault(!known, "aggregation %q is unknown", s.Aggregation)
	fault(known && facts.per != (len(s.Per) > 0), "per goes with %s and %s, and only with them", Ratio, GapHours)
	width, err := s.WindowMS()
	fault(err != nil, "%w", err)
	fault(err == nil && facts.lifetimeOnly && width != 0, "%s is read over %q only", s.Aggregation, Lifetime)
	_, err = s.DefaultValue()
	fault(err != nil, "%w", err)
	source, err := parseKinds(s.Source)
	fault(err != nil, "source: %w", err)
	per, err := parseKinds(s.Per)
	fault(err != nil, "per: %w", err)
	for _, k := range append(source, per...) {
		fault(!kindFacts[k].listed && s.Aggregation != DaysSinceFirst, "of %s events only %s can be read", k, DaysSinceFirst)
		fault(facts.listedOnly && k.Stream() != domain.Behaviour, "%s reads events of BEHAVIOUR only, not %s", s.Aggregation, k)
	}
	return errors.Join(faults...)
}

// parseKinds reads a list of different kinds.
func parseKinds(names []string) ([]Kind, error) {
	var out []Kind
	var seen [kinds]bool
	for _, name := range names {
		k, ok := parseKind(name)
		if !ok {
			return nil, fmt.Errorf("%q is no kind of event", name)
		}
		if seen[k] {
			return nil, fmt.Errorf("%q is named twice", name)
		}
		seen[k] = true
		out = append(out, k)
	}
	return out, nil
}
