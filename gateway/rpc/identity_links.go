package rpc

import (
	"encoding/hex"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// States of a link.
const (
	linkActive    = "ACTIVE"
	linkWithheld  = "WITHHELD"
	linkTakenBack = "TAKEN_BACK"
	linkHousehold = "HOUSEHOLD"
)

// guardBlocked is the guard of a link of which one end is blocked.
const guardBlocked = "ALIAS_BLOCKED"

// endsOf are the aliases of an event of IDENTITY; zero where it has none.
func endsOf(e *event.Event) (a, b domain.Alias) {
	a, _ = domain.AliasFromBytes(e.GetAlias())         // an event about nobody has no alias
	b, _ = domain.AliasFromBytes(identity.OtherEnd(e)) // nor has every event another end
	return a, b
}

// pairState is what was claimed of two aliases, as it stands.
type pairState struct {
	ends [2]domain.Alias
	// active are the links that count, in the order in which they were made; taking one back takes the last.
	active   []domain.Recorded
	withheld *domain.Recorded
	taken    *domain.Recorded
}

// linksOf are the links of a profile as its history tells them, oldest first: one for each way in which two aliases
// are joined, or one that says why they are not.
func linksOf(history []domain.Recorded, p portrait) []*profferv1.ProfileLink {
	var order [][2]domain.Alias
	pairs := map[[2]domain.Alias]*pairState{}
	for _, r := range history {
		a, b := endsOf(r.Event)
		if !isClaim(r.Event) {
			continue
		}
		key := [2]domain.Alias{a, b}
		if b.Compare(a) < 0 {
			key = [2]domain.Alias{b, a}
		}
		if pairs[key] == nil {
			pairs[key] = &pairState{ends: key}
			order = append(order, key)
		}
		pairs[key].take(r)
	}
	var out []*profferv1.ProfileLink
	for _, key := range order {
		out = append(out, pairs[key].links(p)...)
	}
	return out
}

func isClaim(e *event.Event) bool {
	return e.GetIdentityLinked() != nil || e.GetIdentityUnlinked() != nil || e.GetIdentityWithheld() != nil
}

func (s *pairState) take(r domain.Recorded) {
	switch r.Event.GetBody().(type) {
	case *event.Event_IdentityLinked:
		s.active, s.withheld = append(s.active, r), nil
	case *event.Event_IdentityWithheld:
		s.withheld = &r
	case *event.Event_IdentityUnlinked:
		if n := len(s.active); n > 0 {
			s.active = s.active[:n-1]
			s.taken = &r
		}
	}
}

func (s *pairState) links(p portrait) []*profferv1.ProfileLink {
	var out []*profferv1.ProfileLink
	for i, r := range s.active {
		same := func(earlier domain.Recorded) bool {
			return earlier.Event.GetIdentityLinked().GetRule() == r.Event.GetIdentityLinked().GetRule()
		}
		if slices.ContainsFunc(s.active[:i], same) {
			continue // said again
		}
		link := madeLink(r)
		link.State, link.Guard = s.state(p)
		out = append(out, link)
	}
	switch {
	case len(out) > 0:
	case s.withheld != nil:
		out = append(out, withheldLink(*s.withheld))
	case s.taken != nil:
		out = append(out, takenLink(*s.taken))
	}
	return out
}

// state is that of a link that was made, by the marks of its ends.
func (s *pairState) state(p portrait) (state, guard string) {
	one, other := p.marks[s.ends[0]], p.marks[s.ends[1]]
	switch {
	case one == identity.Blocked || other == identity.Blocked:
		return linkWithheld, guardBlocked
	case one == identity.Shared || other == identity.Shared:
		return linkHousehold, ""
	}
	return linkActive, ""
}

func placed(r domain.Recorded) *profferv1.ProfileLink {
	a, b := endsOf(r.Event)
	return &profferv1.ProfileLink{
		Alias: a.String(), Other: b.String(), At: timestamppb.New(time.UnixMilli(r.Event.GetReceivedMs())), Position: identityPlace(r.At),
	}
}

func identityPlace(at domain.Position) string {
	if at == (domain.Position{}) {
		return ""
	}
	return domain.Place{Stream: domain.Identity, Position: at}.String()
}

func madeLink(r domain.Recorded) *profferv1.ProfileLink {
	b, out := r.Event.GetIdentityLinked(), placed(r)
	out.Rule, out.Posterior, out.State = b.GetRule(), b.GetPosterior(), linkActive
	setEvidence(out, b.GetEvidence())
	return out
}

func withheldLink(r domain.Recorded) *profferv1.ProfileLink {
	b, out := r.Event.GetIdentityWithheld(), placed(r)
	out.Rule, out.Posterior, out.State, out.Guard = b.GetRule(), b.GetPosterior(), linkWithheld, b.GetGuard()
	setEvidence(out, b.GetEvidence())
	return out
}

func takenLink(r domain.Recorded) *profferv1.ProfileLink {
	b, out := r.Event.GetIdentityUnlinked(), placed(r)
	out.Rule, out.State, out.Reason, out.Actor = b.GetRule(), linkTakenBack, b.GetReason(), b.GetActor()
	return out
}

// setEvidence says what a link rests on: the message that named both, and the places that were compared.
func setEvidence(out *profferv1.ProfileLink, e *event.LinkEvidence) {
	out.Reason, out.Actor, out.Evidence = e.GetReason(), e.GetActor(), evidenceOf(e)
	out.Waterfall = waterfallOf(e.GetMatch(), out.GetPosterior())
}

func evidenceOf(e *event.LinkEvidence) []string {
	var out []string
	if len(e.GetMessage()) > 0 {
		out = append(out, "message "+hex.EncodeToString(e.GetMessage()))
	}
	for _, at := range e.GetPositions() {
		out = append(out, identityPlace(domain.PositionOf(at)))
	}
	return out
}

func waterfallOf(m *event.MatchWeight, posterior float64) *profferv1.Waterfall {
	if m == nil {
		return nil
	}
	out := &profferv1.Waterfall{
		Model: m.GetModel(), PriorBits: m.GetPriorBits(), WeightBits: m.GetWeightBits(), Posterior: posterior,
	}
	for _, t := range m.GetTerms() {
		out.Terms = append(out.Terms, &profferv1.WaterfallTerm{
			Comparison: t.GetComparison(), Level: t.GetLevel(), Bits: t.GetBits(), FrequencyBits: t.GetFrequencyBits(),
		})
	}
	return out
}
