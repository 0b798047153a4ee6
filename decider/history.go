package decider

import (
	"context"
	"fmt"

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
	*links
	persons map[domain.Alias]*past
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

// endsOf is the present end of each stream that decisions depend on. DECISION comes first: what its decisions had seen
// of the other streams is in them when their ends are read.
func endsOf(ctx context.Context, source Source) (domain.Cut, error) {
	var cut domain.Cut
	for _, s := range []domain.Stream{domain.Decision, domain.Outcome, domain.Behaviour, domain.Identity, domain.Policy} {
		last, err := source.Last(ctx, s)
		if err != nil {
			return cut, fmt.Errorf("find the end of %s: %w", s, err)
		}
		cut[s] = last
	}
	return cut, nil
}

// readLinks begins a history: the links up to a cut, and nobody's events yet.
func readLinks(ctx context.Context, source Source, cut uint64) (*history, error) {
	h := &history{links: newLinks(), persons: map[domain.Alias]*past{}}
	if err := scan(ctx, source, domain.Identity, cut, h.takeLinks); err != nil {
		return nil, err
	}
	return h, nil
}

// want asks for the events of these aliases.
func (h *history) want(aliases ...domain.Alias) {
	for _, alias := range aliases {
		if h.persons[alias] == nil {
			h.persons[alias] = &past{}
		}
	}
}

// wantDecision asks for all that a decision was, or should have been, made from: its record's aliases, and those of
// the profile at its cut.
func (h *history) wantDecision(d *event.Decision) {
	h.want(aliasesOf(d)...)
	if requested, err := domain.AliasFromBytes(d.GetRequestedAlias()); err == nil {
		h.want(h.profile(requested, d.GetCut().GetIdentity())...)
	}
}

// readEvents reads the events of those wanted, each stream up to the cut.
func (h *history) readEvents(ctx context.Context, source Source, to domain.Cut) error {
	scans := []struct {
		stream domain.Stream
		take   func(domain.Envelope) error
	}{
		{domain.Identity, h.takeEvents},
		{domain.Behaviour, h.takeEvents},
		{domain.Outcome, h.takeEvents},
		{domain.Decision, h.takeDecisions},
	}
	for _, s := range scans {
		if err := scan(ctx, source, s.stream, to[s.stream], s.take); err != nil {
			return err
		}
	}
	return nil
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

func (h *history) takeLinks(e domain.Envelope) error {
	events, err := e.Events()
	if err != nil {
		return err
	}
	for _, ev := range events {
		h.add(e.Sequence, ev)
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
