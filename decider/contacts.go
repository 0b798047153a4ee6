package decider

import (
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// contacts are the offers given that the views may not have folded yet: those whose append is under way, and those
// that are in the log at a known position. Together with the views' DECISION parts they are all contacts known.
type contacts struct {
	views Views

	mu      sync.Mutex
	byAlias map[domain.Alias][]*reservation
	settled []*reservation // recorded, in the order of their acknowledgement; to be forgotten
	acked   uint64         // the highest sequence of DECISION known to be in the log
}

// reservation is one contact, from before its append until the views have it.
type reservation struct {
	alias   domain.Alias
	contact *event.Contact
	lane    *lane
	index   uint32 // among the events of its append

	// Guarded by contacts.mu.
	state reservationState
	at    domain.Position
	// ended is closed when the append has ended; nil while nobody waits for that.
	ended chan struct{}
}

type reservationState uint8

const (
	// pending: the append is under way.
	pending reservationState = iota
	// doubtful: the append ended without an outcome. Nothing is decided about the alias before its lane was read.
	doubtful
	// recorded: it is in the log, at a position.
	recorded
	// void: it is not in the log and will not be.
	void
)

// become says how the append has ended; contacts.mu is held.
func (r *reservation) become(state reservationState) {
	if r.state == pending && r.ended != nil {
		close(r.ended)
	}
	r.state = state
}

func newContacts(views Views) *contacts {
	return &contacts{views: views, byAlias: map[domain.Alias][]*reservation{}}
}

// reservationsOf are the contacts among events, none of them counted yet.
func reservationsOf(l *lane, events []*event.Event) []*reservation {
	var out []*reservation
	for i, e := range events {
		contact := contactOf(e)
		if contact == nil {
			continue
		}
		alias, err := domain.AliasFromBytes(e.GetAlias())
		if err != nil {
			continue // a contact with nobody: no profile has it
		}
		out = append(out, &reservation{alias: alias, contact: contact, lane: l, index: uint32(i)})
	}
	return out
}

// reserve counts contacts that are about to be appended; the caller holds their lane.
func (c *contacts) reserve(rs []*reservation) {
	if len(rs) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		c.byAlias[r.alias] = append(c.byAlias[r.alias], r)
	}
}

// settle takes the position of an append's first event.
func (c *contacts) settle(l *lane, rs []*reservation, first domain.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		c.record(r, domain.Position{Sequence: first.Sequence, Index: first.Index + r.index})
	}
	c.acknowledge(l, first.Sequence)
}

// fail takes an append that ended without a position: definite, when it is certain that nothing was appended.
func (c *contacts) fail(rs []*reservation, definite bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		if r.state != pending {
			continue
		}
		if definite {
			c.drop(r)
		} else {
			r.become(doubtful)
		}
	}
}

// record, drop and acknowledge need c.mu.
func (c *contacts) record(r *reservation, at domain.Position) {
	r.become(recorded)
	r.at = at
	c.settled = append(c.settled, r)
}

func (c *contacts) drop(r *reservation) {
	r.become(void)
	c.remove(r)
}

func (c *contacts) remove(r *reservation) {
	rest := slices.DeleteFunc(c.byAlias[r.alias], func(other *reservation) bool { return other == r })
	if c.byAlias[r.alias] = rest; len(rest) == 0 {
		delete(c.byAlias, r.alias)
	}
}

func (c *contacts) acknowledge(l *lane, sequence uint64) {
	c.acked = max(c.acked, sequence)
	l.acked = max(l.acked, sequence)
	folded := c.views.Applied()[domain.Decision]
	n := 0
	for ; n < len(c.settled) && c.settled[n].at.Sequence <= folded; n++ {
		c.remove(c.settled[n])
	}
	clear(c.settled[:n])
	c.settled = c.settled[n:]
}

// snapshot is what is known of some aliases' contacts at one instant.
type snapshot struct {
	// recorded are the contacts that are in the log; the views may have folded them.
	recorded []overlaid
	// cut is the sequence of DECISION up to which, with the views read afterwards, all contacts are known.
	cut uint64
	// blocked is an append about one of the aliases whose outcome must be awaited first; nil for none.
	blocked *reservation
}

type overlaid struct {
	alias   domain.Alias
	at      domain.Position
	contact *event.Contact
}

func (c *contacts) snapshot(aliases []domain.Alias) snapshot {
	folded := c.views.Applied()[domain.Decision]
	c.mu.Lock()
	defer c.mu.Unlock()
	s := snapshot{cut: max(c.acked, folded)}
	for _, a := range aliases {
		for _, r := range c.byAlias[a] {
			if r.state != recorded {
				return snapshot{blocked: r}
			}
			s.recorded = append(s.recorded, overlaid{alias: a, at: r.at, contact: r.contact})
		}
	}
	return s
}

// isDoubtful says whether an append's outcome must be found in the log.
func (c *contacts) isDoubtful(r *reservation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.state == doubtful
}

// end is closed when a reservation's append has ended, well or badly.
func (c *contacts) end(r *reservation) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ended == nil {
		r.ended = make(chan struct{})
		if r.state != pending {
			close(r.ended)
		}
	}
	return r.ended
}

// openIn are the lane's appends whose outcome is not known.
func (c *contacts) openIn(l *lane) []*reservation {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*reservation
	for _, rs := range c.byAlias {
		for _, r := range rs {
			if r.lane == l && r.state != recorded {
				out = append(out, r)
			}
		}
	}
	return out
}

// ackedIn is the lane's last sequence known here.
func (c *contacts) ackedIn(l *lane) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.acked
}

// discover takes an envelope read from the log: contacts that were in doubt here, or that somebody else appended.
// Those in doubt are counted twice until dismiss; until then nothing is decided about their aliases.
func (c *contacts) discover(l *lane, sequence uint64, rs []*reservation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		c.byAlias[r.alias] = append(c.byAlias[r.alias], r)
		c.record(r, domain.Position{Sequence: sequence, Index: r.index})
	}
	c.acknowledge(l, sequence)
}

// dismiss drops what is in doubt in a lane that was read to its end: what of it is in the log has been discovered.
func (c *contacts) dismiss(l *lane) {
	for _, r := range c.openIn(l) {
		c.mu.Lock()
		if r.state == doubtful {
			c.drop(r)
		}
		c.mu.Unlock()
	}
}
