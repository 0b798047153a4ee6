package commands

import (
	"math"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// How far back a live source's message ids are remembered: this many, and this long.
const (
	seenIDs  = 4_000_000
	seenDays = 7 * 24 * time.Hour
	// forEver keeps the message ids of files, which may be imported again after any time; seenIDs bounds them too.
	forEver = time.Duration(math.MaxInt64)
	// seenGenerations is in how many parts they are forgotten.
	seenGenerations = 4
)

// Seen knows which events are in the log already. Events of live sources are known by id for the last 4,000,000
// events or 7 days, whichever is less; events of file imports for ever, by the highest place in the file that each
// lane holds of the source; where rows of a file have message ids, by the last 4,000,000 of those too. It is a fold over the log (Observe) plus what is being appended right now, and safe for
// concurrent use.
type Seen struct {
	mu      sync.Mutex
	ids     generations
	named   generations
	marks   map[string]map[domain.Lane]uint64
	pending map[[16]byte]*reservation
}

// NewSeen knows nothing yet.
func NewSeen() *Seen {
	return &Seen{
		ids:     generations{limit: seenIDs / seenGenerations, keepMS: seenDays.Milliseconds()},
		named:   generations{limit: seenIDs / seenGenerations, keepMS: forEver.Milliseconds()},
		marks:   map[string]map[domain.Lane]uint64{},
		pending: map[[16]byte]*reservation{},
	}
}

// Observe folds in what an envelope of the log holds. Folding one twice changes nothing.
func (s *Seen) Observe(e domain.Envelope) error {
	var stubs []stub
	for i, f := range e.Frames {
		st, err := readStub(f)
		if err != nil {
			return err
		}
		if len(st.source) == 0 || string(st.source) == OwnSource { // what no source sent nobody sends again
			continue
		}
		if stubs == nil {
			stubs = make([]stub, 0, len(e.Frames)-i)
		}
		stubs = append(stubs, st)
	}
	if len(stubs) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	source := ""
	for _, st := range stubs {
		if st.seq != 0 {
			if source != string(st.source) { // mostly it is that of the event before
				source = string(st.source)
			}
			s.raise(source, marksOf(e.Lane, st), st.seq)
			if st.named {
				s.named.add(st.id, st.receivedMS)
			}
		} else {
			s.ids.add(st.id, st.receivedMS)
		}
	}
	return nil
}

// graphMarks stands for the lane of what the guards decide on: within a call it is appended before everything else,
// so its marks say nothing about the other events of its lane.
func graphMarks() domain.Lane { return domain.Lane{Stream: domain.Identity, Key: "graph"} }

func marksOf(lane domain.Lane, st stub) domain.Lane {
	if lane.Stream == domain.Identity && st.graph {
		return graphMarks()
	}
	return lane
}

// raise moves a mark up.
func (s *Seen) raise(source string, lane domain.Lane, seq uint64) {
	lanes := s.marks[source]
	if lanes == nil {
		lanes = map[domain.Lane]uint64{}
		s.marks[source] = lanes
	}
	lanes[lane] = max(lanes[lane], seq)
}

// reservation is one call's hold on the ids that it is about to append. It ends once, for all that wait.
type reservation struct {
	ended chan struct{}
	// failed is set before ended closes: some of the ids may not be in the log.
	failed bool
}

func newReservation() *reservation { return &reservation{ended: make(chan struct{})} }

// claim is one event that a call means to append.
type claim struct {
	id  [16]byte
	seq uint64
	// named: the row of a file has a message id, and another row may have it too.
	named bool
	lane  domain.Lane
	// known: the log has it. other: another call is appending it.
	known bool
	other *reservation
	// held: this call reserved it.
	held bool
}

// reserve decides for each claim whether it is new; a claim that is known stays so.
func (s *Seen) reserve(source string, claims []claim, r *reservation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var raised map[domain.Lane]uint64
	for i := range claims {
		c := &claims[i]
		switch {
		case c.known:
		case c.seq == 0:
			s.reserveID(c, r, &s.ids)
		default:
			c.known = c.seq <= max(s.marks[source][c.lane], raised[c.lane])
			if !c.known && c.named {
				s.reserveID(c, r, &s.named)
			}
			if !c.known {
				if raised == nil {
					raised = map[domain.Lane]uint64{}
				}
				raised[c.lane] = c.seq
			}
		}
	}
}

func (s *Seen) reserveID(c *claim, r *reservation, ids *generations) {
	switch other, pending := s.pending[c.id]; {
	case ids.has(c.id):
		c.known = true
	case pending && other == r:
		c.known = true // the same message twice in one call
	case pending:
		c.other = other
	default:
		s.pending[c.id], c.held = r, true
	}
}

// commit records claims that are in the log now.
func (s *Seen) commit(source string, claims []*claim, nowMS int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range claims {
		ids := &s.ids
		if c.seq != 0 {
			s.raise(source, c.lane, c.seq)
			ids = &s.named
		}
		if c.held {
			ids.add(c.id, nowMS)
			delete(s.pending, c.id)
			c.held = false
		}
	}
}

// end gives up what is still held and wakes those who wait.
func (s *Seen) end(claims []claim, r *reservation, failed bool) {
	s.mu.Lock()
	for i := range claims {
		if c := &claims[i]; c.held {
			delete(s.pending, c.id)
			c.held = false
		}
	}
	s.mu.Unlock()
	r.failed = failed
	close(r.ended)
}

// generations is a set of ids that forgets its oldest quarter at a time.
type generations struct {
	limit  int
	keepMS int64
	sets   []generation
}

type generation struct {
	*idSet
	newestMS int64
}

func (g *generations) has(id [16]byte) bool {
	for i := len(g.sets) - 1; i >= 0; i-- {
		if g.sets[i].has(id) {
			return true
		}
	}
	return false
}

func (g *generations) add(id [16]byte, ms int64) {
	if g.has(id) {
		return
	}
	if n := len(g.sets); n == 0 || g.sets[n-1].len >= g.limit {
		g.sets = append(g.sets, generation{idSet: new(idSet)})
		g.forget(ms)
	}
	last := &g.sets[len(g.sets)-1]
	last.add(id)
	last.newestMS = max(last.newestMS, ms)
}

// forget drops whole generations that are too many or too old.
func (g *generations) forget(nowMS int64) {
	for len(g.sets) > seenGenerations+1 || (len(g.sets) > 1 && g.sets[0].newestMS < nowMS-g.keepMS) {
		g.sets = append(g.sets[:0:0], g.sets[1:]...)
	}
}
