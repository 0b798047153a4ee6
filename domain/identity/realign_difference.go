package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// difference is what leads from the present to what is wanted. Links on blocked aliases are left as they are: they
// count for nobody. So are links within one wanted profile: they join nobody else.
func (p *playing) difference() Realignment {
	r := Realignment{Marks: p.marks()}
	present, wanted := p.claims.present, p.wanted
	for _, l := range p.pairs {
		a, b := l.First.Alias, l.Second.Alias
		if wanted.graph.Mark(a) == Blocked || wanted.graph.Mark(b) == Blocked {
			continue
		}
		have, want := present.graph.Links(a, b), wanted.graph.Links(a, b)
		if want > 0 {
			if have == 0 {
				l.Rule, l.OccurredMS, l.ReceivedMS = RuleGuards, 0, 0
				r.Links = append(r.Links, l)
			}
			continue
		}
		var is, was *Withheld
		if s := wanted.said[a][b]; s != nil {
			is = s.withheld
		}
		if s := present.said[a][b]; s != nil {
			was = s.withheld
		}
		if have > 0 && wanted.graph.Linked(a, b) {
			continue
		}
		if have > 0 {
			l.Times = have
			if is != nil {
				l.Guard, l.GuardType = is.Guard, is.GuardType
			}
			r.TakenBack = append(r.TakenBack, l)
		}
		if is != nil && (was == nil || was.Guard != is.Guard || was.GuardType != is.GuardType) {
			r.Withheld = append(r.Withheld, is.Link)
		}
	}
	return r
}

// marks are the marks of guards that differ, by alias.
func (p *playing) marks() []Marking {
	var list []Marking
	present, wanted := p.claims.present, p.wanted
	for a, m := range wanted.marks {
		if m.Mark != Unmarked && present.graph.Mark(a) == Unmarked {
			list = append(list, m.Marking)
		}
	}
	for a, m := range present.marks {
		if m.Mark != Unmarked && wanted.graph.Mark(a) == Unmarked {
			list = append(list, Marking{Named: m.Named, Mark: Unmarked, Reason: "no longer seen with more people than shared_above"})
		}
	}
	slices.SortFunc(list, func(x, y Marking) int { return x.Alias.Compare(y.Alias) })
	return list
}

// seeds are the aliases whose profile may be another: the ends of all that changes.
func (p *playing) seeds(r *Realignment, events []*event.Event) []domain.Alias {
	var seeds []domain.Alias
	for _, list := range [][]Link{r.Links, r.TakenBack} {
		for _, l := range list {
			seeds = append(seeds, l.First.Alias, l.Second.Alias)
		}
	}
	for _, m := range r.Marks {
		seeds = append(seeds, m.Alias)
	}
	for _, e := range events {
		if key, ok := cellOf(e); ok && p.claims.concerns(e) {
			for _, a := range []domain.Alias{key.a, key.b} {
				if !a.IsZero() {
					seeds = append(seeds, a)
				}
			}
		}
	}
	return seeds
}
