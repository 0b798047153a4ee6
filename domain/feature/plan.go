package feature

import (
	"fmt"
	"slices"
)

// plan is a view compiled for reading: what to gather in one pass over an activity, and how each feature follows
// from it.
type plan struct {
	// windows are the different widths, ascending; the band after the last is for life.
	windows  []int64
	channels []string
	steps    []step
	scans    []scan
}

// step computes one feature.
type step struct {
	aggregation aggregation
	source, per []Kind
	// band is the window's place among the plan's windows; len(windows) is for life.
	band int
	// scan is the place of the gathered answer, for aggregations that need one.
	scan     int
	fallback float64
}

// aggregation is a Spec.Aggregation as a number.
type aggregation uint8

const (
	count aggregation = iota
	sum
	cost
	mean
	ratio
	distinct
	daysSinceLast
	daysSinceFirst
	meanGapDays
	gapHours
	preferredHour
	preferredHourShare
	preferredChannel
	preferredChannelShare
)

// number is the aggregation of a name that check has seen.
func number(name string) aggregation {
	return map[string]aggregation{
		Count: count, Sum: sum, Cost: cost, Mean: mean, Ratio: ratio, Distinct: distinct,
		DaysSinceLast: daysSinceLast, DaysSinceFirst: daysSinceFirst, MeanGapDays: meanGapDays, GapHours: gapHours,
		PreferredHour: preferredHour, PreferredHourShare: preferredHourShare,
		PreferredChannel: preferredChannel, PreferredChannelShare: preferredChannelShare,
	}[name]
}

// scan is a pass of its own over the listed events of BEHAVIOUR, shared by the features that need the same.
type scan struct {
	aggregation aggregation
	// from and to are sets of kinds, one bit each.
	from, to uint16
	// band is the window's; distinct counts every window in one scan and uses none.
	band int
}

// maxScans bounds the room a reading needs on the stack.
const maxScans = 16

func compile(d document) (*plan, error) {
	p := &plan{channels: d.Channels}
	for _, s := range d.Features {
		w, err := s.WindowMS()
		if err != nil {
			return nil, err
		}
		if w != 0 && !slices.Contains(p.windows, w) {
			p.windows = append(p.windows, w)
		}
	}
	slices.Sort(p.windows)
	if len(p.windows) > maxViewWindows {
		return nil, fmt.Errorf("%d different windows, at most %d", len(p.windows), maxViewWindows)
	}
	for _, s := range d.Features {
		st, err := p.step(s)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, st)
	}
	if len(p.scans) > maxScans {
		return nil, fmt.Errorf("%d different scans for distinct items, hours, channels and gaps, at most %d", len(p.scans), maxScans)
	}
	return p, nil
}

func (p *plan) step(s Spec) (step, error) {
	st := step{aggregation: number(s.Aggregation)}
	w, err := s.WindowMS()
	if err != nil {
		return step{}, err
	}
	if st.band = slices.Index(p.windows, w); w == 0 {
		st.band = len(p.windows)
	}
	if st.fallback, err = s.DefaultValue(); err != nil {
		return step{}, err
	}
	if st.source, err = parseKinds(s.Source); err != nil {
		return step{}, err
	}
	if st.per, err = parseKinds(s.Per); err != nil {
		return step{}, err
	}
	if aggregations[s.Aggregation].listedOnly {
		st.scan = p.scan(st)
	}
	return st, nil
}

// scan is the place of the pass a step needs.
func (p *plan) scan(st step) int {
	x := scan{aggregation: st.aggregation, from: setOf(st.source), to: setOf(st.per), band: st.band}
	switch x.aggregation {
	case preferredHourShare:
		x.aggregation = preferredHour
	case preferredChannelShare:
		x.aggregation = preferredChannel
	case distinct:
		x.band = 0
	}
	if at := slices.Index(p.scans, x); at >= 0 {
		return at
	}
	p.scans = append(p.scans, x)
	return len(p.scans) - 1
}

func setOf(list []Kind) uint16 {
	var set uint16
	for _, k := range list {
		set |= 1 << k
	}
	return set
}
