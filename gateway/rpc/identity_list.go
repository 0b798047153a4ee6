package rpc

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/guardsfile"
)

// identityPage is how long a page of the lists of identity is when nothing else is said.
const identityPage = 50

// List implements IdentityService.
func (s *Identity) List(ctx context.Context, r *profferv1.IdentityServiceListRequest) (*profferv1.IdentityServiceListResponse, error) {
	from, size, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	out := &profferv1.IdentityServiceListResponse{}
	if err := s.documents(out); err != nil {
		return nil, err
	}
	var marked []identity.Marked
	named := portrait{types: map[domain.Alias]string{}, marks: map[domain.Alias]identity.Mark{}}
	s.People.Look(func(register *identity.Register) {
		out.Position = sequenceText(register.Applied())
		total := 0
		switch r.GetKind() {
		case profferv1.IdentityServiceListRequest_KIND_REVIEW:
			out.Links, total = pageOfLinks(register.Proposals(), from, size, proposedLink)
		case profferv1.IdentityServiceListRequest_KIND_WITHHELD:
			out.Links, total = pageOfLinks(register.Withheld(), from, size, withheldEntry)
		case profferv1.IdentityServiceListRequest_KIND_BARRED:
			out.Links, total = pageOfLinks(register.Bars(), from, size, barredEntry)
		case profferv1.IdentityServiceListRequest_KIND_MARKED:
			all := register.Marked()
			marked, total = within(all, from, size), len(all)
		}
		out.Total = uint64(total)
		if from+size < total {
			out.NextPageToken = token(strconv.Itoa(from+size), r.GetKind().String())
		}
		named.noteEnds(register.Graph(), out.GetLinks())
	})
	if out.Aliases, err = s.aliasesOf(ctx, named.aliases, named.types, named.marks); err != nil {
		return nil, err
	}
	out.Marked, err = s.markedAliases(ctx, marked)
	return out, err
}

// noteEnds adds the aliases that links name, each once.
func (p *portrait) noteEnds(g *identity.Graph, links []*profferv1.ProfileLink) {
	for _, l := range links {
		for _, text := range []string{l.GetAlias(), l.GetOther()} {
			a, err := domain.ParseAlias(text)
			if _, noted := p.types[a]; err != nil || noted {
				continue // what is no alias is nobody
			}
			p.aliases = append(p.aliases, a)
			p.note(g, a)
		}
	}
}

// pageOf is where a page begins and how long it is.
func pageOf(r *profferv1.IdentityServiceListRequest) (from, size int, err error) {
	size = cmp.Or(int(r.GetPageSize()), identityPage)
	if r.GetPageToken() == "" {
		return 0, size, nil
	}
	refused := refusal(connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID", "the page token is not of this list")
	parts, ok := tokenParts(r.GetPageToken(), 2)
	if !ok || parts[1] != r.GetKind().String() {
		return 0, 0, refused
	}
	if from, err = strconv.Atoi(parts[0]); err != nil || from < 0 {
		return 0, 0, refused
	}
	return from, size, nil
}

func within[E any](list []E, from, size int) []E {
	from = min(from, len(list))
	return list[from:min(from+size, len(list))]
}

func pageOfLinks[E any](list []E, from, size int, message func(E) *profferv1.ProfileLink) (links []*profferv1.ProfileLink, total int) {
	for _, e := range within(list, from, size) {
		links = append(links, message(e))
	}
	return links, len(list)
}

// States of entries that are not links of a profile.
const (
	linkProposed = "PROPOSED"
	linkBarred   = "BARRED"
)

func proposedLink(p identity.Proposal) *profferv1.ProfileLink {
	out := &profferv1.ProfileLink{
		Alias: p.First.Alias.String(), Other: p.Second.Alias.String(), Rule: identity.RuleMatch, Posterior: p.Posterior,
		State: linkProposed, Position: identityPlace(p.At), At: timestamppb.New(time.UnixMilli(p.ReceivedMS)),
	}
	setEvidence(out, p.Evidence)
	return out
}

func withheldEntry(w identity.Withheld) *profferv1.ProfileLink {
	out := &profferv1.ProfileLink{
		Alias: w.First.Alias.String(), Other: w.Second.Alias.String(), Rule: w.Rule, Posterior: w.Posterior,
		State: linkWithheld, Guard: w.Guard, Position: identityPlace(w.At), At: timestamppb.New(time.UnixMilli(w.ReceivedMS)),
	}
	setEvidence(out, w.Evidence)
	return out
}

func barredEntry(b identity.Bar) *profferv1.ProfileLink {
	return &profferv1.ProfileLink{
		Alias: b.First.Alias.String(), Other: b.Second.Alias.String(), Rule: b.Rule, State: linkBarred,
		Reason: b.Reason, Actor: b.Actor, Position: identityPlace(b.At), At: timestamppb.New(time.UnixMilli(b.ReceivedMS)),
	}
}

func (s *Identity) markedAliases(ctx context.Context, marked []identity.Marked) ([]*profferv1.ProfileAlias, error) {
	aliases := make([]domain.Alias, len(marked))
	types, marks := map[domain.Alias]string{}, map[domain.Alias]identity.Mark{}
	for i, m := range marked {
		aliases[i] = m.Alias
		types[m.Alias], marks[m.Alias] = m.Type, m.Mark
	}
	return s.aliasesOf(ctx, aliases, types, marks)
}

// documents are the guards and the model in effect. Guards are shown as their author wrote them; the defaults, which
// nobody wrote, as a document that says the same.
func (s *Identity) documents(out *profferv1.IdentityServiceListResponse) (err error) {
	if guards := s.People.GuardsInForce(); guards != nil {
		out.Guards, out.GuardsVersion = guards.GetSource(), guards.GetVersion()
	} else if out.Guards, err = guardsfile.Format(identity.DefaultGuards()); err != nil {
		return fmt.Errorf("write the default guards: %w", err)
	}
	model := s.People.MatchModel()
	out.Model, out.ModelVersion = string(model.GetDocumentJson()), model.GetVersion()
	return nil
}
