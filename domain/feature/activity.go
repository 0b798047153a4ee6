package feature

import (
	"sort"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// parts is how many streams an activity has a part of: BEHAVIOUR, IDENTITY, DECISION and OUTCOME, which are the
// first of domain.Stream.
const parts = int(domain.Outcome) + 1

// Activity is the folded state of one alias, or of the aliases of a profile after Merge. It is a value: folding
// returns a new one and leaves the old one as it was. The zero Activity is of an alias nothing is known of.
type Activity struct {
	parts     [parts]part
	aliasType string
	traits    bool
	// layout says what series has, in its order.
	layout *Layout
	series []part
}

// restart makes it the activity of an alias nothing is known of, in the memory of its lists, which nobody else has.
func (a *Activity) restart(l *Layout) {
	for s := range a.parts {
		a.parts[s] = a.parts[s].emptied()
	}
	series := a.series
	if a.layout != l || series == nil {
		series = l.Empty().series
	}
	for i := range series {
		series[i] = series[i].emptied()
	}
	*a = Activity{parts: a.parts, layout: l, series: series}
}

// Layout is the series that the activity keeps.
func (a Activity) Layout() *Layout { return a.layout }

// Applied is the position of the last event of a stream that was folded in; zero for none and for streams that are
// not about people. After Merge it is the latest of the aliases' positions.
func (a Activity) Applied(s domain.Stream) domain.Position {
	if int(s) >= parts {
		return domain.Position{}
	}
	return a.parts[s].applied
}

// AliasType is the type of identifier the alias stands for; "" while no event has said so. Should events disagree
// (and after Merge) it is the first in alphabetical order.
func (a Activity) AliasType() string { return a.aliasType }

// TraitsKnown says whether any trait of the person was ever recorded.
func (a Activity) TraitsKnown() bool { return a.traits }

// FirstMS is the time of the earliest event of any stream, and LastMS of the latest; false when there is none.
func (a Activity) FirstMS() (int64, bool) {
	t := a.Totals()
	return t.FirstMS, t.Events > 0
}

// LastMS is the time of the latest event of any stream; false when there is none.
func (a Activity) LastMS() (int64, bool) {
	t := a.Totals()
	return t.LastMS, t.Events > 0
}

// Contacts are the offers received later than since (Unix milliseconds), own and external, oldest first. They are
// complete for a person with no more than MaxContacts of them; of a person with more, the latest MaxContacts.
func (a Activity) Contacts(since int64) []*event.Contact {
	p := &a.parts[domain.Decision]
	from := sort.Search(len(p.entries), func(i int) bool { return p.entries[i].time > since })
	listed := p.entries[from:]
	if len(listed) == 0 {
		return nil
	}
	block := make([]event.Contact, len(listed))
	out := make([]*event.Contact, len(listed))
	for i := range listed {
		e, c := &listed[i], &block[i]
		c.TimeMs = e.time
		c.Channel, c.Category, c.Offer = p.text(e.channel), p.text(e.category), p.text(e.offer)
		out[i] = c
	}
	return out
}

// Bytes is about how much memory the activity takes.
func (a Activity) Bytes() int {
	n := 0
	for _, list := range [][]part{a.parts[:], a.series} {
		for i := range list {
			n += list[i].bytes()
		}
	}
	return n
}
