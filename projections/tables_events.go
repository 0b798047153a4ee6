package projections

import (
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

func (g *gathering) addBehaviour(place Place, e *event.Event) {
	if isMove(e) {
		g.addMove(place, e)
		return
	}
	row := BehaviourRow{Place: place, Type: domain.TypeOf(e)}
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		row.Name = cell(b.Viewed.GetName())
		row.setItem(b.Viewed.GetLine())
	case *event.Event_Carted:
		row.setItem(b.Carted.GetLine())
	case *event.Event_Purchased:
		p := b.Purchased
		row.AmountMicros, row.HasAmount, row.Currency = p.GetAmountMicros(), true, cell(p.GetCurrency())
		row.Order, row.Coupon, row.Lines = cell(p.GetOrder()), p.GetCoupon(), len(p.GetLines())
		g.addLines(row, p.GetLines())
	case *event.Event_Refunded:
		f := b.Refunded
		row.AmountMicros, row.HasAmount, row.Currency = f.GetAmountMicros(), true, cell(f.GetCurrency())
		row.Order, row.Lines = cell(f.GetOrder()), len(f.GetLines())
		g.addLines(row, f.GetLines())
	case *event.Event_Tracked:
		row.Name = cell(b.Tracked.GetName())
	}
	g.batch.Rows.Behaviour = append(g.batch.Rows.Behaviour, row)
}

func (r *BehaviourRow) setItem(l *event.Line) {
	if l == nil {
		return
	}
	r.Lines, r.Item, r.Category = 1, cell(l.GetItem()), cell(l.GetCategory())
	r.QuantityMilli = l.GetQuantityMilli()
	r.AmountMicros, r.HasAmount = l.GetAmountMicros(), l.GetAmountMicros() != 0
}

func (g *gathering) addLines(of BehaviourRow, lines []*event.Line) {
	for i, l := range lines {
		g.batch.Rows.Lines = append(g.batch.Rows.Lines, LineRow{
			Place: of.Place, Type: of.Type, Line: i, Order: of.Order, Currency: of.Currency,
			Item: cell(l.GetItem()), Category: cell(l.GetCategory()),
			QuantityMilli: l.GetQuantityMilli(), AmountMicros: l.GetAmountMicros(),
		})
	}
}

func (g *gathering) addDecision(place Place, d *event.Decision) {
	if place.Channel == "" {
		place.Channel = cell(d.GetChannel())
	}
	id, now := aliasOf(d.GetId()), tableMs(d.GetNowMs())
	rows := &g.batch.Rows
	rows.Decisions = append(rows.Decisions, DecisionRow{
		Place: place, ID: id, External: d.GetExternal(), NowMs: now,
		Profile: aliasOf(d.GetProfile()), Placement: cell(d.GetPlacement()), ContextJSON: contextJSON(d.GetContext()),
		Policy: cell(d.GetPolicy()), PolicyVersion: d.GetPolicyVersion(), PolicyDigest: d.GetPolicyDigest(),
		View: cell(d.GetView()), ViewFingerprint: d.GetViewFingerprint(), HeldOut: d.GetHeldOut(),
		Offer: cell(d.GetOffer()), Treatment: cell(d.GetTreatment()),
		Category: cell(d.GetCategory()), Reason: cell(d.GetReason()),
		LoggedPropensity: d.GetLoggedPropensity(), PropensityEstimated: d.GetPropensityEstimated(),
		Candidates: len(d.GetCandidates()), Contacts: len(d.GetContacts()),
	})
	for i, c := range d.GetCandidates() {
		rows.Candidates = append(rows.Candidates, CandidateRow{
			At: place.At, Candidate: i, Decision: id, DecidedMs: now,
			Offer: cell(c.GetOffer()), Treatment: cell(c.GetTreatment()),
			Stage: cell(c.GetStage()), Rule: cell(c.GetRule()), Reason: cell(c.GetReason()),
			Propensity: c.GetPropensity(), Value: c.GetValue(), Weight: c.GetWeight(), Cost: c.GetCost(),
			ExpectedValue: c.GetExpectedValue(), Draw: math.Ldexp(float64(c.GetDraw()), -64),
		})
	}
}

func (g *gathering) addOutcome(place Place, e *event.Event) {
	of, converted := feature.OutcomeOf(e), e.GetConverted()
	g.batch.Rows.Outcomes = append(g.batch.Rows.Outcomes, OutcomeRow{
		Place: place, Type: domain.TypeOf(e), Decision: aliasOf(of.GetDecision()), Offer: cell(of.GetOffer()),
		Treatment: cell(of.GetTreatment()), Placement: cell(of.GetPlacement()),
		ValueMicros: converted.GetValueMicros(), CostMicros: converted.GetCostMicros(),
	})
}

func (g *gathering) addQuarantine(place Place, e *event.Event) {
	rows := &g.batch.Rows
	switch b := e.GetBody().(type) {
	case *event.Event_Quarantined:
		q := b.Quarantined
		rows.Quarantined = append(rows.Quarantined, QuarantineRow{
			Place: place, ID: aliasOf(e.GetId()), Reason: cell(q.GetReason()), Field: cell(q.GetField()),
			Message: cell(q.GetMessage()), Format: cell(q.GetFormat()),
		})
	case *event.Event_QuarantineResolved:
		r := b.QuarantineResolved
		rows.Resolutions = append(rows.Resolutions, ResolutionRow{
			At: place.At, Of: aliasOf(r.GetOf()), Replayed: r.GetReplayed(), Note: cell(r.GetNote()),
			ResolvedMs: place.OccurredMs,
		})
	}
}
