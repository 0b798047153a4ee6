package decider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/past"
)

// Places knows where in IDENTITY something is said of somebody, up to a sequence `to`. Both methods tell up to where they
// know it: what comes after must be read.
type Places interface {
	// Places are the sequences of the envelopes that name one of the aliases, ascending, perhaps one too many now and then.
	Places(aliases []domain.Alias, to uint64) (sequences []uint64, known uint64)
	// Changes are the links, unlinks and marks that name one of the aliases, in order, with the bare facts that a graph
	// reads; with marksOnly, only the marks.
	Changes(aliases []domain.Alias, marksOnly bool, to uint64) (changes []domain.Recorded, known uint64)
}

// Entries reads the log by sequence. Both methods fail with domain.ErrUnavailable when the log cannot be reached, and
// with domain.ErrEnvelopeCorrupt.
type Entries interface {
	// Read yields the envelopes of a stream with sequences from..to, both included, in order, and ends.
	Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error]
	// At is the envelope with that sequence. It fails with domain.ErrNoEntry where there is none, or none any more.
	At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error)
}

// Stretches knows where in the other streams something happened to somebody.
type Stretches interface {
	// Stretches are where in BEHAVIOUR, DECISION or OUTCOME, up to the sequence `to`, there may be something about one of the
	// aliases, ascending, and up to where that is known: what comes after must be read.
	Stretches(stream domain.Stream, aliases []domain.Alias, to uint64) (stretches []past.Stretch, known uint64)
}

// Traces reads what the log says about a few people, at the cost of what it says about them.
type Traces struct {
	entries   Entries
	places    Places
	stretches Stretches // nil when none were given
}

// NewTraces needs the log, and where in it to look.
func NewTraces(entries Entries, places Places) *Traces {
	return &Traces{entries: entries, places: places}
}

// FoundBy lets what happened to people be found, too, without reading all that happened.
func (t *Traces) FoundBy(stretches Stretches) { t.stretches = stretches }

// happened are the envelopes of BEHAVIOUR, DECISION or OUTCOME up to a sequence in which there may be something about one of
// the aliases, in order.
func (t *Traces) happened(ctx context.Context, stream domain.Stream, aliases []domain.Alias, to uint64) iter.Seq2[domain.Envelope, error] {
	if t.stretches == nil {
		return t.entries.Read(ctx, stream, 1, to)
	}
	return func(yield func(domain.Envelope, error) bool) {
		stretches, known := t.stretches.Stretches(stream, aliases, to)
		if known < to {
			stretches = append(stretches, past.Stretch{From: known + 1, To: to})
		}
		for _, s := range stretches {
			for e, err := range t.stretch(ctx, stream, s) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// stretch is a few envelopes one by one, or a range. What BEHAVIOUR holds no more is left out.
func (t *Traces) stretch(ctx context.Context, stream domain.Stream, s past.Stretch) iter.Seq2[domain.Envelope, error] {
	if s.To-s.From >= fewEntries {
		return t.entries.Read(ctx, stream, s.From, s.To)
	}
	return func(yield func(domain.Envelope, error) bool) {
		for sequence := s.From; sequence <= s.To; sequence++ {
			e, err := t.entries.At(ctx, stream, sequence)
			if stream == domain.Behaviour && errors.Is(err, domain.ErrNoEntry) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Of is everything that IDENTITY says about these aliases up to a sequence, in order.
func (t *Traces) Of(ctx context.Context, aliases []domain.Alias, to uint64) ([]domain.Recorded, error) {
	sequences, known := t.places.Places(aliases, to)
	events, err := t.events(ctx, aliases, sequences, known, to)
	if err != nil {
		return nil, fmt.Errorf("decider: read what identity says of a profile: %w", err)
	}
	return events, nil
}

// Around are the links, unlinks and marks in IDENTITY that decide who is one person with an alias at the cuts, in order and
// perhaps with nothing but the bare facts: a fold of them up to one of the cuts says of that person what a fold of
// everything says. With households, they also decide who shares an identifier with the person.
func (t *Traces) Around(ctx context.Context, alias domain.Alias, households bool, cuts ...uint64) ([]domain.Recorded, error) {
	a, to := past.NewAround(alias, households, cuts...), slices.Max(cuts)
	for {
		whole, marks := a.Next()
		if len(whole)+len(marks) == 0 {
			return a.Events(), nil
		}
		for aliases := range slices.Chunk(append(whole, marks...), changesAtOnce) {
			changes, known := t.places.Changes(aliases, len(marks) > 0, to)
			a.Add(changes)
			later, err := t.events(ctx, aliases, nil, known, to)
			if err != nil {
				return nil, fmt.Errorf("decider: read identity as of a cut: %w", err)
			}
			a.Add(later)
		}
	}
}

// changesAtOnce is of how many aliases changes are asked for at once: others may wait for the answer.
const changesAtOnce = 512

// events are those about the aliases in the envelopes with these sequences, and in those that are not known yet.
func (t *Traces) events(ctx context.Context, aliases []domain.Alias, sequences []uint64, known, to uint64) ([]domain.Recorded, error) {
	wanted := map[domain.Alias]bool{}
	for _, a := range aliases {
		wanted[a] = true
	}
	var out []domain.Recorded
	for envelope, err := range t.envelopes(ctx, sequences, known, to) {
		if err != nil {
			return nil, err
		}
		for i, frame := range envelope.Frames {
			if !mayName(frame, aliases) {
				continue
			}
			f := past.Frame{At: domain.Position{Sequence: envelope.Sequence, Index: uint32(i)}, Bytes: frame}
			r, err := f.Recorded(nil)
			if err != nil {
				return nil, err
			}
			first, _ := domain.AliasFromBytes(r.Event.GetAlias())          // an event about nobody has no alias
			second, _ := domain.AliasFromBytes(identity.OtherEnd(r.Event)) // nor has every event another end
			if wanted[first] || wanted[second] {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// naming are the envelopes up to a sequence that may name one of the aliases, in order.
func (t *Traces) naming(ctx context.Context, aliases []domain.Alias, to uint64) iter.Seq2[domain.Envelope, error] {
	sequences, known := t.places.Places(aliases, to)
	return t.envelopes(ctx, sequences, known, to)
}

// envelopes are those with these sequences, all after the known ones, and perhaps some that lie between: in order.
func (t *Traces) envelopes(ctx context.Context, sequences []uint64, known, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for near := range together(sequences) {
			for e, err := range t.read(ctx, near) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
		if known >= to {
			return
		}
		for e, err := range t.entries.Read(ctx, domain.Identity, known+1, to) {
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Reading a range costs as much to begin as a few single envelopes, and then far less for each.
const (
	fewEntries = 8
	nearBy     = 8
)

// read is a few envelopes one by one, or the range in which many lie.
func (t *Traces) read(ctx context.Context, sequences []uint64) iter.Seq2[domain.Envelope, error] {
	if len(sequences) > fewEntries {
		return t.entries.Read(ctx, domain.Identity, sequences[0], sequences[len(sequences)-1])
	}
	return func(yield func(domain.Envelope, error) bool) {
		for _, sequence := range sequences {
			if e, err := t.entries.At(ctx, domain.Identity, sequence); !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// together parts ascending sequences where they lie far from one another, unless they are so many that it is quicker to read
// all in between.
func together(sequences []uint64) iter.Seq[[]uint64] {
	return func(yield func([]uint64) bool) {
		if n := len(sequences); n > 0 && sequences[n-1]-sequences[0] <= uint64(n)*nearBy {
			yield(sequences)
			return
		}
		for len(sequences) > 0 {
			n := 1
			for n < len(sequences) && sequences[n]-sequences[n-1] <= nearBy {
				n++
			}
			if !yield(sequences[:n]) {
				return
			}
			sequences = sequences[n:]
		}
	}
}

// fewNames is up to how many aliases are looked for in the bytes of an event before it is decoded.
const fewNames = 16

// mayName says whether an encoded event may name one of the aliases.
func mayName(frame []byte, aliases []domain.Alias) bool {
	return len(aliases) > fewNames ||
		slices.ContainsFunc(aliases, func(a domain.Alias) bool { return bytes.Contains(frame, a[:]) })
}
