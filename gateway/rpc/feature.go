package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/viewfile"
)

// FeatureViewCommands publish and switch feature views.
type FeatureViewCommands interface {
	Publish(ctx context.Context, p commands.PublishView) (commands.PublishedView, error)
	Switch(ctx context.Context, s commands.SwitchView) (commands.SwitchedView, error)
}

// FeatureCatalogue is which feature views there are and what reads them.
type FeatureCatalogue interface {
	LookViews(look func(*feature.Catalogue))
	// View finds withdrawn ones, too; CurrentView does not.
	View(name string) (feature.View, bool)
	CurrentView(name string) (feature.View, bool)
	Lineage() []feature.Edge
	List() []*decider.Published
}

// Comparing reads two views for the same people.
type Comparing interface {
	Compare(ctx context.Context, first, second feature.View, people iter.Seq[domain.Alias], most int, nowMS int64) (
		uint64, []decider.FeatureComparison, error)
}

// Features implements FeatureService.
type Features struct {
	*PointInTime
	Commands  FeatureViewCommands
	Catalogue FeatureCatalogue
	Comparing Comparing
	// People yields aliases, spread over all.
	People iter.Seq[domain.Alias]
	// Prepare waits until a view can be read.
	Prepare  func(context.Context, feature.View) error
	InEffect InEffect
	Now      func() time.Time
}

// viewProblems gives the faults of a view their own reason.
func viewProblems(err error) error {
	var problems problem.List
	if errors.Is(err, feature.ErrViewInvalid) && errors.As(err, &problems) {
		return refusedProblems("VIEW_INVALID", problems)
	}
	return err
}

// PublishView implements FeatureService. It returns when decisions of this server know the version.
func (s *Features) PublishView(ctx context.Context, r *profferv1.PublishViewRequest) (*profferv1.PublishViewResponse, error) {
	view, err := viewfile.Parse([]byte(r.GetDocument()))
	if err != nil {
		return nil, viewProblems(err)
	}
	// Only the operator's key comes as far as here.
	p, err := s.Commands.Publish(ctx, commands.PublishView{
		View: view, Document: r.GetDocument(),
		Change: commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: operatorName},
	})
	if err != nil {
		return nil, err
	}
	if err := followed(ctx, s.InEffect, p.At); err != nil {
		return nil, err
	}
	return &profferv1.PublishViewResponse{
		View: view.Name(), Fingerprint: view.Fingerprint().String(), Features: uint32(view.Len()), Position: placeText(p.At),
		Unchanged: p.Unchanged, Live: p.Live,
		Added: p.Difference.Added, Removed: p.Difference.Removed, Changed: p.Difference.Changed,
	}, nil
}

// ListViews implements FeatureService.
func (s *Features) ListViews(context.Context, *profferv1.ListViewsRequest) (*profferv1.ListViewsResponse, error) {
	out := &profferv1.ListViewsResponse{}
	s.Catalogue.LookViews(func(c *feature.Catalogue) {
		for _, family := range c.Families() {
			live, _ := c.Live(family)
			for _, p := range c.Versions(family) {
				out.Views = append(out.Views, viewMessage(p, p == live))
			}
		}
	})
	for _, v := range out.Views {
		v.Policies = s.policiesReading(v)
	}
	return out, nil
}

func viewMessage(p *feature.Published, live bool) *profferv1.FeatureView {
	out := &profferv1.FeatureView{View: p.Name, Live: live, BuiltIn: p.BuiltIn()}
	if p.Err == nil {
		out.Fingerprint, out.Description, out.Features = p.Fingerprint().String(), p.Description(), uint32(p.Len())
	}
	if p.Withdrawn() {
		out.WithdrawnAt = timestamppb.New(time.UnixMilli(p.WithdrawnMS))
	}
	if !p.BuiltIn() {
		out.PublishedAt = timestamppb.New(time.UnixMilli(p.PublishedMS))
		out.Position = domain.Place{Stream: domain.Policy, Position: p.At}.String()
	}
	return out
}

// policiesReading are the policies in effect that read the version.
func (s *Features) policiesReading(v *profferv1.FeatureView) []string {
	family, _, _ := strings.Cut(v.GetView(), "@")
	var out []string
	for _, published := range s.Catalogue.List() {
		if reads := published.Policy.GetView(); reads == v.GetView() || v.GetLive() && reads == family {
			out = append(out, published.Policy.GetId())
		}
	}
	return out
}

// DescribeView implements FeatureService.
func (s *Features) DescribeView(_ context.Context, r *profferv1.DescribeViewRequest) (*profferv1.DescribeViewResponse, error) {
	view, known := s.Catalogue.View(r.GetView())
	if !known {
		return nil, s.unknown(r.GetView())
	}
	out := &profferv1.DescribeViewResponse{Canonical: string(view.Canonical())}
	s.Catalogue.LookViews(func(c *feature.Catalogue) {
		p, _ := c.Version(view.Name())
		live, _ := c.Live(view.Family())
		out.View, out.Document = viewMessage(p, p == live), p.Document
	})
	out.View.Policies = s.policiesReading(out.View)
	readers := map[string][]string{}
	for _, e := range s.Catalogue.Lineage() {
		readers[e.From] = append(readers[e.From], e.To)
	}
	for _, spec := range view.Specs() {
		d := definitionMessage(spec)
		for _, reader := range readers["feature:"+view.Name()+"/"+spec.Name] {
			switch kind, name, _ := strings.Cut(reader, ":"); kind {
			case "model":
				d.Models = append(d.Models, name)
			case "policy":
				d.Policies = append(d.Policies, name)
			}
		}
		out.Features = append(out.Features, d)
	}
	return out, nil
}

func definitionMessage(s feature.Spec) *profferv1.FeatureDefinition {
	prior := ""
	if s.Prior != nil {
		prior = fmt.Sprintf("share %v, weight %v", s.Prior.Share, s.Prior.Weight)
	}
	return &profferv1.FeatureDefinition{
		Name: s.Name, Description: s.Description, Sources: s.Source, Per: s.Per, HalfLife: s.HalfLife, Prior: prior,
		Aggregation: s.Aggregation, Window: s.Window,
		Filter: strings.Join(slices.DeleteFunc([]string{s.Filter, s.Lines}, func(x string) bool { return x == "" }), "; lines: "),
		Value:  s.Value, Expression: s.Expression, Default: s.Default, Unit: s.Unit, Owner: s.Owner, Tags: s.Tags, Pii: s.PII,
	}
}

func (s *Features) unknown(name string) error {
	var names []string
	s.Catalogue.LookViews(func(c *feature.Catalogue) { names = c.Names() })
	return fmt.Errorf("%w: %q: %s", commands.ErrUnknownView, name, strings.Join(names, ", "))
}

// defaultCompared is how many people are read unless a request says otherwise.
const defaultCompared = 1000

// CompareViews implements FeatureService.
func (s *Features) CompareViews(ctx context.Context, r *profferv1.CompareViewsRequest) (*profferv1.CompareViewsResponse, error) {
	second, known := s.Catalogue.CurrentView(r.GetView())
	if !known {
		return nil, s.unknown(r.GetView())
	}
	first, known := s.Catalogue.CurrentView(cmp.Or(r.GetWith(), second.Family()))
	if !known {
		return nil, s.unknown(r.GetWith())
	}
	for _, v := range []feature.View{first, second} {
		if err := s.Prepare(ctx, v); err != nil {
			return nil, err
		}
	}
	difference := feature.Compare(first, second)
	people, compared, err := s.Comparing.Compare(
		ctx, first, second, s.People, cmp.Or(int(r.GetPeople()), defaultCompared), s.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	out := &profferv1.CompareViewsResponse{View: second.Name(), With: first.Name(), People: people}
	for _, c := range compared {
		m := &profferv1.FeatureComparison{
			Name: c.Name, Definition: "SAME", Different: c.Different, Missing: c.Missing,
			Mean: c.SecondMean, WithMean: c.FirstMean, LargestDifference: c.Largest,
		}
		switch {
		case !c.InFirst:
			m.Definition = "ADDED"
		case !c.InSecond:
			m.Definition = "REMOVED"
		case slices.Contains(difference.Changed, c.Name):
			m.Definition = "CHANGED"
		}
		out.Features = append(out.Features, m)
	}
	return out, nil
}

// SwitchView implements FeatureService.
func (s *Features) SwitchView(ctx context.Context, r *profferv1.SwitchViewRequest) (*profferv1.SwitchViewResponse, error) {
	v, err := s.Commands.Switch(ctx, commands.SwitchView{
		View:   r.GetView(),
		Change: commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: operatorName},
	})
	if err != nil {
		return nil, err
	}
	if err := followed(ctx, s.InEffect, v.At); err != nil {
		return nil, err
	}
	return &profferv1.SwitchViewResponse{
		View: v.View, Before: v.Before, Position: placeText(v.At), Unchanged: v.Unchanged,
		Policies: s.policiesReading(&profferv1.FeatureView{View: v.View, Live: true}),
	}, nil
}

// Lineage implements FeatureService.
func (s *Features) Lineage(_ context.Context, r *profferv1.LineageRequest) (*profferv1.LineageResponse, error) {
	of := r.GetOf()
	if view, name, is := strings.Cut(strings.TrimPrefix(of, "feature:"), "/"); is {
		if v, known := s.Catalogue.View(view); known { // a name without a version means the live one
			of = "feature:" + v.Name() + "/" + name
		}
	}
	all := s.Catalogue.Lineage()
	out := &profferv1.LineageResponse{}
	for _, e := range decider.Connected(all, of) {
		out.Edges = append(out.Edges, &profferv1.LineageEdge{From: e.From, To: e.To})
	}
	if len(out.Edges) == 0 {
		return nil, noLineage(all, of)
	}
	return out, nil
}

// errNoLineage: nothing is read by it and it reads nothing.
var errNoLineage = errors.New("there is no lineage")

// noLineage says how things are called.
func noLineage(all []feature.Edge, of string) error {
	var known []string
	for _, e := range all {
		known = append(known, e.From, e.To)
	}
	return fmt.Errorf("%w: nothing reads %q, and it reads nothing%s; want event:purchased, feature:retail@1/spend_30d, "+
		"model:churn@1, use:churn_90d, segments:rfm or policy:shop", errNoLineage, of, expression.Suggestion(of, known))
}
