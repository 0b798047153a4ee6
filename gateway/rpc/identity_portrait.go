package rpc

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// portrait is a profile as a register has it.
type portrait struct {
	profile    domain.Alias
	aliases    []domain.Alias
	types      map[domain.Alias]string
	marks      map[domain.Alias]identity.Mark
	households []identity.Household
}

func portraitOf(r *identity.Register, alias domain.Alias) portrait {
	return portraitOfMembers(r, r.Graph().Profile(alias), r.Graph().Aliases(alias))
}

// portraitOfMembers is of aliases that may not be a profile, as a preview has them.
func portraitOfMembers(r *identity.Register, profile domain.Alias, aliases []domain.Alias) portrait {
	g := r.Graph()
	out := portrait{
		profile: profile, aliases: aliases, types: map[domain.Alias]string{}, marks: map[domain.Alias]identity.Mark{},
		households: g.Households(profile),
	}
	for _, a := range aliases {
		out.note(g, a)
		for _, e := range g.Edges(a) {
			out.note(g, e.Other)
		}
	}
	for _, h := range out.households {
		out.note(g, h.Shared)
	}
	return out
}

func (p *portrait) note(g *identity.Graph, a domain.Alias) {
	p.types[a], p.marks[a] = g.Type(a), g.Mark(a)
}

// profile is a portrait as a message, with its links as IDENTITY tells them up to a sequence.
func (s *Identity) profile(ctx context.Context, p portrait, to uint64) (*profferv1.Profile, error) {
	history, err := s.history(ctx, p.aliases, to)
	if err != nil {
		return nil, err
	}
	out, err := s.outline(ctx, p)
	if err != nil {
		return nil, err
	}
	out.Links = linksOf(history, p)
	return out, nil
}

// outline is a portrait as a message, without its links.
func (s *Identity) outline(ctx context.Context, p portrait) (*profferv1.Profile, error) {
	out := &profferv1.Profile{Profile: p.profile.String()}
	var err error
	if out.Aliases, err = s.aliasesOf(ctx, p.aliases, p.types, p.marks); err != nil {
		return nil, err
	}
	for _, h := range p.households {
		household := &profferv1.Household{Alias: h.Shared.String(), Type: p.types[h.Shared]}
		for _, other := range h.Profiles {
			household.Profiles = append(household.Profiles, other.String())
		}
		out.Households = append(out.Households, household)
	}
	return out, nil
}

// aliasesOf are aliases as messages: with their identifiers for those who may see them.
func (s *Identity) aliasesOf(
	ctx context.Context, aliases []domain.Alias, types map[domain.Alias]string, marks map[domain.Alias]identity.Mark,
) ([]*profferv1.ProfileAlias, error) {
	ids, err := s.Names.Identifiers(ctx, aliases)
	if err != nil {
		return nil, err
	}
	out := make([]*profferv1.ProfileAlias, len(aliases))
	for i, a := range aliases {
		out[i] = &profferv1.ProfileAlias{
			Alias: a.String(), Type: types[a], Mark: marks[a].String(), FirstSeen: timestamppb.New(aliasTime(a)),
		}
		if out[i].GetType() == "" {
			out[i].Type = ids[i].Type
		}
		if roleIn(ctx) == Operator {
			out[i].Value = ids[i].Value
		}
	}
	return out, nil
}

// aliasTime is when an alias was drawn: its first 48 bits, as of RFC 9562's UUID version 7.
func aliasTime(a domain.Alias) time.Time {
	ms := int64(0)
	for _, b := range a[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

// history is everything IDENTITY says about these aliases, up to a sequence. It reads the envelopes that name them, and
// what came so lately that nobody has noted yet whom it names.
func (s *Identity) history(ctx context.Context, aliases []domain.Alias, to uint64) ([]domain.Recorded, error) {
	if to == 0 || len(aliases) == 0 {
		return nil, nil
	}
	wanted := map[domain.Alias]bool{}
	for _, a := range aliases {
		wanted[a] = true
	}
	var out []domain.Recorded
	for envelope, err := range s.naming(ctx, aliases, to) {
		if err != nil {
			return nil, fmt.Errorf("read the history of a profile: %w", err)
		}
		if !names(envelope, aliases) {
			continue
		}
		events, err := envelope.Recorded()
		if err != nil {
			return nil, fmt.Errorf("read the history of a profile: %w", err)
		}
		for _, r := range events {
			a, b := endsOf(r.Event)
			if wanted[a] || wanted[b] {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// naming are the envelopes up to a sequence that may name one of the aliases, in order.
func (s *Identity) naming(ctx context.Context, aliases []domain.Alias, to uint64) iter.Seq2[domain.Envelope, error] {
	sequences, known := s.People.Places(aliases, to)
	return func(yield func(domain.Envelope, error) bool) {
		for from := range runsOf(sequences) {
			for e, err := range s.read(ctx, from.first, from.last) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
		if known >= to {
			return
		}
		for e, err := range s.Log.Read(ctx, domain.Identity, known+1, to) {
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// read is one envelope, or several that stand together.
func (s *Identity) read(ctx context.Context, first, last uint64) iter.Seq2[domain.Envelope, error] {
	if first < last {
		return s.Log.Read(ctx, domain.Identity, first, last)
	}
	return func(yield func(domain.Envelope, error) bool) { yield(s.Log.At(ctx, domain.Identity, first)) }
}

// run is a range of sequences.
type run struct{ first, last uint64 }

// runsOf joins sequences that follow one another into ranges: reading one is cheaper than one by one.
func runsOf(sequences []uint64) iter.Seq[run] {
	return func(yield func(run) bool) {
		for len(sequences) > 0 {
			n := 1
			for n < len(sequences) && sequences[n] == sequences[n-1]+1 {
				n++
			}
			if !yield(run{sequences[0], sequences[n-1]}) {
				return
			}
			sequences = sequences[n:]
		}
	}
}

// fewNames is up to how many aliases are looked for in the bytes of an envelope before it is decoded.
const fewNames = 16

// names says whether an envelope may name one of the aliases.
func names(e domain.Envelope, aliases []domain.Alias) bool {
	if len(aliases) > fewNames {
		return true
	}
	return slices.ContainsFunc(e.Frames, func(frame []byte) bool {
		return slices.ContainsFunc(aliases, func(a domain.Alias) bool { return bytes.Contains(frame, a[:]) })
	})
}

// registerAt is the register as it stood at a sequence of IDENTITY, folded from the log.
func (s *Identity) registerAt(ctx context.Context, to uint64) (*identity.Register, error) {
	out := identity.NewRegister()
	if to == 0 {
		return out, nil
	}
	for envelope, err := range s.Log.Read(ctx, domain.Identity, 1, to) {
		if err != nil {
			return nil, fmt.Errorf("read identity as of a cut: %w", err)
		}
		events, err := envelope.Recorded()
		if err != nil {
			return nil, fmt.Errorf("read identity as of a cut: %w", err)
		}
		for _, r := range events {
			out.Apply(r)
		}
	}
	return out, nil
}
