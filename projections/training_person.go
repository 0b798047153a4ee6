package projections

import (
	"slices"
	"sort"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/past"
)

// moment is when a row is, and what it knows.
type moment struct {
	atMS int64
	// decision is nil at dates; own is one of this system, which knows what its record says.
	decision *event.Decision
	own      bool
	at       domain.Position
	// Any other knows what has an earlier key; at dates, that key's too.
	keyMS     int64
	inclusive bool
	source    uint32
	seq       uint64
	// to are the positions that an own decision has seen, by member.
	to [][domain.Streams]domain.Position
}

// knows says whether an event was known. Of those accepted in the same millisecond as a decision of another system,
// the ones before it in its own file, or in its own stream, were.
func (m *moment) knows(e *heldEvent) bool {
	switch {
	case m.own:
		return !e.at.After(m.to[e.member][e.stream])
	case e.keyMS != m.keyMS:
		return e.keyMS < m.keyMS
	case m.inclusive:
		return true
	case m.seq != 0:
		return e.seq != 0 && e.source == m.source && e.seq < m.seq
	}
	return e.seq == 0 && e.stream == domain.Decision && m.at.After(e.at)
}

// person is one alias of a family.
type person struct {
	alias domain.Alias
	past  past.Events
	// apart folds what is known of streams of which it is not what came first.
	apart *feature.Folder
	// refs are its events, by stream in the order of positions; ordered says of each whether their keys ascend, too.
	refs    [domain.Streams][]int32
	ordered [domain.Streams]bool
}

// persons sorts a family's events by whose they are, in the memory of the family before.
func (t *trainee) persons() []person {
	out := t.people[:0]
	if missing := len(t.members) - cap(out); missing > 0 {
		out = slices.Grow(t.people[:cap(t.people)], missing)
	}
	out = out[:len(t.members)]
	for i := range out {
		p := &out[i]
		p.alias = t.members[i]
		p.past.Decode, p.past.Layout = t.decoder.decode, t.export.layout
		p.past.Reset()
		for s := range p.refs {
			p.refs[s], p.ordered[s] = p.refs[s][:0], true
		}
	}
	for i := range t.events {
		e := &t.events[i]
		p := &out[e.member]
		if refs := p.refs[e.stream]; len(refs) > 0 && t.events[refs[len(refs)-1]].keyMS > e.keyMS {
			p.ordered[e.stream] = false
		}
		p.refs[e.stream] = append(p.refs[e.stream], int32(i))
		p.past.Add(e.stream, e.frame())
	}
	return out
}

// activity is what a moment knows of one alias.
func (t *trainee) activity(n int, m *moment) (feature.Activity, error) {
	p := &t.people[n]
	var to [domain.Streams]domain.Position
	if m.own {
		to = m.to[n]
	}
	var apart [domain.Streams]bool
	for s := range p.refs {
		if m.own || len(p.refs[s]) == 0 {
			continue
		}
		var prefix bool
		to[s], prefix = t.prefix(p, domain.Stream(s), m)
		apart[s] = !prefix
	}
	a, err := p.past.Look(to)
	if err != nil || apart == [domain.Streams]bool{} {
		return a, err
	}
	// The parts of an activity do not depend on one another: what is known of these streams is folded by itself.
	rest, err := t.folded(p, &apart, m)
	return feature.Merge(a, rest), err
}

// prefix finds the last event that a moment knows of a stream; false when it knows some and not an earlier one.
func (t *trainee) prefix(p *person, s domain.Stream, m *moment) (last domain.Position, prefix bool) {
	refs := p.refs[s]
	if !p.ordered[s] {
		return last, false
	}
	n := sort.Search(len(refs), func(i int) bool { return t.events[refs[i]].keyMS >= m.keyMS })
	for n < len(refs) && m.knows(&t.events[refs[n]]) {
		n++
	}
	for later := n; later < len(refs) && t.events[refs[later]].keyMS == m.keyMS; later++ {
		if m.knows(&t.events[refs[later]]) {
			return last, false
		}
	}
	if n > 0 {
		last = t.events[refs[n-1]].at
	}
	return last, true
}

// folded folds what a moment knows of some streams of an alias anew, in the order of the log.
func (t *trainee) folded(p *person, streams *[domain.Streams]bool, m *moment) (feature.Activity, error) {
	if p.apart == nil {
		p.apart = feature.NewFolder(t.export.layout.Empty())
	}
	p.apart.Restart()
	for s, apart := range streams {
		if !apart {
			continue
		}
		for _, i := range p.refs[s] {
			e := &t.events[i]
			if !m.knows(e) {
				continue
			}
			r, err := e.frame().Recorded(t.decoder.decode)
			if err != nil {
				return feature.Activity{}, err
			}
			p.apart.Fold(r)
		}
	}
	return p.apart.Peek(), nil
}

// linking are a family's links and marks, numbered in the order of the log.
type linking struct {
	links *past.Links
	// refs are the events that change it: the number of one is its place here, from 1.
	refs   []int32
	events []*event.Event
}

func (t *trainee) linkingOf() (linking, error) {
	l := linking{refs: t.linking.refs[:0], events: t.linking.events[:0]}
	t.linked.reuse()
	for i := range t.events {
		e := &t.events[i]
		if e.stream != domain.Identity || e.mirrored || !isLinking(e.body) {
			continue
		}
		decode := whole
		if e.body == uint8(bodyLinked) {
			decode = t.decodeLink
		}
		r, err := e.frame().Recorded(decode)
		if err != nil {
			return l, err
		}
		l.refs, l.events = append(l.refs, int32(i)), append(l.events, r.Event)
	}
	if len(l.events) > 0 {
		l.links = past.NewLinks()
		for i, e := range l.events {
			l.links.Add(uint64(i+1), e)
		}
	}
	return l, nil
}

// decodeLink reads the ends of a link, into memory that is the family's.
func (t *trainee) decodeLink(frame []byte) (*event.Event, bool) {
	e := t.linked.events.next()
	return e, t.decoder.lean.decode(e, frame, &t.linked)
}

func isLinking(body uint8) bool {
	return body == uint8(bodyLinked) || body == uint8(bodyUnlinked) || body == uint8(bodyMarked)
}

// profiled is whose profile was asked for last, and after how many of the family's links and marks, plus one.
type profiled struct {
	alias domain.Alias
	after int
}

// profile lists the members of an alias's profile at a moment, the earliest first.
func (t *trainee) profile(alias domain.Alias, m *moment) []int {
	l := &t.linking
	if l.links == nil {
		t.profileOf = append(t.profileOf[:0], t.place(alias))
		return t.profileOf
	}
	var aliases []domain.Alias
	n, prefix := t.linksKnown(m)
	if prefix && t.profiled == (profiled{alias, n + 1}) {
		return t.profileOf
	}
	if t.profiled = (profiled{}); prefix {
		t.profiled = profiled{alias, n + 1}
		aliases = l.links.Profile(alias, uint64(n))
	} else {
		fresh, n := past.NewLinks(), uint64(0)
		for i, ref := range l.refs {
			if m.knowsLink(&t.events[ref]) {
				n++
				fresh.Add(n, l.events[i])
			}
		}
		aliases = fresh.Profile(alias, n)
	}
	out := t.profileOf[:0]
	for _, a := range aliases {
		if n := t.place(a); n >= 0 {
			out = append(out, n)
		}
	}
	t.profileOf = out
	return out
}

// knowsLink is knows, of an event of IDENTITY: it counts up to the decision's cut whosever it is.
func (m *moment) knowsLink(e *heldEvent) bool {
	if m.own {
		return e.at.Sequence <= m.decision.GetCut().GetIdentity()
	}
	return m.knows(e)
}

// linksKnown is how many of the family's links and marks a moment knows, when those are the first.
func (t *trainee) linksKnown(m *moment) (int, bool) {
	known, prefix := 0, true
	for i, ref := range t.linking.refs {
		if m.knowsLink(&t.events[ref]) {
			prefix = prefix && known == i
			known++
		}
	}
	return known, prefix
}

// place is an alias's among the family's members; -1 for one without any event.
func (t *trainee) place(a domain.Alias) int {
	return slices.Index(t.members, a)
}
