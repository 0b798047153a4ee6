package projections

import (
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/past"
)

// heldEvent is an event of the family at hand.
type heldEvent struct {
	heldFacts
	// bytes are the event without whose it is, except for events of IDENTITY.
	bytes []byte
}

// storedEvent is an event that a gatherer holds. It has no pointer: there are many.
type storedEvent struct {
	heldFacts
	bytes stretch
}

// heldFacts are what is known of an event without decoding it.
type heldFacts struct {
	at    domain.Position
	keyMS int64
	seq   uint64 // in its file; 0 for live events
	// source and member are numbers of the gatherer's, until the family's events are put together.
	source, member uint32
	stream         domain.Stream
	body           uint8
	mirrored       bool
}

func (e *heldEvent) frame() past.Frame {
	return past.Frame{At: e.at, Bytes: e.bytes, Mirrored: e.mirrored}
}

// heldWeight is what an event takes beside its bytes, aliasWeight what an alias takes beside its events.
const (
	heldWeight  = 96
	aliasWeight = 160
)

// gatherer takes some of the envelopes of a pass. It is for one goroutine.
type gatherer struct {
	of      *collection
	arena   arena
	events  storedEvents
	places  map[domain.Alias]uint32
	aliases []gathered
	sources *sources
	links   *foldDecoder
	kept    *kept
	scratch []byte
	noted   noted

	// What the others' sources and its own are together, by its own numbers; and its events by family, then stream:
	// those of a family's stream begin at from, in the order of their positions.
	sourceOf    []uint32
	order, from []uint32
}

// gathered is an alias that a gatherer has met.
type gathered struct {
	alias, earliest domain.Alias
	hash            uint64
	events          int
	family          *family
	member          uint32
}

func newGatherer(c *collection) *gatherer {
	return &gatherer{
		of: c, places: map[domain.Alias]uint32{}, sources: newSources(), links: newFoldDecoder(nil),
		kept: decisionFields(c.export.judging == nil), noted: noted{views: map[string]bool{}},
	}
}

// take holds the events of an envelope that belong to the pass.
func (g *gatherer) take(s domain.Stream, e domain.Envelope) error {
	if err := g.takeAll(s, e); err != nil {
		return err
	}
	if g.of.weight.Load() > int64(g.of.export.training.held) {
		g.of.shrink()
	}
	return nil
}

func (g *gatherer) takeAll(s domain.Stream, e domain.Envelope) error {
	g.of.changing.RLock()
	defer g.of.changing.RUnlock()
	weight := 0
	for i, frame := range e.Frames {
		h, ok := headOf(frame)
		if !ok {
			continue
		}
		facts := heldFacts{
			at: domain.Position{Sequence: e.Sequence, Index: uint32(i)}, keyMS: h.keyMS(), seq: h.sourceSeq, source: g.sources.note(&h), stream: s,
			body: uint8(min(h.body, math.MaxUint8)),
		}
		switch {
		case s == domain.Decision && h.body == bodyDecision:
			if frame, ok = g.decision(frame); !ok {
				return corrupt(s, e, i)
			}
		case s != domain.Identity:
			frame = frame[h.after:]
		}
		weight += g.hold(h.alias, facts, frame)
		if h.body == bodyLinked || h.body == bodyUnlinked {
			f := past.Frame{At: facts.at, Bytes: frame}
			r, err := f.Recorded(g.links.decode)
			if err != nil {
				return err
			}
			other, _, mirrored := past.MirrorOf(f, r)
			if facts.mirrored = mirrored; mirrored {
				weight += g.hold(other, facts, frame)
			}
		}
	}
	g.of.weight.Add(int64(weight))
	return nil
}

// decision is a decision's frame without what an export does not read.
func (g *gatherer) decision(frame []byte) (lean []byte, ok bool) {
	g.scratch, ok = appendKept(g.scratch[:0], frame, g.kept)
	return g.scratch, ok && g.noted.note(g.scratch, &g.of.export.request)
}

// hold keeps an event, if its family belongs to this pass, and tells what that takes.
func (g *gatherer) hold(alias domain.Alias, facts heldFacts, frame []byte) (weight int) {
	n, met := g.places[alias]
	if !met {
		a := gathered{alias: alias, earliest: g.of.export.kin.settled(alias)}
		if a.hash = a.earliest.Hash(); !g.of.wants(&a) {
			return 0
		}
		n = uint32(len(g.aliases))
		g.places[alias], g.aliases = n, append(g.aliases, a)
		weight = aliasWeight
	}
	facts.member = n
	g.aliases[n].events++
	g.events.add(storedEvent{heldFacts: facts, bytes: g.arena.keep(frame)})
	return weight + len(frame) + heldWeight
}

// wants says whether somebody's family belongs to the pass.
func (c *collection) wants(a *gathered) bool {
	if j := c.export.judging; j != nil && !j.families[a.earliest] {
		return false
	}
	return a.hash >= c.low && a.hash <= c.high && c.export.sampled(a.hash)
}

// leave forgets whoever's hash is higher.
func (g *gatherer) leave(high uint64) {
	before, memory, aliases := g.events, g.arena, g.aliases
	g.events, g.arena, g.aliases = storedEvents{}, arena{}, nil
	clear(g.places)
	moved := make([]uint32, len(aliases))
	weight := 0
	for i, a := range aliases {
		if a.hash > high {
			continue
		}
		moved[i] = uint32(len(g.aliases))
		g.places[a.alias], g.aliases = moved[i], append(g.aliases, a)
		weight += aliasWeight
	}
	for i := range before.n {
		e := *before.at(i)
		if aliases[e.member].hash > high {
			continue
		}
		weight += int(e.bytes.n) + heldWeight
		e.member, e.bytes = moved[e.member], g.arena.keep(memory.at(e.bytes))
		g.events.add(e)
	}
	g.of.weight.Add(int64(weight))
}

// sort finds the events of each family.
func (g *gatherer) sort(families int) {
	const streams = int(domain.Outcome) + 1
	bucket := func(e *storedEvent) int { return g.aliases[e.member].family.place*streams + int(e.stream) }
	g.from, g.order = make([]uint32, families*streams+1), make([]uint32, g.events.n)
	for i := range g.events.n {
		g.from[bucket(g.events.at(i))+1]++
	}
	for i := 1; i < len(g.from); i++ {
		g.from[i] += g.from[i-1]
	}
	next := slices.Clone(g.from)
	for i := range g.events.n {
		b := bucket(g.events.at(i))
		g.order[next[b]] = uint32(i)
		next[b]++
	}
}

// eventsOf appends a family's events to dst, by stream, then position.
func (c *collection) eventsOf(f *family, dst []heldEvent) []heldEvent {
	const streams = int(domain.Outcome) + 1
	for s := range streams {
		begun := len(dst)
		b := f.place*streams + s
		for _, g := range c.gatherers {
			for _, i := range g.order[g.from[b]:g.from[b+1]] {
				e := g.events.at(int(i))
				dst = append(dst, heldEvent{heldFacts: e.heldFacts, bytes: g.arena.at(e.bytes)})
				held := &dst[len(dst)-1]
				held.source, held.member = g.sourceOf[e.source], g.aliases[e.member].member
			}
		}
		slices.SortFunc(dst[begun:], func(x, y heldEvent) int {
			switch c := x.at.Compare(y.at); {
			case c != 0 || x.mirrored == y.mirrored:
				return c
			case y.mirrored:
				return -1
			}
			return 1
		})
	}
	return dst
}

// byFirst numbers the members of a family anew, by their first events.
func byFirst(members []domain.Alias, events []heldEvent) []domain.Alias {
	if len(members) < 2 {
		return members
	}
	out := make([]domain.Alias, 0, len(members))
	number := make([]uint32, len(members))
	for i := range events {
		e := &events[i]
		if number[e.member] == 0 {
			out = append(out, members[e.member])
			number[e.member] = uint32(len(out))
		}
		e.member = number[e.member] - 1
	}
	return out
}

// storedEvents are a list that never moves what it holds.
type storedEvents struct {
	blocks [][]storedEvent
	n      int
}

// storedBlock is how many events lie together.
const storedBlock = 1 << 12

func (l *storedEvents) add(e storedEvent) {
	if l.n%storedBlock == 0 {
		l.blocks = append(l.blocks, make([]storedEvent, 0, storedBlock))
	}
	last := &l.blocks[len(l.blocks)-1]
	*last = append(*last, e)
	l.n++
}

func (l *storedEvents) at(i int) *storedEvent { return &l.blocks[i/storedBlock][i%storedBlock] }

// arena is memory for bytes that are kept as long as any of them.
type arena struct{ chunks [][]byte }

// stretch is where some bytes lie in an arena.
type stretch struct{ chunk, from, n uint32 }

// chunkBytes is how much is asked for at once.
const chunkBytes = 1 << 20

func (a *arena) keep(b []byte) stretch {
	last := len(a.chunks) - 1
	if last < 0 || len(b) > cap(a.chunks[last])-len(a.chunks[last]) {
		a.chunks = append(a.chunks, make([]byte, 0, max(chunkBytes, len(b))))
		last++
	}
	from := len(a.chunks[last])
	a.chunks[last] = append(a.chunks[last], b...)
	return stretch{chunk: uint32(last), from: uint32(from), n: uint32(len(b))}
}

func (a *arena) at(s stretch) []byte { return a.chunks[s.chunk][s.from:][:s.n:s.n] }
