package commands

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// IdentifierOf opens the identifiers that aliases stand for.
type IdentifierOf interface {
	// Identifiers are in the order of the aliases; zero where there is none any more. It fails with
	// domain.ErrUnavailable.
	Identifiers(ctx context.Context, aliases []domain.Alias) ([]identity.Identifier, error)
}

// clearTraits reads what the log has sealed about aliases. What it returns is personal: nothing of it is kept longer
// than a comparison needs.
type clearTraits struct {
	history     History
	vault       Vault
	identifiers IdentifierOf // nil leaves identifiers out
	traits      *traitLog
}

// trait is one value in clear. A nested one has a path: "address.city".
type trait struct{ name, value string }

// wanted is a trait event that must be read.
type wanted struct {
	at     domain.Position
	alias  int
	source *traitSource
}

// read returns the traits of each alias, in order. What does not open, because its key was erased or it is damaged,
// is left out.
func (c clearTraits) read(ctx context.Context, aliases []domain.Alias) ([][]trait, error) {
	keys, err := c.vault.DataKeys(ctx, aliases)
	if err != nil {
		return nil, fmt.Errorf("read traits: find data keys: %w", err)
	}
	var want []wanted
	for i, a := range aliases {
		if s := c.traits.of[a]; s != nil {
			for k := range s.list {
				want = append(want, wanted{at: s.list[k].at, alias: i, source: &s.list[k]})
			}
		}
	}
	slices.SortFunc(want, func(x, y wanted) int { return x.at.Compare(y.at) })
	out := make([][]trait, len(aliases))
	for envelope, err := range c.envelopes(ctx, want) {
		if err != nil {
			return nil, fmt.Errorf("read traits: %w", err)
		}
		for len(want) > 0 && want[0].at.Sequence == envelope.Sequence {
			w := want[0]
			opened, err := c.open(envelope, w, aliases[w.alias], keys[w.alias])
			if err != nil {
				return nil, err
			}
			out[w.alias] = append(out[w.alias], opened...)
			want = want[1:]
		}
	}
	if len(want) > 0 {
		return nil, fmt.Errorf("read traits: %w: IDENTITY/%d", domain.ErrNoEntry, want[0].at.Sequence)
	}
	return out, c.addIdentifiers(ctx, aliases, out)
}

// readTogether is how many envelopes are read in one go rather than one by one, where they stand close together.
const readTogether = 32

// envelopes are those that hold what is wanted, in order; where reading in one go is cheaper, with others between.
func (c clearTraits) envelopes(ctx context.Context, want []wanted) iter.Seq2[domain.Envelope, error] {
	var sequences []uint64
	for _, w := range want {
		if n := len(sequences); n == 0 || sequences[n-1] != w.at.Sequence {
			sequences = append(sequences, w.at.Sequence)
		}
	}
	if n := len(sequences); n >= readTogether && sequences[n-1]-sequences[0] < 4*uint64(n) {
		return c.history.Read(ctx, domain.Identity, sequences[0], sequences[n-1])
	}
	return func(yield func(domain.Envelope, error) bool) {
		for _, sequence := range sequences {
			if e, err := c.history.At(ctx, domain.Identity, sequence); !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// open reads the traits of one event that still count.
func (c clearTraits) open(envelope domain.Envelope, w wanted, alias domain.Alias, key Key) ([]trait, error) {
	if int(w.at.Index) >= len(envelope.Frames) {
		return nil, fmt.Errorf("read traits: %w: no event %d in IDENTITY/%d", domain.ErrEnvelopeCorrupt, w.at.Index, w.at.Sequence)
	}
	var e event.Event
	if err := proto.Unmarshal(envelope.Frames[w.at.Index], &e); err != nil {
		return nil, fmt.Errorf("read traits: %w: event %d of IDENTITY/%d", domain.ErrEnvelopeCorrupt, w.at.Index, w.at.Sequence)
	}
	plain, err := Unseal(key, alias[:], e.GetSealed())
	if errors.Is(err, ErrSealBroken) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read traits: %w", err)
	}
	object, err := jsontext.Parse(plain, sealedDepth)
	if err != nil {
		return nil, nil // sealed by something that was no object: it tells no traits
	}
	var list []trait
	for name, value := range object.Members() {
		if n, known := c.traits.numbers[string(name)]; known && slices.Contains(w.source.names, n) {
			list = flatten(list, string(name), value)
		}
	}
	return list, nil
}

// sealedDepth is more than what is accepted is nested: its surroundings were put beside it when it was sealed.
const sealedDepth = MaxDepth + 8

// flatten adds a value's scalars: an object's under the path, an array's under the array's own.
func flatten(to []trait, name string, v jsontext.Value) []trait {
	switch v.Kind() {
	case jsontext.Object:
		for member, inner := range v.Members() {
			to = flatten(to, name+"."+string(member), inner)
		}
	case jsontext.Array:
		for element := range v.Elements() {
			to = flatten(to, name, element)
		}
	case jsontext.String:
		text, _ := v.Text()
		to = append(to, trait{name, text})
	case jsontext.Number:
		text, _ := v.NumberText()
		to = append(to, trait{name, text})
	case jsontext.Bool:
		to = append(to, trait{name, string(v.Raw())})
	}
	return to
}

// addIdentifiers adds the address or number that an alias itself stands for, where no trait of the name says another.
func (c clearTraits) addIdentifiers(ctx context.Context, aliases []domain.Alias, to [][]trait) error {
	if c.identifiers == nil {
		return nil
	}
	var which []int
	var open []domain.Alias
	for i, a := range aliases {
		kind := c.traits.kindOf(a)
		named := func(t trait) bool { return strings.EqualFold(t.name, kind) }
		if (kind == identity.Email || kind == identity.Phone) && !slices.ContainsFunc(to[i], named) {
			which, open = append(which, i), append(open, a)
		}
	}
	if len(open) == 0 {
		return nil
	}
	ids, err := c.identifiers.Identifiers(ctx, open)
	if err != nil {
		return fmt.Errorf("read identifiers: %w", err)
	}
	for k, i := range which {
		if ids[k].Value != "" {
			to[i] = append(to[i], trait{ids[k].Type, ids[k].Value})
		}
	}
	return nil
}
