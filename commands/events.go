package commands

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Which event of a message an event id belongs to. An item's own event has the message's; the ids of what the guards decide on
// say what was decided instead.
const (
	partResolved   = 0xfffe
	partQuarantine = 0xffff // what was refused may come again, mended, under the same message id
)

// partID is the id of one event of a message.
func partID(message [16]byte, part uint16) []byte {
	last := binary.BigEndian.Uint16(message[14:])
	binary.BigEndian.PutUint16(message[14:], last^part)
	return message[:]
}

// translation is what the events of one item share.
type translation struct {
	source     string
	message    [16]byte
	receivedMS int64
	lanes      int
}

// own is an item's own event together with what it points to: one piece of memory instead of three.
type own struct {
	event event.Event
	id    [16]byte
	alias domain.Alias
}

// event starts an item's own event, about an alias.
func (t translation) event(c *checked, alias domain.Alias) *event.Event {
	o := &own{id: t.message, alias: alias}
	e := &o.event
	e.Id = o.id[:]
	e.OccurredMs, e.ReceivedMs, e.CollectedMs = c.occurredMS, t.receivedMS, c.item.CollectedMS
	e.Source, e.SourceSeq, e.Named = t.source, c.item.SourceSeq, c.item.named()
	e.Channel = c.item.Channel
	if !alias.IsZero() {
		e.Alias, e.AliasType = o.alias[:], c.ids[0].Type
	}
	return e
}

// main is the item's own event, without what is to be sealed, and its lane. A link's is the guards' to decide: it has
// its id only. A consent is decided on in the same order. The lane depends on the first identifier alone, so that a
// retry finds the same.
func (t translation) main(c *checked, aliases []domain.Alias) pendingEvent {
	switch c.item.Type {
	case TypeOffer:
		e := t.event(c, domain.Alias{})
		e.Body = &event.Event_OfferDefined{OfferDefined: &event.OfferDefined{Offer: offer(c.item)}}
		return pendingEvent{event: e, lane: domain.PolicyLane("offer", c.item.Offer)}
	case TypeLink:
		return pendingEvent{event: t.event(c, aliases[0]), lane: graphMarks(), graph: true}
	}
	e := t.event(c, aliases[0])
	setBody(e, c, aliases, t.message)
	if c.item.Type == TypeConsent {
		return pendingEvent{event: e, lane: graphMarks(), graph: true}
	}
	stream, _ := domain.StreamOf(e)
	return pendingEvent{event: e, lane: domain.LaneOf(stream, aliases[0], t.lanes)}
}

// linkRule names the evidence: an explicit statement, a file, or identifiers that came together.
func linkRule(it *Item) string {
	switch {
	case it.Type == TypeLink:
		return identity.RuleAlias
	case it.SourceSeq != 0:
		return identity.RuleImport
	}
	return identity.RuleIdentify
}

func setBody(e *event.Event, c *checked, aliases []domain.Alias, message [16]byte) {
	it := c.item
	switch it.Type {
	case TypeView:
		e.Body = &event.Event_Viewed{Viewed: viewed(c)}
	case TypeCart:
		e.Body = &event.Event_Carted{Carted: &event.Carted{Line: c.lines[0]}}
	case TypePurchase:
		e.Body = &event.Event_Purchased{Purchased: &event.Purchased{
			AmountMicros: c.amount, Currency: it.Currency, Order: it.Order, Coupon: it.Coupon, Lines: c.lines,
		}}
	case TypeRefund:
		e.Body = &event.Event_Refunded{Refunded: &event.Refunded{
			AmountMicros: c.amount, Currency: it.Currency, Order: it.Order, Lines: c.lines,
		}}
	case TypeTrack:
		e.Body = &event.Event_Tracked{Tracked: &event.Tracked{Name: it.Name}}
	case TypeIdentify:
		e.Body = &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{Names: c.traits}}
	case TypeConsent:
		e.Body = consentStated(c.item.Consents[0])
	case TypeGroup:
		group := aliases[len(aliases)-1]
		e.Body = &event.Event_GroupJoined{GroupJoined: &event.GroupJoined{Group: slices.Clone(group[:])}}
	case TypeExternalDecision:
		e.Body = &event.Event_Decision{Decision: externalDecision(c, aliases[0], message)}
	default:
		setOutcome(e, c)
	}
}

func setOutcome(e *event.Event, c *checked) {
	of := &event.OutcomeOf{
		Decision: c.decisionID, Offer: c.item.Offer, Treatment: c.item.Treatment, Placement: c.item.Placement,
	}
	switch c.item.Type {
	case TypeDeliver:
		e.Body = &event.Event_Delivered{Delivered: &event.Delivered{Of: of}}
	case TypeExpose:
		e.Body = &event.Event_Exposed{Exposed: &event.Exposed{Of: of}}
	case TypeClick:
		e.Body = &event.Event_Clicked{Clicked: &event.Clicked{Of: of}}
	case TypeConvert:
		e.Body = &event.Event_Converted{Converted: &event.Converted{Of: of, ValueMicros: c.amount, CostMicros: c.cost}}
	}
}

func viewed(c *checked) *event.Viewed {
	v := &event.Viewed{Name: c.item.Name}
	if looksLikeURL(v.Name) {
		v.Name = "" // a URL may carry personal data; the properties keep it, sealed
	}
	switch c.item.Kind {
	case "page":
		v.Kind = event.Viewed_KIND_PAGE
	case "screen":
		v.Kind = event.Viewed_KIND_SCREEN
	case "item":
		v.Kind = event.Viewed_KIND_ITEM
	}
	if len(c.lines) > 0 {
		v.Line = c.lines[0]
	}
	return v
}

// looksLikeURL says whether a page's name is its address.
func looksLikeURL(name string) bool {
	return strings.Contains(name, "://") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "www.") ||
		strings.ContainsAny(name, "?&=#")
}

// offer is the definition of an offer outside a policy: its facts, and one treatment for each channel.
func offer(it *Item) *event.Offer {
	o := &event.Offer{
		Id: it.Offer, Description: it.Name, Category: it.Category, Attributes: maps.Clone(it.Attributes), ValidityMs: it.ValidityMS,
	}
	for _, channel := range it.Channels {
		o.Treatments = append(o.Treatments, &event.Treatment{Id: channel, Channel: channel})
	}
	return o
}

// Reasons and stages of decisions that other systems made.
const (
	externalOffered = "OFFERED"
	externalNothing = "NOTHING_OFFERED"
	externalStage   = "EXTERNAL"
)

// externalDecision records what another system decided. Its id is a function of the event's, never of the person.
func externalDecision(c *checked, alias domain.Alias, message [16]byte) *event.Decision {
	it := c.item
	d := &event.Decision{
		Id: c.decisionID, External: true, NowMs: c.occurredMS, RequestedAlias: slices.Clone(alias[:]),
		Placement: it.Placement, Channel: it.Channel, Policy: it.Policy, Offer: it.Offer, Treatment: it.Treatment,
		Category: it.Category, Reason: externalOffered,
		LoggedPropensity: it.Propensity, PropensityEstimated: it.PropensityEstimated,
	}
	if d.Id == nil {
		d.Id = decisionID(c.occurredMS, message)
	}
	if it.Offer == "" {
		d.Reason = externalNothing
	}
	for _, name := range it.Candidates {
		candidate := &event.Candidate{Offer: name, Stage: externalStage, Reason: "NOT_CHOSEN"}
		if name == it.Offer {
			candidate.Treatment, candidate.Stage, candidate.Reason = it.Treatment, "", d.Reason
			candidate.Propensity = it.Propensity
		}
		d.Candidates = append(d.Candidates, candidate)
	}
	return d
}

// decisionID has the shape of our own decisions' ids: the decision's time, then a hash of the event's id.
func decisionID(occurredMS int64, message [16]byte) []byte {
	h := sha256.Sum256(append([]byte("proffer external decision\x00"), message[:]...))
	id := domain.NewAlias(time.UnixMilli(occurredMS), [10]byte(h[:10]))
	return id[:]
}
