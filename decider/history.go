package decider

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
)

// history is the raw events of some aliases, read from the log in one scan of each stream, and the links of all.
// It knows nothing of the live graph, the views or the overlay of contacts: it is what they are checked against.
type history struct {
	links   map[domain.Alias][]linkChange
	persons map[domain.Alias]*past
}

// linkChange is one link event as seen from one of its ends.
type linkChange struct {
	other    domain.Alias
	sequence uint64
	linked   bool
}

// past is what happened to one alias.
type past struct {
	events   [domain.Streams][]placed
	contacts []pastContact
	// folder stands at some position of each stream; read moves it.
	folder *feature.Folder
	next   [domain.Streams]int
}

// placed is an encoded event at its place; the frame shares the memory of its envelope.
type placed struct {
	at    domain.Position
	frame []byte
	// mirrored: the link is to be folded as seen from its other end.
	mirrored bool
}

type pastContact struct {
	at      domain.Position
	lane    domain.Lane
	contact *event.Contact
}

// readHistory reads IDENTITY as a whole and the other streams for the persons that the aliases ever belonged to,
// each up to the cut.
func readHistory(ctx context.Context, source Source, aliases []domain.Alias, to domain.Cut) (*history, error) {
	h := &history{links: map[domain.Alias][]linkChange{}, persons: map[domain.Alias]*past{}}
	scans := []struct {
		stream domain.Stream
		take   func(domain.Envelope) error
	}{
		{domain.Identity, h.takeLinks},
		{domain.Identity, h.takeEvents},
		{domain.Behaviour, h.takeEvents},
		{domain.Outcome, h.takeEvents},
		{domain.Decision, h.takeDecisions},
	}
	for i, s := range scans {
		if i == 1 {
			h.want(aliases)
		}
		if err := scan(ctx, source, s.stream, to[s.stream], s.take); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func scan(ctx context.Context, source Source, s domain.Stream, to uint64, take func(domain.Envelope) error) error {
	if to == 0 {
		return nil
	}
	for envelope, err := range source.Read(ctx, s, 1, to) {
		if err != nil {
			return fmt.Errorf("read %s: %w", s, err)
		}
		if err := take(envelope); err != nil {
			return fmt.Errorf("read %s %d: %w", s, envelope.Sequence, err)
		}
	}
	return nil
}

// want lists everybody whom the aliases were ever linked to, at once or in turn.
func (h *history) want(aliases []domain.Alias) {
	open := slices.Clone(aliases)
	for len(open) > 0 {
		alias := open[len(open)-1]
		open = open[:len(open)-1]
		if _, listed := h.persons[alias]; listed {
			continue
		}
		h.persons[alias] = &past{}
		for _, change := range h.links[alias] {
			open = append(open, change.other)
		}
	}
}

func (h *history) takeLinks(e domain.Envelope) error {
	events, err := e.Events()
	if err != nil {
		return err
	}
	for _, ev := range events {
		linked := ev.GetIdentityLinked() != nil
		other := ev.GetIdentityLinked().GetOther()
		if !linked {
			other = ev.GetIdentityUnlinked().GetOther()
		}
		a, errA := domain.AliasFromBytes(ev.GetAlias())
		b, errB := domain.AliasFromBytes(other)
		if errA != nil || errB != nil || a == b {
			continue // no link, or one that joins nobody
		}
		h.links[a] = append(h.links[a], linkChange{other: b, sequence: e.Sequence, linked: linked})
		h.links[b] = append(h.links[b], linkChange{other: a, sequence: e.Sequence, linked: linked})
	}
	return nil
}

func (h *history) takeEvents(e domain.Envelope) error {
	for i, frame := range e.Frames {
		at := domain.Position{Sequence: e.Sequence, Index: uint32(i)}
		if p := h.persons[aliasIn(frame)]; p != nil {
			p.events[e.Lane.Stream] = append(p.events[e.Lane.Stream], placed{at: at, frame: frame})
		}
		if e.Lane.Stream == domain.Identity {
			if err := h.takeMirror(at, frame); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeMirror adds a link to the activity of its other end, too.
func (h *history) takeMirror(at domain.Position, frame []byte) error {
	r := domain.Recorded{At: at, Event: new(event.Event)}
	if err := proto.Unmarshal(frame, r.Event); err != nil {
		return fmt.Errorf("%w: event %d", domain.ErrEnvelopeCorrupt, at.Index)
	}
	mirrored, ok := identity.Mirror(r)
	if !ok {
		return nil
	}
	alias, err := domain.AliasFromBytes(mirrored.Event.GetAlias())
	if p := h.persons[alias]; err == nil && p != nil {
		p.events[domain.Identity] = append(p.events[domain.Identity], placed{at: at, frame: frame, mirrored: true})
	}
	return nil
}

func (h *history) takeDecisions(e domain.Envelope) error {
	for i, frame := range e.Frames {
		p := h.persons[aliasIn(frame)]
		if p == nil {
			continue
		}
		at := domain.Position{Sequence: e.Sequence, Index: uint32(i)}
		p.events[domain.Decision] = append(p.events[domain.Decision], placed{at: at, frame: frame})
		ev := new(event.Event)
		if err := proto.Unmarshal(frame, ev); err != nil {
			return fmt.Errorf("%w: event %d", domain.ErrEnvelopeCorrupt, i)
		}
		if contact := contactOf(ev); contact != nil {
			p.contacts = append(p.contacts, pastContact{at: at, lane: e.Lane, contact: contact})
		}
	}
	return nil
}

// aliasIn reads the alias of an encoded event without decoding the rest; the zero Alias when it has none.
func aliasIn(frame []byte) domain.Alias {
	const aliasField = 2
	var alias domain.Alias
	for len(frame) > 0 {
		number, kind, n := protowire.ConsumeTag(frame)
		if n < 0 {
			return domain.Alias{}
		}
		frame = frame[n:]
		if number == aliasField && kind == protowire.BytesType {
			b, n := protowire.ConsumeBytes(frame)
			if n < 0 || len(b) != len(alias) {
				return domain.Alias{}
			}
			copy(alias[:], b)
			return alias
		}
		if number > aliasField {
			return alias // fields are written in ascending order
		}
		if n = protowire.ConsumeFieldValue(number, kind, frame); n < 0 {
			return domain.Alias{}
		}
		frame = frame[n:]
	}
	return alias
}

// profile finds everybody who was linked to an alias at a cut of IDENTITY: its profile's aliases, ascending.
func (h *history) profile(alias domain.Alias, cut uint64) []domain.Alias {
	seen := map[domain.Alias]bool{alias: true}
	found := []domain.Alias{alias}
	for i := 0; i < len(found); i++ {
		for _, other := range h.linkedTo(found[i], cut) {
			if !seen[other] {
				seen[other] = true
				found = append(found, other)
			}
		}
	}
	slices.SortFunc(found, domain.Alias.Compare)
	return found
}

// linkedTo are the aliases with an active link at a cut: each link adds one, each unlink takes one away.
func (h *history) linkedTo(alias domain.Alias, cut uint64) []domain.Alias {
	var order []domain.Alias
	active := map[domain.Alias]int{}
	for _, change := range h.links[alias] {
		if change.sequence > cut {
			break
		}
		n, known := active[change.other]
		if !known {
			order = append(order, change.other)
		}
		if change.linked {
			n++
		} else {
			n = max(0, n-1)
		}
		active[change.other] = n
	}
	return slices.DeleteFunc(order, func(a domain.Alias) bool { return active[a] == 0 })
}

// read folds the events of each stream up to the positions.
func (p *past) read(to [domain.Streams]domain.Position) (feature.Activity, error) {
	for s := range to {
		if n := p.next[s]; p.folder != nil && n > 0 && p.events[s][n-1].at.After(to[s]) {
			p.folder = nil // an earlier state than the last one read: fold anew
		}
	}
	if p.folder == nil {
		p.folder, p.next = feature.NewFolder(feature.Activity{}), [domain.Streams]int{}
	}
	for s := range to {
		for p.next[s] < len(p.events[s]) && !p.events[s][p.next[s]].at.After(to[s]) {
			r, err := p.events[s][p.next[s]].recorded()
			if err != nil {
				return feature.Activity{}, err
			}
			p.folder.Fold(r)
			p.next[s]++
		}
	}
	return p.folder.Activity(), nil
}

func (p placed) recorded() (domain.Recorded, error) {
	r := domain.Recorded{At: p.at, Event: new(event.Event)}
	if err := proto.Unmarshal(p.frame, r.Event); err != nil {
		return r, fmt.Errorf("%w: event %d of %d", domain.ErrEnvelopeCorrupt, p.at.Index, p.at.Sequence)
	}
	if p.mirrored {
		r, _ = identity.Mirror(r)
	}
	return r, nil
}
