package feature

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// plan is a view compiled for reading: what to gather in one pass over an activity, and how each feature follows
// from it.
type plan struct {
	// windows are the different widths, ascending; the band after the last is for life.
	windows  []int64
	channels []string
	series   []*series
	steps    []step
	scans    []scan
	// watched are those whose answers differ from moment to moment.
	watched []scan
	// ages and watches are the steps whose values do, by their places: for their ages, and because they need one of these.
	ages    []int
	watches []int
	demands []demand
	context map[string]int
}

// step computes one feature.
type step struct {
	aggregation aggregation
	source, per []slot
	// band is the window's place among the plan's windows; len(windows) is for life.
	band int
	// days is the window's width, 0 for life.
	days float64
	// scan is the place of the gathered answer, for aggregations that need one, or of what is watched.
	scan     int
	fallback float64
	// prior is what a ratio's prior adds to both sides.
	prior struct{ source, per float64 }
}

// slot is where sums are gathered: those of a kind, then those of the plan's series.
type slot uint8

// aggregation is a Spec.Aggregation as a number.
type aggregation uint8

const (
	count aggregation = iota
	rate
	sum
	cost
	mean
	ratio
	daysSinceLast
	daysSinceFirst
	meanGapDays
	// Those from here on are scans.
	distinct
	least
	most
	last
	first
	entropy
	gapHours
	streak
	preferredHour
	preferredHourShare
	preferredChannel
	preferredChannelShare
	// These look at the listed events at every moment.
	decayedSum
	purchaseIntent
	// onDemand is neither.
	onDemand
)

// scan is a pass of its own over the listed events of one part, shared by the features that need the same.
type scan struct {
	aggregation aggregation
	// place is the part: a stream's, or parts plus the place of a series.
	place int
	// from and to are sets of kinds, one bit each.
	from, to uint16
	// band is the window's; distinct counts every window in one scan and uses none.
	band     int
	halfLife int64
}

// Bounds of the room that a reading needs on the stack.
const (
	maxScans   = 64
	fewScans   = 16
	fewAges    = 32
	fewWatched = 8
	maxSeries  = 48
	fewSeries  = 12
	maxSlots   = kinds + maxSeries
)

// compiler makes a plan of a document whose specs have been checked.
type compiler struct {
	plan     *plan
	document document
	found    *problem.List
}

func compile(d document, found *problem.List) *plan {
	p := &plan{channels: d.Channels}
	c := &compiler{plan: p, document: d, found: found}
	for _, s := range d.Features {
		if w, err := s.WindowMS(); s.Aggregation != OnDemand && err == nil && w != 0 && !slices.Contains(p.windows, w) {
			p.windows = append(p.windows, w)
		}
	}
	slices.Sort(p.windows)
	if len(p.windows) > maxViewWindows {
		found.Add("features", problem.TooMany, "%d different windows, at most %d", len(p.windows), maxViewWindows)
		return nil
	}
	for i, s := range d.Features {
		st := c.step(i, s)
		switch {
		case st.ages():
			p.ages = append(p.ages, i)
		case st.watches():
			p.watches = append(p.watches, i)
		}
		p.steps = append(p.steps, st)
	}
	if n := len(p.scans) + len(p.watched); n > maxScans {
		found.Add("features", problem.TooMany, "%d different scans (%s, %s, ...), at most %d", n, Distinct, Min, maxScans)
	}
	if len(p.series) > maxSeries {
		found.Add("features", problem.TooMany, "%d different filters and values, at most %d", len(p.series), maxSeries)
	}
	c.demands()
	return p
}

func (c *compiler) step(i int, s Spec) step {
	known := aggregations()[s.Aggregation]
	st := step{aggregation: known.as}
	st.fallback, _ = s.DefaultValue()
	if s.Prior != nil {
		st.prior.source, st.prior.per = s.Prior.Share*s.Prior.Weight, s.Prior.Weight
	}
	if known.as == onDemand {
		return st
	}
	w, _ := s.WindowMS()
	st.days = float64(w) / float64(dayMS)
	if st.band = slices.Index(c.plan.windows, w); w == 0 {
		st.band = len(c.plan.windows)
	}
	var ignored problem.List
	source, per := parseKinds("", s.Source, &ignored), parseKinds("", s.Per, &ignored)
	place := int(source[0].Stream())
	for _, k := range source {
		st.source = append(st.source, slot(k))
	}
	for _, k := range per {
		st.per = append(st.per, slot(k))
	}
	if s.own() {
		at := c.series(i, s, source, known)
		c.plan.series[at].keeps |= known.keeps()
		st.source, place = []slot{slot(kinds + at)}, parts+at
	}
	if known.scan {
		st.scan = c.scan(scan{aggregation: known.as, place: place, from: setOf(source), to: setOf(per), band: st.band}, s)
	}
	return st
}

// scan is the place of the pass a step needs.
func (c *compiler) scan(x scan, s Spec) int {
	list := &c.plan.scans
	switch x.aggregation {
	case decayedSum, purchaseIntent:
		list = &c.plan.watched
	case preferredHourShare:
		x.aggregation = preferredHour
	case preferredChannelShare:
		x.aggregation = preferredChannel
	case distinct:
		x.band = 0
	}
	x.halfLife, _ = s.HalfLifeMS()
	if at := slices.Index(*list, x); at >= 0 {
		return at
	}
	*list = append(*list, x)
	return len(*list) - 1
}

func setOf(list []Kind) uint16 {
	var set uint16
	for _, k := range list {
		set |= 1 << k
	}
	return set
}

// series is the place of the series that a feature is read from.
func (c *compiler) series(i int, s Spec, source []Kind, known takes) int {
	d := definition{Source: s.Source, Filter: s.Filter, Lines: s.Lines, Value: s.Value}
	id := d.id()
	if at := slices.IndexFunc(c.plan.series, func(x *series) bool { return x.id == id }); at >= 0 {
		c.checkValue(i, s, known)
		return at
	}
	x := &series{id: id, kinds: slices.Sorted(slices.Values(source)), stream: source[0].Stream()}
	event := []expression.Object{factsObject("event", eventFacts(), source)}
	of := append(event, factsObject("line", lineFacts(), nil))
	x.filter = c.expression(i, "filter", s.Filter, event, "true or false", types.BoolType)
	x.lines = c.expression(i, "lines", s.Lines, of, "true or false", types.BoolType)
	if s.Lines == "" {
		of = event
	} else if lines := []Kind{Viewed, Carted, Purchased, Refunded}; without(lines, source) != 0 {
		c.found.Add(featureAt(i)+".lines", problem.Conflict, "%s events have no lines", without(lines, source))
	}
	c.checkValue(i, s, known)
	if s.Value != "" {
		want, allowed := valueTypes(known)
		x.value = c.expression(i, "value", s.Value, of, want, allowed...)
	}
	c.plan.series = append(c.plan.series, x)
	return len(c.plan.series) - 1
}

// checkValue: a value goes with aggregations of amounts or of items.
func (c *compiler) checkValue(i int, s Spec, known takes) {
	if s.Value != "" && !known.numbers && !known.texts {
		c.found.Add(featureAt(i)+".value", problem.Conflict, "%s has no value: it only counts events", s.Aggregation)
	}
}

func valueTypes(known takes) (string, []*types.Type) {
	if known.texts {
		return "a text or a list of texts", []*types.Type{types.StringType, types.NewListType(types.StringType)}
	}
	return "a number", []*types.Type{types.DoubleType, types.IntType}
}

// expression compiles one; nil when there is none, or it has faults.
func (c *compiler) expression(
	i int, field, source string, objects []expression.Object, want string, allowed ...*types.Type,
) *expression.Compiled {
	if source == "" {
		return nil
	}
	env, err := expression.New(objects)
	if err != nil {
		c.found.Add(featureAt(i)+"."+field, problem.Invalid, "%v", err)
		return nil
	}
	compiled, faults := env.Compile(source, want, allowed...)
	for _, f := range faults {
		c.found.Add(featureAt(i)+"."+field, f.Reason, "%s", f.Message)
	}
	if len(faults) > 0 {
		return nil
	}
	return &compiled
}

func featureAt(i int) string { return fmt.Sprintf("features[%d]", i) }
