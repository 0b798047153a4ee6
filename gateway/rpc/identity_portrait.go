package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// portrait is a profile as a graph has it.
type portrait struct {
	profile    domain.Alias
	aliases    []domain.Alias
	types      map[domain.Alias]string
	marks      map[domain.Alias]identity.Mark
	households []identity.Household
	consents   []consent.Statement
}

func portraitOf(g *identity.Graph, said *consent.Book, alias domain.Alias) portrait {
	out := portraitOfMembers(g, g.Profile(alias), g.Aliases(alias))
	out.consents = said.All(out.aliases)
	return out
}

// portraitOfMembers is of aliases that may not be a profile, as a preview has them: it has no consents.
func portraitOfMembers(g *identity.Graph, profile domain.Alias, aliases []domain.Alias) portrait {
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

// profile is a portrait as a message, with its links and consents as IDENTITY tells them up to a sequence.
func (s *Identity) profile(ctx context.Context, p portrait, to uint64) (*profferv1.Profile, error) {
	history, err := s.Traces.Of(ctx, p.aliases, to)
	if err != nil {
		return nil, err
	}
	return s.drawn(ctx, p, history)
}

// drawn is a portrait as a message, with its links and consents as its history tells them.
func (s *Identity) drawn(ctx context.Context, p portrait, history []domain.Recorded) (*profferv1.Profile, error) {
	out, err := s.outline(ctx, p)
	if err != nil {
		return nil, err
	}
	out.Links, out.Consents = linksOf(history, p), consentsOf(history, p)
	return out, nil
}

// outline is a portrait as a message, without its links and consents.
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

// graphAt is the graph as it stood at a sequence of IDENTITY, of an alias's profile and, with households, of those who share
// an identifier with it.
func (s *Identity) graphAt(ctx context.Context, alias domain.Alias, households bool, to uint64) (*identity.Graph, error) {
	changes, err := s.Traces.Around(ctx, alias, households, to)
	out := identity.NewGraph()
	for _, r := range changes {
		out.Apply(r)
	}
	return out, err
}
