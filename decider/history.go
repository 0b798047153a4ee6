package decider

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/past"
)

// history is the raw events of some aliases, read from the log in one scan of each stream, and the links of all, or
// those around one of them. It knows nothing of the live graph, the views or the overlay of contacts: it is what they
// are checked against.
type history struct {
	*past.Links
	// traces find what the log says of those wanted; nil is a scan.
	traces *Traces
	layout *feature.Layout
	// skip says which events activities leave out; nil is none.
	skip func(domain.Recorded) bool
	// policies say which segments a policy reads.
	policies *Policies
	persons  map[domain.Alias]*personPast
	// consents are what those wanted stated.
	consents past.Consents
}

// personPast is what happened to one alias.
type personPast struct {
	past.Events
	contacts []pastContact
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

// readPast begins a history from which policies choose again.
func readPast(ctx context.Context, source Source, cut uint64, policies *Policies) (*history, error) {
	h, err := readLinks(ctx, source, cut, policies.layout())
	if err == nil {
		h.policies = policies
	}
	return h, err
}

// readLinks begins a history: the links up to a cut, and nobody's events yet. Activities will keep the layout's series.
func readLinks(ctx context.Context, source Source, cut uint64, layout *feature.Layout) (*history, error) {
	h := newHistory(layout)
	if err := scan(ctx, source, domain.Identity, cut, h.takeLinks); err != nil {
		return nil, err
	}
	return h, nil
}

// traceLinks begins a history with the links around one alias that count at these cuts.
func traceLinks(ctx context.Context, traces *Traces, alias domain.Alias, layout *feature.Layout, cuts ...uint64) (*history, error) {
	h := newHistory(layout)
	h.traces = traces
	events, err := traces.Around(ctx, alias, false, cuts...)
	for _, r := range events {
		h.Add(r.At.Sequence, r.Event)
	}
	return h, err
}

func newHistory(layout *feature.Layout) *history {
	return &history{Links: past.NewLinks(), layout: layout, persons: map[domain.Alias]*personPast{}}
}

// want asks for the events of these aliases.
func (h *history) want(aliases ...domain.Alias) {
	for _, alias := range aliases {
		if h.persons[alias] == nil {
			h.persons[alias] = &personPast{Events: past.Events{Layout: h.layout, Skip: h.skip}}
		}
	}
}

// wantDecision asks for all that a decision was, or should have been, made from: its record's aliases, and those of
// the profile at its cut.
func (h *history) wantDecision(d *event.Decision) {
	h.want(aliasesOf(d)...)
	if requested, err := domain.AliasFromBytes(d.GetRequestedAlias()); err == nil {
		h.want(h.Profile(requested, d.GetCut().GetIdentity())...)
	}
}

// readEvents reads the events of those wanted, each stream up to the cut.
func (h *history) readEvents(ctx context.Context, source Source, to domain.Cut) error {
	if err := h.readIdentity(ctx, source, to[domain.Identity]); err != nil {
		return err
	}
	for _, s := range []domain.Stream{domain.Behaviour, domain.Outcome} {
		if err := h.readHappened(ctx, source, s, to[s], h.takeEvents); err != nil {
			return err
		}
	}
	return h.readHappened(ctx, source, domain.Decision, to[domain.Decision], h.takeDecisions)
}

func (h *history) readHappened(ctx context.Context, source Source, s domain.Stream, to uint64, each func(domain.Envelope) error) error {
	if h.traces == nil || to == 0 {
		return scan(ctx, source, s, to, each)
	}
	return take(h.traces.happened(ctx, s, slices.Collect(maps.Keys(h.persons)), to), s, each)
}

func (h *history) readIdentity(ctx context.Context, source Source, to uint64) error {
	if h.traces == nil {
		return scan(ctx, source, domain.Identity, to, h.takeEvents)
	}
	return take(h.traces.naming(ctx, slices.Collect(maps.Keys(h.persons)), to), domain.Identity, h.takeEvents)
}

func scan(ctx context.Context, source Source, s domain.Stream, to uint64, each func(domain.Envelope) error) error {
	if to == 0 {
		return nil
	}
	return take(source.Read(ctx, s, 1, to), s, each)
}

func take(envelopes iter.Seq2[domain.Envelope, error], s domain.Stream, each func(domain.Envelope) error) error {
	for envelope, err := range envelopes {
		if err != nil {
			return fmt.Errorf("read %s: %w", s, err)
		}
		if err := each(envelope); err != nil {
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
		h.Add(e.Sequence, ev)
	}
	return nil
}

func (h *history) takeEvents(e domain.Envelope) error {
	for i, frame := range e.Frames {
		f := past.Frame{At: domain.Position{Sequence: e.Sequence, Index: uint32(i)}, Bytes: frame}
		p := h.persons[past.AliasIn(frame)]
		if p != nil {
			p.Add(e.Lane.Stream, f)
		}
		if e.Lane.Stream == domain.Identity {
			if err := h.takeSaid(f, p != nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeSaid takes what an event of IDENTITY says beside being somebody's: a consent of one who is wanted, or a link, which is
// its other end's too.
func (h *history) takeSaid(f past.Frame, wanted bool) error {
	r, err := f.Recorded(nil)
	if err != nil {
		return err
	}
	if wanted {
		h.consents.Add(r)
	}
	other, mirrored, ok := past.MirrorOf(f, r)
	if p := h.persons[other]; ok && p != nil {
		p.Add(domain.Identity, mirrored)
	}
	return nil
}

func (h *history) takeDecisions(e domain.Envelope) error {
	for i, frame := range e.Frames {
		p := h.persons[past.AliasIn(frame)]
		if p == nil {
			continue
		}
		at := domain.Position{Sequence: e.Sequence, Index: uint32(i)}
		p.Add(domain.Decision, past.Frame{At: at, Bytes: frame})
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
