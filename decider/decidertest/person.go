package decidertest

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
)

// Named is the alias of somebody with a name: always the same, first seen on 1 January 2026 at an hour that grows
// with the first letter, so that "ann" is earlier than "bob".
func Named(name string) domain.Alias {
	sum := sha256.Sum256([]byte(name))
	var first byte
	if name != "" {
		first = name[0]
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(first) * time.Hour)
	return domain.NewAlias(at, [10]byte(sum[:10]))
}

// About is an event about somebody, without a body; its id is that of its words.
func About(name string, at time.Time, words string) *event.Event {
	alias := Named(name)
	id := sha256.Sum256([]byte(name + words + at.String()))
	return &event.Event{
		Id: id[:16], Alias: alias[:], AliasType: "user_id",
		OccurredMs: at.UnixMilli(), ReceivedMs: at.UnixMilli(), Source: "test", Channel: "web",
	}
}

// Linked says that two names are one person.
func Linked(one, other string, at time.Time) *event.Event {
	e, b := About(one, at, "linked "+other), Named(other)
	e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:], Rule: "identify", Posterior: 1}}
	return e
}

// Unlinked takes one link back.
func Unlinked(one, other string, at time.Time) *event.Event {
	e, b := About(one, at, "unlinked "+other), Named(other)
	e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:], Rule: "operator"}}
	return e
}

// Marked says how somebody's links count from then on.
func Marked(name string, mark event.AliasMarked_Mark, at time.Time) *event.Event {
	e := About(name, at, "marked "+mark.String())
	e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: mark, Rule: "operator"}}
	return e
}

// Consented says yes or no to a purpose for somebody.
func Consented(name, purpose string, given bool, at time.Time) *event.Event {
	e := About(name, at, fmt.Sprintf("consented %s %t", purpose, given))
	e.Body = &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{Purpose: purpose, Given: given, Rule: consent.RuleOperator}}
	return e
}

// Withheld says that two names were claimed to be one person, and a guard forbade it.
func Withheld(one, other string, at time.Time) *event.Event {
	e, b := About(one, at, "withheld "+other), Named(other)
	e.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
		Other: b[:], Rule: "identify", Posterior: 1, Guard: "BARRED",
	}}
	return e
}

// Purchased says that somebody paid an amount, in whole currency units.
func Purchased(name string, at time.Time, amount int64) *event.Event {
	e := About(name, at, "purchased")
	e.Body = &event.Event_Purchased{Purchased: &event.Purchased{
		AmountMicros: amount * 1_000_000, Currency: "USD", Order: "o", Lines: []*event.Line{{Item: "tea", QuantityMilli: 1000}},
	}}
	return e
}

// Given says that another system gave somebody an offer.
func Given(name string, at time.Time, offer, category, channel string) *event.Event {
	e := About(name, at, "given "+offer)
	alias := Named(name)
	e.Channel = channel
	e.Body = &event.Event_Decision{Decision: &event.Decision{
		Id: e.Id, External: true, NowMs: at.UnixMilli(), Profile: alias[:], RequestedAlias: alias[:],
		Channel: channel, Offer: offer, Category: category, Reason: "OFFERED",
	}}
	return e
}

// Published says that a version of a policy takes effect.
func Published(p *event.Policy, version uint64, at time.Time) *event.Event {
	id := sha256.Sum256([]byte(p.GetId() + at.String()))
	return &event.Event{
		Id: id[:16], OccurredMs: at.UnixMilli(), ReceivedMs: at.UnixMilli(), Source: "test",
		Body: &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{Policy: p, Version: version}},
	}
}

// SegmentsDefined says that a definition, as JSON, takes effect as a version.
func SegmentsDefined(id string, version uint64, document string, at time.Time) *event.Event {
	e, digest := About("", at, "segments "+document), sha256.Sum256([]byte(document))
	e.Alias, e.AliasType = nil, ""
	e.Body = &event.Event_SegmentDefined{SegmentDefined: &event.SegmentDefined{
		Id: id, Version: version, Digest: digest[:], DefinitionJson: []byte(document),
	}}
	return e
}

// Withdrawn takes a definition out of effect.
func Withdrawn(kind event.DefinitionWithdrawn_Kind, name string, version uint64, at time.Time) *event.Event {
	e := About("", at, "withdrawn "+name+" "+strconv.FormatUint(version, 10))
	e.Alias, e.AliasType = nil, ""
	e.Body = &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{Kind: kind, Name: name, Version: version}}
	return e
}

// LaneOf is the lane of an event in a log with that many lanes.
func LaneOf(e *event.Event, lanes int) domain.Lane {
	stream, _ := domain.StreamOf(e)
	if stream == domain.Policy {
		return domain.PolicyLane("policy", e.GetPolicyPublished().GetPolicy().GetId())
	}
	alias, _ := domain.AliasFromBytes(e.GetAlias())
	return domain.LaneOf(stream, alias, lanes)
}
