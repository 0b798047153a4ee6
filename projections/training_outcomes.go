package projections

import (
	"cmp"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// happened are the events of a family that decide labels and populations, and its decisions, by time.
type happened struct {
	decisions []decided
	// outcomes are those that the label's selection takes; conditions those that each of its population's takes.
	outcomes   []counted
	conditions [][]counted
}

// counted is an event that counts.
type counted struct {
	timeMS, micros int64
	ref            int32
	// of is what an outcome says it belongs to, credited the place of the decision that it does belong to, -1 for none:
	// of labels about offers.
	of       *event.OutcomeOf
	credited int
}

// gather reads a family's decisions and the events that count.
func (t *trainee) gather() error {
	l := &t.export.request.Label
	t.decisions, t.outcomes = t.decisions[:0], t.outcomes[:0]
	if t.conditions == nil {
		t.conditions = make([][]counted, len(l.Conditions()))
	}
	for i := range t.conditions {
		t.conditions[i] = t.conditions[i][:0]
	}
	var counting [256]bool
	for _, k := range l.Selection().Kinds() {
		counting[bodyOf(k)] = true
	}
	for _, c := range l.Conditions() {
		for _, k := range c.Selection.Kinds() {
			counting[bodyOf(k)] = true
		}
	}
	for i := range t.family.events {
		e := &t.family.events[i]
		if e.body == uint8(bodyDecision) && e.stream == domain.Decision && t.export.request.AtDecisions {
			d, err := t.decidedOf(e)
			if err != nil {
				return err
			}
			t.decisions = append(t.decisions, d)
		}
		if !counting[e.body] || e.mirrored {
			continue
		}
		if err := t.count(int32(i), e); err != nil {
			return err
		}
	}
	slices.SortFunc(t.decisions, byTime)
	for i := range t.decisions {
		t.decisions[i].place = i
	}
	earlier := func(x, y counted) int { return cmp.Or(cmp.Compare(x.timeMS, y.timeMS), cmp.Compare(x.ref, y.ref)) }
	slices.SortFunc(t.outcomes, earlier)
	for _, list := range t.conditions {
		slices.SortFunc(list, earlier)
	}
	if l.OfOffer() {
		t.credit()
	}
	return nil
}

func (t *trainee) count(i int32, e *heldEvent) error {
	r, err := e.frame().Recorded(nil)
	if err != nil {
		return err
	}
	if s, known := domain.StreamOf(r.Event); !known || s != e.stream {
		return nil
	}
	l := &t.export.request.Label
	if micros, ok := l.Selection().Take(r.Event); ok {
		t.outcomes = append(t.outcomes, counted{timeMS: feature.TimeOf(r.Event), micros: micros, ref: i, of: feature.OutcomeOf(r.Event), credited: -1})
	}
	for n, c := range l.Conditions() {
		if micros, ok := c.Selection.Take(r.Event); ok {
			t.conditions[n] = append(t.conditions[n], counted{timeMS: feature.TimeOf(r.Event), micros: micros, ref: i})
		}
	}
	return nil
}

// credit finds the decision that each outcome belongs to: the one it names, else the latest before it that gave the
// same offer to the person.
func (t *trainee) credit() {
	byID := map[domain.Alias]int{}
	for i := range t.decisions {
		byID[t.decisions[i].id] = i
	}
	for i := range t.outcomes {
		c := &t.outcomes[i]
		e := &t.family.events[c.ref]
		if id, err := domain.AliasFromBytes(c.of.GetDecision()); err == nil {
			if at, known := byID[id]; known {
				c.credited = at
			}
			continue
		}
		for at := len(t.decisions) - 1; at >= 0 && c.credited < 0; at-- {
			d := &t.decisions[at]
			if d.decision.GetOffer() == c.of.GetOffer() && c.of.GetOffer() != "" && t.after(c, &d.moment, d.atMS) &&
				slices.Contains(t.profile(d.alias, &d.moment), int(e.member)) {
				c.credited = at
			}
		}
	}
}

// after says whether an event happened after a time: later, or in the same millisecond as the moment without its
// knowing.
func (t *trainee) after(c *counted, m *moment, afterMS int64) bool {
	if c.timeMS != afterMS {
		return c.timeMS > afterMS
	}
	return afterMS == m.atMS && !m.knows(&t.family.events[c.ref])
}

// resolve adds up what the label of a row looks at: of the aliases that were the person's at the row.
func (t *trainee) resolve(members []int, m *moment, d *decided, afterMS, untilMS int64) (events, micros int64) {
	credited := -1
	if t.export.request.Label.OfOffer() {
		credited = d.place
	}
	from, _ := slices.BinarySearchFunc(t.outcomes, afterMS, func(c counted, at int64) int { return cmp.Compare(c.timeMS, at) })
	for i := from; i < len(t.outcomes) && t.outcomes[i].timeMS <= untilMS; i++ {
		c := &t.outcomes[i]
		switch {
		case credited >= 0 && c.credited != credited, !t.after(c, m, afterMS):
		case credited < 0 && !slices.Contains(members, int(t.family.events[c.ref].member)):
		default:
			events, micros = events+1, micros+c.micros
		}
	}
	return events, micros
}

// meets says whether what is known at a row is what the label's population asks for, but for its rule.
func (t *trainee) meets(members []int, m *moment) bool {
	for n, c := range t.export.request.Label.Conditions() {
		since := int64(math.MinInt64)
		if c.WithinMS < math.MaxInt64 {
			since = m.atMS - c.WithinMS
		}
		count := int64(0)
		list := t.conditions[n]
		for i := len(list) - 1; i >= 0 && list[i].timeMS > since && count < c.Count; i-- {
			e := &t.family.events[list[i].ref]
			if list[i].timeMS <= m.atMS && slices.Contains(members, int(e.member)) && m.knows(e) {
				count++
			}
		}
		if count < c.Count {
			return false
		}
	}
	return true
}

// anythingKnown says whether a moment knows any event of the members.
func (t *trainee) anythingKnown(members []int, m *moment) bool {
	for i := range t.family.events {
		if e := &t.family.events[i]; slices.Contains(members, int(e.member)) && m.knows(e) {
			return true
		}
	}
	return false
}
