package feature

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// errAbsent: the event has no such field.
var errAbsent = errors.New("feature: the event has no such field")

// fact is a field of events that filters and values read.
type fact struct {
	name string
	typ  *types.Type
	// of are the kinds whose events have it; none is all kinds.
	of  []Kind
	get func(*occurrence) any
}

// occurrence is one event, or one line of it, while the expressions of a series are evaluated. It is the activation.
type occurrence struct {
	event *event.Event
	lines []*event.Line
	line  *event.Line

	eventOf, lineOf expression.Instance
}

func (o *occurrence) set(ev *event.Event) {
	o.event, o.lines, o.line = ev, linesOf(ev), nil
	o.eventOf = expression.InstanceOf("event", o)
	o.lineOf = expression.InstanceOf("line", o)
}

// ResolveName gives CEL the variables.
func (o *occurrence) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return &o.eventOf, true
	case "line":
		return &o.lineOf, true
	}
	return nil, false
}

// Parent says that there is no outer scope.
func (o *occurrence) Parent() cel.Activation { return nil }

// eventFacts are what expressions read of an event; what a source said beyond the catalogue is sealed and not here.
func eventFacts() []fact {
	behaviour := []Kind{Viewed, Carted, Purchased, Refunded}
	one := []Kind{Viewed, Carted}
	segments := []Kind{SegmentEntered, SegmentLeft}
	outcomes := []Kind{Offered, Delivered, Exposed, Clicked, Converted}
	return []fact{
		{"channel", types.StringType, nil, func(o *occurrence) any { return text(channelOf(o.event)) }},
		{"source", types.StringType, nil, func(o *occurrence) any { return text(o.event.GetSource()) }},
		{"hour", types.IntType, nil, func(o *occurrence) any { return types.Int(hourOf(domain.TimeOf(o.event))) }},
		{"weekday", types.IntType, nil, func(o *occurrence) any { return types.Int(weekdayOf(domain.TimeOf(o.event))) }},
		{"name", types.StringType, []Kind{Viewed, Tracked}, func(o *occurrence) any {
			return text(o.event.GetViewed().GetName() + o.event.GetTracked().GetName())
		}},
		{"page", types.StringType, []Kind{Viewed}, func(o *occurrence) any {
			kind := o.event.GetViewed().GetKind()
			return text(strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_")))
		}},
		{"item", types.StringType, one, func(o *occurrence) any { return text(only(o.lines).GetItem()) }},
		{"category", types.StringType, append(one, Offered), func(o *occurrence) any {
			return text(only(o.lines).GetCategory() + o.event.GetDecision().GetCategory())
		}},
		{"quantity", types.DoubleType, behaviour, func(o *occurrence) any { return thousandths(quantityOf(o.lines)) }},
		{"amount", types.DoubleType, []Kind{Carted, Purchased, Refunded, Converted}, func(o *occurrence) any {
			amount, _ := amountsOf(o.event)
			return units(amount)
		}},
		{"cost", types.DoubleType, []Kind{Converted}, func(o *occurrence) any {
			_, cost := amountsOf(o.event)
			return units(cost)
		}},
		{"items", types.NewListType(types.StringType), behaviour, func(o *occurrence) any {
			return texts(o.lines, (*event.Line).GetItem)
		}},
		{"categories", types.NewListType(types.StringType), behaviour, func(o *occurrence) any {
			return texts(o.lines, (*event.Line).GetCategory)
		}},
		{"coupon", types.BoolType, []Kind{Purchased}, func(o *occurrence) any { return types.Bool(o.event.GetPurchased().GetCoupon()) }},
		{"currency", types.StringType, []Kind{Purchased, Refunded}, func(o *occurrence) any {
			return text(o.event.GetPurchased().GetCurrency() + o.event.GetRefunded().GetCurrency())
		}},
		{"offer", types.StringType, outcomes, func(o *occurrence) any { return text(o.event.GetDecision().GetOffer() + OutcomeOf(o.event).GetOffer()) }},
		{"treatment", types.StringType, outcomes, func(o *occurrence) any {
			return text(o.event.GetDecision().GetTreatment() + OutcomeOf(o.event).GetTreatment())
		}},
		{"placement", types.StringType, outcomes, func(o *occurrence) any {
			return text(o.event.GetDecision().GetPlacement() + OutcomeOf(o.event).GetPlacement())
		}},
		{"policy", types.StringType, []Kind{Offered}, func(o *occurrence) any { return text(o.event.GetDecision().GetPolicy()) }},
		{"definition", types.StringType, segments, func(o *occurrence) any {
			return text(o.event.GetSegmentEntered().GetDefinition() + o.event.GetSegmentLeft().GetDefinition())
		}},
		{"segment", types.StringType, segments, func(o *occurrence) any {
			return text(o.event.GetSegmentEntered().GetSegment() + o.event.GetSegmentLeft().GetSegment())
		}},
		{"version", types.IntType, segments, func(o *occurrence) any {
			return types.Int(o.event.GetSegmentEntered().GetVersion() + o.event.GetSegmentLeft().GetVersion())
		}},
		{"external", types.BoolType, []Kind{Offered}, func(o *occurrence) any { return types.Bool(o.event.GetDecision().GetExternal()) }},
	}
}

// lineFacts are what expressions read of one line of a basket.
func lineFacts() []fact {
	return []fact{
		{"item", types.StringType, nil, func(o *occurrence) any { return text(o.line.GetItem()) }},
		{"category", types.StringType, nil, func(o *occurrence) any { return text(o.line.GetCategory()) }},
		{"quantity", types.DoubleType, nil, func(o *occurrence) any { return thousandths(o.line.GetQuantityMilli()) }},
		{"amount", types.DoubleType, nil, func(o *occurrence) any { return units(o.line.GetAmountMicros()) }},
	}
}

// text is a text, or nothing when it is empty: an unknown channel is not the channel "". A text that is longer than
// expressions are bound for is cut.
func text(s string) any {
	if s == "" {
		return nil
	}
	return types.String(bounded(s))
}

func bounded(s string) string {
	if len(s) <= expression.MaxText {
		return s
	}
	return strings.ToValidUTF8(s[:expression.MaxText], "")
}

func units(micros int64) any { return types.Double(float64(micros) / microsPerUnit) }

func thousandths(milli int64) any { return types.Double(float64(milli) / 1000) }

func texts(lines []*event.Line, of func(*event.Line) string) any {
	out := make([]string, 0, len(lines))
	for _, l := range lines[:min(len(lines), expression.MaxList)] {
		if s := of(l); s != "" {
			out = append(out, bounded(s))
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(out)
}

func only(lines []*event.Line) *event.Line {
	if len(lines) != 1 {
		return nil
	}
	return lines[0]
}

func quantityOf(lines []*event.Line) int64 {
	sum := int64(0)
	for _, l := range lines {
		sum += l.GetQuantityMilli()
	}
	return sum
}

func linesOf(ev *event.Event) []*event.Line {
	switch b := ev.GetBody().(type) {
	case *event.Event_Viewed:
		return present(b.Viewed.GetLine())
	case *event.Event_Carted:
		return present(b.Carted.GetLine())
	case *event.Event_Purchased:
		return b.Purchased.GetLines()
	case *event.Event_Refunded:
		return b.Refunded.GetLines()
	}
	return nil
}

func present(l *event.Line) []*event.Line {
	if l == nil {
		return nil
	}
	return []*event.Line{l}
}

// OutcomeOf is what an outcome belongs to; nil for an event that is none.
func OutcomeOf(ev *event.Event) *event.OutcomeOf {
	switch b := ev.GetBody().(type) {
	case *event.Event_Delivered:
		return b.Delivered.GetOf()
	case *event.Event_Exposed:
		return b.Exposed.GetOf()
	case *event.Event_Clicked:
		return b.Clicked.GetOf()
	case *event.Event_Converted:
		return b.Converted.GetOf()
	}
	return nil
}

// hourOf is the hour of the day in UTC, weekdayOf the day of the week: 1 is Monday, 7 Sunday.
func hourOf(ms int64) int64 { return floorDiv(ms, hourMS) - 24*floorDiv(ms, dayMS) }

func weekdayOf(ms int64) int64 {
	const thursday = 3 // 1970-01-01, counted from Monday
	day := floorDiv(ms, dayMS) + thursday
	return day - 7*floorDiv(day, 7) + 1
}

// factsObject makes facts an object of expressions over events of these kinds.
func factsObject(name string, facts []fact, kinds []Kind) expression.Object {
	o := expression.Object{Name: name}
	var all []string
	for _, f := range facts {
		all = append(all, f.name)
		if missing := without(f.of, kinds); missing == 0 {
			o.Fields = append(o.Fields, expression.Field{
				Name: f.name, Type: f.typ, Absent: errAbsent, Get: func(of any) any { return f.get(of.(*occurrence)) },
			})
		}
	}
	o.Unknown = func(field string) expression.Fault {
		for _, f := range facts {
			if missing := without(f.of, kinds); f.name == field && missing != 0 {
				return expression.Fault{Reason: FaultUnknownField, Message: fmt.Sprintf("%s events have no field %q", missing, field)}
			}
		}
		return expression.Fault{Reason: FaultUnknownField, Message: fmt.Sprintf(
			"there is no field %s.%s%s; what a source adds to an event beyond the catalogue is sealed", name, field,
			expression.Suggestion(field, all))}
	}
	return o
}

// without is the first of the kinds that is not among those that have a fact; 0 for none. An empty list has all.
func without(have, kinds []Kind) Kind {
	if len(have) == 0 {
		return 0
	}
	for _, k := range kinds {
		if !slices.Contains(have, k) {
			return k
		}
	}
	return 0
}
