package identity

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// overlay is a cell with taken events: what the log says of it, and the events after that in the order of taking.
type overlay struct {
	confirmed content
	events    []*event.Event
}

// forget takes an event out of an overlay, if it is there.
func (r *Register) forget(e *event.Event, o *overlay) {
	if _, taken := r.taken[string(e.GetId())]; !taken {
		return
	}
	before := len(o.events)
	o.events = slices.DeleteFunc(o.events, func(x *event.Event) bool { return string(x.GetId()) == string(e.GetId()) })
	if len(o.events) < before {
		delete(r.taken, string(e.GetId()))
	}
}

// settle brings a cell to what its overlay says.
func (r *Register) settle(key cell, o *overlay) {
	c := o.confirmed
	for _, e := range o.events {
		c = c.next(key, e, domain.Position{})
	}
	if len(o.events) == 0 {
		delete(r.pending, key)
	}
	r.install(key, c)
}

// read is what a cell holds now.
func (r *Register) read(key cell) content {
	switch key.kind {
	case cellPair:
		c := content{links: r.graph.Links(key.a, key.b)}
		if s := r.said[key.a][key.b]; s != nil {
			c.said = *s
		}
		return c
	case cellMark:
		return content{mark: r.marks[key.a]}
	case cellConsent:
		if s, said := r.consents.Said(key.a, key.purpose); said {
			return content{consent: &s}
		}
		return content{}
	}
	return content{guards: r.guards}
}

// install makes a cell hold the content.
func (r *Register) install(key cell, c content) {
	switch key.kind {
	case cellPair:
		r.installLinks(key, c.links)
		r.installSaid(key, c.said)
	case cellMark:
		r.installMark(key.a, c.mark)
	case cellConsent:
		if c.consent == nil {
			r.consents.Remove(key.a, key.purpose)
		} else {
			r.consents.Put(key.a, *c.consent)
		}
	default:
		r.guards = c.guards
	}
}

func (r *Register) installLinks(key cell, links int) {
	have := r.graph.Links(key.a, key.b)
	for ; have < links; have++ {
		r.graph.link(key.a, key.b)
	}
	for ; have > links; have-- {
		r.graph.unlink(key.a, key.b)
	}
}

func (r *Register) installSaid(key cell, s said) {
	old := r.said[key.a][key.b]
	if old != nil {
		if old.withheld != nil {
			r.withheld[old.withheld.Guard]--
		}
	} else if s == (said{}) {
		return
	}
	if s.withheld != nil {
		r.withheld[s.withheld.Guard]++
	}
	var entry *said
	if s != (said{}) {
		entry = &s
	}
	for _, ends := range [2][2]domain.Alias{{key.a, key.b}, {key.b, key.a}} {
		put(r.said, ends[0], ends[1], entry)
		put(r.bars, ends[0], ends[1], s.bar != nil)
	}
}

// put keeps a value for two ends in order; the zero value takes it out.
func put[V comparable](all map[domain.Alias]map[domain.Alias]V, from, to domain.Alias, value V) {
	var zero V
	of := all[from]
	if value == zero {
		if delete(of, to); len(of) == 0 {
			delete(all, from)
		}
		return
	}
	if of == nil {
		of = map[domain.Alias]V{}
		all[from] = of
	}
	of[to] = value
}

func (r *Register) installMark(a domain.Alias, m *Marked) {
	mark := Unmarked
	if m == nil {
		delete(r.marks, a)
	} else {
		r.marks[a], mark = m, m.Mark
	}
	r.graph.setMark(a, mark)
}

// supersede forgets what a new link between two aliases settles.
func (r *Register) supersede(key cell) {
	if s := r.said[key.a][key.b]; s != nil {
		r.installSaid(key, s.linked())
	}
}
