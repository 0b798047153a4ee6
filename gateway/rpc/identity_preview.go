package rpc

import (
	"context"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/guardsfile"
)

// Previewing says what changes would do.
type Previewing interface {
	PreviewLink(ctx context.Context, l commands.LinkPeople) (commands.Preview, error)
	PreviewUnlink(ctx context.Context, u commands.UnlinkPeople) (commands.Preview, error)
	PreviewGuards(ctx context.Context, guards *event.IdentityGuards) (commands.Preview, error)
}

// Supposing makes recorded decisions again under another identity.
type Supposing interface {
	SupposeAll(ctx context.Context, s decider.Supposition, o decider.SupposeOptions) (decider.SupposeTally, error)
}

// previewListed bounds the lists of a preview.
const previewListed = 100

var errNoChange = refusal(connect.CodeInvalidArgument, "CHANGE_REQUIRED", "name one change: guards, link or unlink")

// Preview implements IdentityService.
func (s *Identity) Preview(ctx context.Context, r *profferv1.PreviewRequest) (*profferv1.PreviewResponse, error) {
	end, err := s.Log.Last(ctx, domain.Identity)
	if err != nil {
		return nil, err
	}
	preview, err := s.preview(ctx, r)
	if err != nil {
		return nil, err
	}
	change, before := preview.Realignment, s.Count()
	out := &profferv1.PreviewResponse{
		ProfilesBefore: before, ProfilesAfter: uint64(max(0, int64(before)+int64(change.Profiles))),
		AliasesAffected: uint64(len(change.Affected)), Splits: uint64(change.Splits), Merges: uint64(change.Merges),
		Position: sequenceText(end),
	}
	countEvents(out, preview.Events)
	if err := s.regroup(ctx, out, change.Regroupings); err != nil {
		return nil, err
	}
	return out, s.supposed(ctx, out, preview, int(r.GetDecisions()))
}

func (s *Identity) preview(ctx context.Context, r *profferv1.PreviewRequest) (commands.Preview, error) {
	switch c := r.GetChange().(type) {
	case *profferv1.PreviewRequest_Guards:
		document, err := guardsfile.Parse([]byte(c.Guards))
		if err != nil {
			return commands.Preview{}, err
		}
		return s.Previewing.PreviewGuards(ctx, document.Guards)
	case *profferv1.PreviewRequest_Link:
		both, err := s.named(ctx, c.Link.GetFirst(), c.Link.GetSecond())
		if err != nil {
			return commands.Preview{}, err
		}
		return s.Previewing.PreviewLink(ctx, commands.LinkPeople{First: both[0], Second: both[1], LiftBars: c.Link.GetLiftBar()})
	case *profferv1.PreviewRequest_Unlink:
		both, err := s.named(ctx, c.Unlink.GetFirst(), c.Unlink.GetSecond())
		if err != nil {
			return commands.Preview{}, err
		}
		return s.Previewing.PreviewUnlink(ctx, commands.UnlinkPeople{First: both[0], Second: both[1], Bar: c.Unlink.GetBar()})
	}
	return commands.Preview{}, errNoChange
}

// countEvents counts what would be appended.
func countEvents(out *profferv1.PreviewResponse, events []*event.Event) {
	for _, e := range events {
		switch {
		case e.GetIdentityLinked() != nil:
			out.LinksAdded++
		case e.GetIdentityUnlinked() != nil:
			out.LinksTakenBack++
		case e.GetAliasMarked().GetMark() == event.AliasMarked_MARK_SHARED:
			out.Shared++
		}
	}
}

// regroup lists the profiles that would become others, as many as are listed, and counts all.
func (s *Identity) regroup(ctx context.Context, out *profferv1.PreviewResponse, all []identity.Regrouping) error {
	for _, g := range all {
		out.ProfilesAffected += uint64(len(g.Before))
	}
	for _, g := range all[:min(len(all), previewListed)] {
		before, err := s.outlines(ctx, g.Before)
		if err != nil {
			return err
		}
		after, err := s.outlines(ctx, g.After)
		if err != nil {
			return err
		}
		out.Regroupings = append(out.Regroupings, &profferv1.Regrouping{Before: before, After: after})
	}
	return nil
}

func (s *Identity) outlines(ctx context.Context, groups [][]domain.Alias) ([]*profferv1.Profile, error) {
	var portraits []portrait
	s.People.Look(func(register *identity.Register) {
		for _, members := range groups {
			p := portraitOfMembers(register.Graph(), slices.MinFunc(members, domain.Alias.Compare), members)
			p.households = nil // of the present, not of what would be
			portraits = append(portraits, p)
		}
	})
	out := make([]*profferv1.Profile, len(portraits))
	for i, p := range portraits {
		var err error
		if out[i], err = s.outline(ctx, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// supposed makes recorded decisions of the people affected again as if the change had held.
func (s *Identity) supposed(ctx context.Context, out *profferv1.PreviewResponse, p commands.Preview, most int) error {
	concerned := map[domain.Alias]bool{}
	for _, g := range p.Realignment.Regroupings {
		for _, members := range g.Before {
			for _, a := range members {
				concerned[a] = true
			}
		}
	}
	if len(concerned) == 0 {
		return nil
	}
	tally, err := s.Supposing.SupposeAll(ctx,
		decider.Supposition{Changes: p.Events},
		decider.SupposeOptions{Concerns: func(a domain.Alias) bool { return concerned[a] }, Most: most})
	if err != nil {
		return err
	}
	out.DecisionsExamined, out.DecisionsDifferent = tally.Examined, tally.Different
	for _, d := range tally.Differing[:min(len(tally.Differing), previewListed)] {
		out.Differences = append(out.Differences, &profferv1.DecisionDifference{
			DecisionId: aliasText(d.Record.GetId()), Position: placeOf(d.Logged),
			DecidedAt:     timestamppb.New(time.UnixMilli(d.Record.GetNowMs())),
			OfferRecorded: d.Record.GetOffer(), OfferThen: d.Again.GetOffer(),
			ReasonRecorded: d.Record.GetReason(), ReasonThen: d.Again.GetReason(),
		})
	}
	return nil
}
