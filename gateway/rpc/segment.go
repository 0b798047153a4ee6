package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/recommend"
	"github.com/profferhq/proffer/domain/segment"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/lab"
	"github.com/profferhq/proffer/projections"
)

// DefiningSegments puts definitions into effect.
type DefiningSegments interface {
	Define(ctx context.Context, d segment.Definition, change commands.Change) (commands.SegmentsDefined, error)
	InEffect() []commands.DefinedSegments
	Withdrawn() []*segment.Version
}

// Membership reads who belongs to which segment.
type Membership interface {
	Of(alias domain.Alias, nowMS int64, definitions []*segment.Compiled) ([][]string, error)
	Everybody(ctx context.Context, nowMS int64, definitions []*segment.Compiled, look func(domain.Alias, [][]string)) error
	Members(ctx context.Context, nowMS int64, d *segment.Compiled, name string, after domain.Alias, limit int) ([]domain.Alias, bool, error)
}

// Recommending knows what people may want next.
type Recommending interface {
	Recommend(ctx context.Context, alias domain.Alias, ask recommend.Ask) (projections.Recommended, error)
}

// Habits reads what a person usually does, and does now.
type Habits interface {
	Of(aliases []domain.Alias, nowMS int64) projections.Habit
}

// Segments implements SegmentService.
type Segments struct {
	Who          *Identity
	Linked       projections.Linked
	Defining     DefiningSegments
	Membership   Membership
	Recommending Recommending
	Habits       Habits
	Worth        Worth
	// Remembered waits until habits and worth know what the log holds.
	Remembered func(context.Context) error
	// View is what a view's name means; Prepare waits until one can be read.
	View     func(name string) (feature.View, bool)
	Prepare  func(context.Context, feature.View) error
	InEffect InEffect
	Now      func() time.Time
}

// Refusals of the segment service.
var (
	errNoSegments = refusal(connect.CodeNotFound, "UNKNOWN_SEGMENTS", "there is no segment definition with this id")
	errNoSegment  = refusal(connect.CodeNotFound, "UNKNOWN_SEGMENT", "the definition has no such segment")
	errAfter      = refusal(connect.CodeInvalidArgument, "PROFILE_INVALID", "after is no profile: want 32 hexadecimal digits")
)

// segmentProblems gives the faults of a definition their own reason.
func segmentProblems(err error) error {
	if problems, ok := errors.AsType[problem.List](err); ok {
		return refusedProblems("SEGMENTS_INVALID", problems)
	}
	return err
}

// definitionOf reads a document: a definition, or what lab segments printed.
func definitionOf(r *profferv1.DefineSegmentsRequest) (segment.Definition, error) {
	d, err := segment.Parse([]byte(r.GetDocument()))
	if err != nil {
		printed, other := lab.DefinitionOf([]byte(r.GetDocument()))
		if other != nil || printed.ID == "" {
			return d, err
		}
		d = printed
	}
	if r.GetId() != "" {
		d.ID = r.GetId()
	}
	if r.GetView() != "" {
		d.View = r.GetView()
	}
	return d, nil
}

// DefineSegments implements SegmentService.
func (s *Segments) DefineSegments(ctx context.Context, r *profferv1.DefineSegmentsRequest) (*profferv1.DefineSegmentsResponse, error) {
	d, err := definitionOf(r)
	if err != nil {
		return nil, err
	}
	// Only the operator's key comes as far as here.
	got, err := s.Defining.Define(ctx, d, commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: operatorName})
	if err != nil {
		return nil, segmentProblems(err)
	}
	if err := followed(ctx, s.InEffect, got.At); err != nil {
		return nil, err
	}
	return &profferv1.DefineSegmentsResponse{
		Id: d.ID, Version: got.Version, Sha256: got.Digest.String(), Position: placeText(got.At), Unchanged: got.Unchanged, Segments: d.Segments(),
	}, nil
}

// ListSegments implements SegmentService.
func (s *Segments) ListSegments(context.Context, *profferv1.ListSegmentsRequest) (*profferv1.ListSegmentsResponse, error) {
	out := &profferv1.ListSegmentsResponse{}
	for _, d := range s.Defining.InEffect() {
		definition := d.Definition()
		out.Definitions = append(out.Definitions, &profferv1.SegmentDefinition{
			Id: definition.ID, Version: d.Version, Sha256: d.Digest.String(), View: definition.View, Description: definition.Description,
			Kind: definition.Kind(), Segments: definition.Segments(), DefinedAt: timestamppb.New(time.UnixMilli(d.DefinedMS)),
			Position: placeText(d.At), Document: string(d.Document),
		})
	}
	for _, v := range s.Defining.Withdrawn() {
		out.Withdrawn = append(out.Withdrawn, &profferv1.WithdrawnSegments{
			Id: v.ID, Version: v.Version, WithdrawnAt: timestamppb.New(time.UnixMilli(v.DefinedMS)),
		})
	}
	return out, nil
}

// chosen are the definitions in effect with an id, or all for an empty one, once their views can be read: after a start the log
// may have to be folded for them.
func (s *Segments) chosen(ctx context.Context, id string) ([]commands.DefinedSegments, []*segment.Compiled, error) {
	all := s.Defining.InEffect()
	if id != "" {
		all = slices.DeleteFunc(all, func(d commands.DefinedSegments) bool { return d.Definition().ID != id })
		if len(all) == 0 {
			return nil, nil, errNoSegments
		}
	}
	compiled := make([]*segment.Compiled, len(all))
	for i, d := range all {
		compiled[i] = d.Compiled
		if view, known := s.View(d.Definition().View); known {
			if err := s.Prepare(ctx, view); err != nil {
				return nil, nil, err
			}
		}
	}
	return all, compiled, nil
}

// CountSegments implements SegmentService.
func (s *Segments) CountSegments(ctx context.Context, r *profferv1.CountSegmentsRequest) (*profferv1.CountSegmentsResponse, error) {
	all, compiled, err := s.chosen(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	now := s.Now()
	out := &profferv1.CountSegmentsResponse{At: timestamppb.New(now)}
	counts := make([]map[string]uint64, len(all))
	for i := range counts {
		counts[i] = map[string]uint64{}
	}
	err = s.Membership.Everybody(ctx, now.UnixMilli(), compiled, func(_ domain.Alias, segments [][]string) {
		out.Profiles++
		for i, of := range segments {
			for _, name := range of {
				counts[i][name]++
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("count the segments: %w", err)
	}
	for i, d := range all {
		for _, name := range d.Definition().Segments() {
			out.Counts = append(out.Counts, &profferv1.SegmentCount{Id: d.Definition().ID, Segment: name, Profiles: counts[i][name]})
		}
	}
	return out, nil
}

// ListMembers implements SegmentService.
func (s *Segments) ListMembers(ctx context.Context, r *profferv1.ListMembersRequest) (*profferv1.ListMembersResponse, error) {
	all, compiled, err := s.chosen(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(all[0].Definition().Segments(), r.GetSegment()) {
		return nil, errNoSegment
	}
	var after domain.Alias
	if r.GetAfter() != "" {
		if after, err = domain.ParseAlias(r.GetAfter()); err != nil {
			return nil, errAfter
		}
	}
	limit := cmp.Or(int(r.GetLimit()), 100)
	profiles, more, err := s.Membership.Members(ctx, s.Now().UnixMilli(), compiled[0], r.GetSegment(), after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the members: %w", err)
	}
	out := &profferv1.ListMembersResponse{More: more}
	for _, p := range profiles {
		out.Profiles = append(out.Profiles, p.String())
	}
	return out, nil
}

// DescribePerson implements SegmentService.
func (s *Segments) DescribePerson(ctx context.Context, r *profferv1.DescribePersonRequest) (*profferv1.DescribePersonResponse, error) {
	alias, err := s.Who.seen(r.GetWho())
	if err != nil {
		return nil, err
	}
	all, compiled, err := s.chosen(ctx, "")
	if err != nil {
		return nil, err
	}
	of, err := s.Membership.Of(alias, s.Now().UnixMilli(), compiled)
	if err != nil {
		return nil, fmt.Errorf("describe a person: %w", err)
	}
	profile, _ := s.Linked.Profile(alias)
	if err := s.Remembered(ctx); err != nil {
		return nil, err
	}
	habit := s.Habits.Of(s.Linked.Aliases(alias), s.Now().UnixMilli())
	out := &profferv1.DescribePersonResponse{Profile: profile.String(), PriceSensitivity: priceMessage(habit), PurchaseIntent: intentMessage(habit)}
	for i, d := range all {
		out.Segments = append(out.Segments, &profferv1.PersonSegments{Id: d.Definition().ID, Version: d.Version, Segments: of[i]})
	}
	return out, nil
}

func priceMessage(h projections.Habit) *profferv1.PriceSensitivity {
	return &profferv1.PriceSensitivity{
		Score: h.Price.Score, Orders: uint32(h.Price.Orders), Lowered: uint32(h.Price.Lowered), Belief: h.Price.Belief,
		Usual: h.Usual.Share, Weight: h.Usual.Weight,
	}
}

func intentMessage(h projections.Habit) *profferv1.PurchaseIntent {
	out := &profferv1.PurchaseIntent{Score: h.Intent.Score, Acts: uint32(h.Intent.Acts)}
	if h.Intent.Acts > 0 {
		out.Since = timestamppb.New(time.UnixMilli(h.Intent.SinceMS))
	}
	for _, t := range h.Intent.Terms {
		out.Terms = append(out.Terms, &profferv1.IntentTerm{Name: t.Name, Count: uint32(t.Count), Points: t.Points})
	}
	return out
}

// RecommendItems implements SegmentService.
func (s *Segments) RecommendItems(ctx context.Context, r *profferv1.RecommendItemsRequest) (*profferv1.RecommendItemsResponse, error) {
	alias, err := s.Who.seen(r.GetWho())
	if err != nil {
		return nil, err
	}
	got, err := s.Recommending.Recommend(ctx, alias, recommend.Ask{N: cmp.Or(int(r.GetLimit()), 10), New: r.GetOnlyNew()})
	if err != nil {
		return nil, err
	}
	profile, _ := s.Linked.Profile(alias)
	out := &profferv1.RecommendItemsResponse{
		Profile: profile.String(), LearnedAt: timestamppb.New(time.UnixMilli(got.Learned.AtMS)), People: uint64(got.Learned.People),
		KnownItems: uint64(got.Learned.Items), AsOf: got.Sequence, Kept: got.Kept,
	}
	for _, item := range got.Items {
		out.Items = append(out.Items, &profferv1.RecommendedItem{Item: item.Item, Score: item.Score})
	}
	return out, nil
}
