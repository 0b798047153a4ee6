package identity

import (
	"bytes"
	"iter"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Claims is everything that was ever claimed in IDENTITY, in the order of the log, and what holds of it at present:
// what a Realignment is computed from. A claim that a person took back is no claim any more.
//
// It costs about 150 bytes a claim beside its evidence, and as much as a Register.
type Claims struct {
	present *Register
	entries []entry
	// within is nil for all aliases.
	within map[domain.Alias]bool
	// takenBack are the pairs that guards took back, and told the claims that were withheld: what is withheld of them
	// next is no new claim.
	takenBack map[cell]bool
	told      map[told]bool
}

// told is one claim of a pair that was withheld.
type told struct {
	pair       cell
	rule       string
	receivedMS int64
}

// entry is one pair and what happened to it.
type entry struct {
	kind                   entryKind
	first, second          domain.Alias
	rule                   string
	posterior              float64
	occurredMS, receivedMS int64
	evidence               *event.LinkEvidence
}

type entryKind uint8

const (
	entryClaimed   entryKind = iota
	entryTold                // linked by guards, or told again by them: no claim
	entryTakenBack           // by a person
)

// NewClaims is the collection before the first event.
func NewClaims() *Claims {
	return &Claims{present: NewRegister(), takenBack: map[cell]bool{}, told: map[told]bool{}}
}

// ClaimsWithin collects only what was said between these aliases: for a change that is local to their profiles. The
// present marks then stand, because the people around a shared identifier are not all known.
func ClaimsWithin(aliases []domain.Alias) *Claims {
	c := NewClaims()
	c.within = map[domain.Alias]bool{}
	for _, a := range aliases {
		c.within[a] = true
	}
	return c
}

// Collect takes all events of a sequence, in order.
func (c *Claims) Collect(events iter.Seq[domain.Recorded]) {
	for r := range events {
		c.Apply(r)
	}
}

// Apply takes the next event of IDENTITY. Positions already applied are ignored.
func (c *Claims) Apply(r domain.Recorded) {
	if !r.At.After(c.present.applied) || !c.concerns(r.Event) {
		return
	}
	e, ok := c.entry(r.Event)
	c.present.Apply(r)
	if ok && c.stands(e) {
		c.entries = append(c.entries, e)
	}
}

// concerns says whether an event is to be collected.
func (c *Claims) concerns(e *event.Event) bool {
	key, ok := cellOf(e)
	if !ok {
		return false
	}
	return c.within == nil || key.kind == cellGuards || c.within[key.a] && (key.kind == cellMark || c.within[key.b])
}

// entry reads what an event claims or takes back.
func (c *Claims) entry(e *event.Event) (entry, bool) {
	key, _ := cellOf(e)
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		delete(c.takenBack, key)
		l := b.IdentityLinked
		x := entryOf(e, l.GetOther(), l.GetRule(), l.GetPosterior(), l.GetEvidence())
		if x.rule == RuleGuards {
			x.kind = entryTold
		}
		return x, true
	case *event.Event_IdentityWithheld:
		w := b.IdentityWithheld
		x := entryOf(e, w.GetOther(), w.GetRule(), w.GetPosterior(), w.GetEvidence())
		if again := (told{key, x.rule, x.receivedMS}); c.takenBack[key] || c.told[again] {
			x.kind = entryTold
		} else {
			c.told[again] = true
		}
		return x, true
	case *event.Event_IdentityUnlinked:
		if b.IdentityUnlinked.GetRule() == RuleGuards {
			c.takenBack[key] = true
			return entry{}, false
		}
		x := entryOf(e, b.IdentityUnlinked.GetOther(), "", 0, nil)
		x.kind = entryTakenBack
		return x, true
	}
	return entry{}, false
}

// stands says, after an event was applied, whether its entry does: a person takes a pair back with its last link.
func (c *Claims) stands(e entry) bool {
	if e.kind != entryTakenBack {
		return true
	}
	if c.present.graph.Links(e.first, e.second) > 0 {
		return false
	}
	delete(c.takenBack, pairOf(e.first, e.second))
	return true
}

func entryOf(e *event.Event, other []byte, rule string, posterior float64, evidence *event.LinkEvidence) entry {
	return entry{
		first: namedOf(e.GetAlias(), "").Alias, second: namedOf(other, "").Alias,
		rule: rule, posterior: posterior, evidence: evidence, occurredMS: e.GetOccurredMs(), receivedMS: e.GetReceivedMs(),
	}
}

// grouped walks the entries with those of one message together: they are one claim.
func grouped(entries []entry) iter.Seq[[]entry] {
	return func(yield func([]entry) bool) {
		for len(entries) > 0 {
			n := 1
			for n < len(entries) && entries[n].sameMessage(&entries[0]) {
				n++
			}
			if !yield(entries[:n]) {
				return
			}
			entries = entries[n:]
		}
	}
}

func (e *entry) sameMessage(f *entry) bool {
	return e.kind != entryTakenBack && e.kind == f.kind && e.rule == f.rule && len(e.evidence.GetMessage()) > 0 &&
		bytes.Equal(e.evidence.GetMessage(), f.evidence.GetMessage())
}
