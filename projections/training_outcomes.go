package projections

import (
	"cmp"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
)

// happened are the events of a family that decide labels and populations, and its decisions, by time.
type happened struct {
	// counting are the bodies whose events may count; plain says that no expression looks at them.
	counting [math.MaxUint8 + 1]bool
	plain    bool

	decisions []decided
	// seen is the memory of what own decisions have seen.
	seen [][domain.Streams]domain.Position
	// outcomes are those that the label's selection takes; conditions those that each of its population's takes.
	outcomes   []counted
	conditions [][]counted
	byID       map[domain.Alias]int
}

// counted is an event that counts.
type counted struct {
	timeMS, micros int64
	ref            int32
	// named and offer are what an outcome says it belongs to, credited the place of the decision that it does belong to,
	// -1 for none: of labels about offers.
	named    []byte
	offer    string
	credited int
}

// of is for a label.
func (h *happened) of(l *label.Label) {
	h.plain, h.conditions, h.byID = true, make([][]counted, len(l.Conditions())), map[domain.Alias]int{}
	looks := []*feature.Selection{l.Selection()}
	for _, c := range l.Conditions() {
		looks = append(looks, c.Selection)
	}
	for _, s := range looks {
		h.plain = h.plain && s.Plain()
		for _, k := range s.Kinds() {
			h.counting[bodyOf(k)] = true
		}
	}
}

// gather reads a family's decisions and the events that count.
func (t *trainee) gather() error {
	l := &t.export.request.Label
	t.decisions, t.outcomes, t.seen = t.decisions[:0], t.outcomes[:0], t.seen[:0]
	t.records.reuse()
	for i := range t.conditions {
		t.conditions[i] = t.conditions[i][:0]
	}
	for i := range t.events {
		e := &t.events[i]
		if e.body == uint8(bodyDecision) && e.stream == domain.Decision && t.export.request.AtDecisions {
			d, err := t.decidedOf(e)
			if err != nil {
				return err
			}
			t.decisions = append(t.decisions, d)
		}
		if !t.counting[e.body] || e.mirrored {
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
	r, err := e.frame().Recorded(t.counter)
	if err != nil {
		return err
	}
	if s, known := domain.StreamOf(r.Event); !known || s != e.stream {
		return nil
	}
	l := &t.export.request.Label
	if micros, ok := l.Selection().Take(r.Event); ok {
		of := feature.OutcomeOf(r.Event)
		t.outcomes = append(t.outcomes, counted{
			timeMS: domain.TimeOf(r.Event), micros: micros, ref: i, named: of.GetDecision(), offer: of.GetOffer(), credited: -1,
		})
	}
	for n, c := range l.Conditions() {
		if micros, ok := c.Selection.Take(r.Event); ok {
			t.conditions[n] = append(t.conditions[n], counted{timeMS: domain.TimeOf(r.Event), micros: micros, ref: i})
		}
	}
	return nil
}

// credit finds the decision that each outcome belongs to: the one it names, else the latest before it that gave the
// same offer to the person.
func (t *trainee) credit() {
	if len(t.outcomes) == 0 {
		return
	}
	clear(t.byID)
	for i := range t.decisions {
		t.byID[t.decisions[i].id] = i
	}
	for i := range t.outcomes {
		c := &t.outcomes[i]
		e := &t.events[c.ref]
		if len(c.named) == len(domain.Alias{}) {
			if at, known := t.byID[domain.Alias(c.named)]; known {
				c.credited = at
			}
			continue
		}
		for at := len(t.decisions) - 1; at >= 0 && c.credited < 0; at-- {
			d := &t.decisions[at]
			if d.decision.GetOffer() == c.offer && c.offer != "" && t.after(c, &d.moment, d.atMS) &&
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
	return afterMS == m.atMS && !m.knows(&t.events[c.ref])
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
		case credited < 0 && !slices.Contains(members, int(t.events[c.ref].member)):
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
			e := &t.events[list[i].ref]
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
	for i := range t.events {
		if e := &t.events[i]; slices.Contains(members, int(e.member)) && m.knows(e) {
			return true
		}
	}
	return false
}
