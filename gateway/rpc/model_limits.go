package rpc

import (
	"context"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/watch"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// limitsMessage is the limits of a use, whole; nothing set is as they come.
func limitsMessage(use string, set *event.ModelLimitsSet) *profferv1.ModelLimits {
	l := watch.DefaultLimits().With(set)
	out := &profferv1.ModelLimits{
		Use: use, Version: set.GetVersion(), Days: uint32(l.Days), Least: l.Least, Reason: set.GetReason(),
	}
	for _, metric := range watch.Metrics() {
		out.Limits = append(out.Limits, &profferv1.ModelLimit{Metric: metric, Soft: l.By[metric].Soft, Hard: l.By[metric].Hard})
	}
	return out
}

// GetModelLimits implements ModelService.
func (s *Models) GetModelLimits(_ context.Context, r *profferv1.GetModelLimitsRequest) (*profferv1.GetModelLimitsResponse, error) {
	return &profferv1.GetModelLimitsResponse{Limits: limitsMessage(r.GetUse(), s.Catalogue.ModelLimits(r.GetUse()))}, nil
}

// SetModelLimits implements ModelService.
func (s *Models) SetModelLimits(ctx context.Context, r *profferv1.SetModelLimitsRequest) (*profferv1.SetModelLimitsResponse, error) {
	set := commands.SetModelLimits{
		Use: r.GetUse(), Days: r.GetDays(), Least: r.GetLeast(),
		Change: commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: actorOf(ctx)},
	}
	for _, l := range r.GetLimits() {
		set.Limits = append(set.Limits, &event.ModelLimit{Metric: l.GetMetric(), Soft: l.GetSoft(), Hard: l.GetHard()})
	}
	out, err := s.Commands.SetLimits(ctx, set)
	if err != nil {
		return nil, modelProblems(err)
	}
	return &profferv1.SetModelLimitsResponse{
		Limits: limitsMessage(r.GetUse(), out.ModelLimitsSet), Position: placeText(out.At), Unchanged: out.Unchanged,
	}, nil
}
