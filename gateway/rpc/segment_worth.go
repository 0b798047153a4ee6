package rpc

import (
	"cmp"
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/value"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/projections"
)

// Worth knows what people are expected to buy.
type Worth interface {
	Of(linked projections.Linked, alias domain.Alias, ask projections.WorthAsk) (projections.Worth, error)
	Everybody(ctx context.Context, linked projections.Linked, ask projections.WorthAsk) (projections.Worth, error)
}

const dayMS = 24 * int64(time.Hour/time.Millisecond)

// ListLifetimeValues implements SegmentService.
func (s *Segments) ListLifetimeValues(ctx context.Context, r *profferv1.ListLifetimeValuesRequest) (*profferv1.ListLifetimeValuesResponse, error) {
	ask := projections.WorthAsk{Horizon: float64(cmp.Or(r.GetHorizonDays(), 365))}
	if r.GetUntil() != nil {
		ask.Until = int(math.Floor(float64(r.GetUntil().AsTime().UnixMilli()) / float64(dayMS)))
	}
	if err := s.Remembered(ctx); err != nil {
		return nil, err
	}
	w, err := s.worth(ctx, r.GetWho(), ask)
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(int(r.GetLimit()), 10)
	out := &profferv1.ListLifetimeValuesResponse{
		Until: timestamppb.New(time.UnixMilli(int64(w.Until) * dayMS)), HorizonDays: uint32(ask.Horizon),
		People: uint64(w.People), Repeating: uint64(w.Repeating), BgNbd: purchasingMessage(w.Model.Purchasing), Warnings: w.Model.Warnings,
	}
	if spending := w.Model.Spending; spending != nil {
		out.GammaGamma = &profferv1.SpendingModel{
			P: spending.P, Q: spending.Q, V: spending.V, LogLikelihood: spending.LogLikelihood, People: uint64(spending.People),
			Correlation: spending.Correlation,
		}
	}
	for _, p := range w.Persons[:min(limit, len(w.Persons))] {
		out.Values = append(out.Values, worthMessage(p))
	}
	return out, nil
}

func (s *Segments) worth(ctx context.Context, who *profferv1.Who, ask projections.WorthAsk) (projections.Worth, error) {
	if who == nil {
		return s.Worth.Everybody(ctx, s.Linked, ask)
	}
	alias, err := s.Who.seen(who)
	if err != nil {
		return projections.Worth{}, err
	}
	return s.Worth.Of(s.Linked, alias, ask)
}

func purchasingMessage(p value.Purchasing) *profferv1.PurchasingModel {
	return &profferv1.PurchasingModel{R: p.R, Alpha: p.Alpha, A: p.A, B: p.B, LogLikelihood: p.LogLikelihood}
}

func worthMessage(p projections.PersonWorth) *profferv1.LifetimeValue {
	return &profferv1.LifetimeValue{
		Profile: p.Profile.String(), Frequency: uint32(p.History.Repeats), RecencyDays: p.History.Last * projections.WorthUnitDays,
		ObservedDays: p.History.Observed * projections.WorthUnitDays, MeanValue: finite(p.History.Mean), PAlive: p.Alive,
		ExpectedPurchases: p.Purchases, ExpectedMeanValue: finite(p.Mean), ExpectedValue: finite(p.Value),
	}
}

// finite is absent where a number is not known.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
