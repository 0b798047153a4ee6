package rpc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// relation is how two aliases stand to each other in a register.
type relation struct {
	first, second domain.Alias
	portrait      portrait
	path          []domain.Alias
	barred        bool
	withheld      string
	shared        bool
}

// Explain implements IdentityService.
func (s *Identity) Explain(
	ctx context.Context, r *profferv1.IdentityServiceExplainRequest,
) (*profferv1.IdentityServiceExplainResponse, error) {
	first, err := s.seen(r.GetFirst())
	if err != nil {
		return nil, err
	}
	second := first
	if r.GetSecond() != nil {
		if second, err = s.seen(r.GetSecond()); err != nil {
			return nil, err
		}
	}
	end, err := s.Log.Last(ctx, domain.Identity)
	if err != nil {
		return nil, err
	}
	var rel relation
	s.People.Look(func(register *identity.Register) { rel = relationOf(register, first, second) })
	history, err := s.Traces.Of(ctx, rel.portrait.aliases, end)
	if err != nil {
		return nil, err
	}
	links := linksOf(history, rel.portrait)
	out := &profferv1.IdentityServiceExplainResponse{OnePerson: rel.path != nil, Summary: rel.summary(len(history))}
	if r.GetSecond() == nil {
		out.Path = activeOf(links)
	} else {
		out.Path = pathOf(links, rel.path)
	}
	named := slices.Clone(rel.portrait.aliases)
	for _, e := range history {
		out.History = append(out.History, identityEvent(e))
		a, b := endsOf(e.Event)
		named = append(named, a, b)
	}
	slices.SortFunc(named, domain.Alias.Compare)
	named = slices.DeleteFunc(slices.Compact(named), domain.Alias.IsZero)
	out.Aliases, err = s.aliasesOf(ctx, named, rel.portrait.types, rel.portrait.marks)
	return out, err
}

// relationOf looks at two aliases; the portrait is of both their profiles.
func relationOf(r *identity.Register, first, second domain.Alias) relation {
	g := r.Graph()
	members := g.Aliases(first)
	if !g.Linked(first, second) {
		members = append(members, g.Aliases(second)...)
	}
	out := relation{
		first: first, second: second, portrait: portraitOfMembers(g, g.Profile(first), members),
		path: g.Path(first, second), barred: len(r.BarsBetween(first, second)) > 0,
	}
	for _, w := range r.WithheldOf(first) {
		if w.First.Alias == second || w.Second.Alias == second {
			out.withheld = w.Guard
		}
	}
	for _, h := range out.portrait.households {
		for _, profile := range h.Profiles {
			out.shared = out.shared || profile == g.Profile(second) && profile != g.Profile(first)
		}
	}
	return out
}

// summary is one sentence for people.
func (r relation) summary(events int) string {
	if r.first == r.second {
		return fmt.Sprintf("One person of %d identifiers, by %d events.", len(r.portrait.aliases), events)
	}
	if r.path != nil {
		return fmt.Sprintf("One person: %d links lead from the one to the other; %d identifiers in all.", len(r.path)-1, len(r.portrait.aliases))
	}
	text := "Two persons: no active link leads from the one to the other."
	switch {
	case r.barred:
		text += " They are barred from each other, whatever the evidence."
	case r.withheld != "":
		text += " A link between them is withheld by the guard " + r.withheld + "."
	case r.shared:
		text += " They share an identifier: a household."
	}
	return text
}

func activeOf(links []*profferv1.ProfileLink) []*profferv1.ProfileLink {
	var out []*profferv1.ProfileLink
	for _, l := range links {
		if l.GetState() == linkActive {
			out = append(out, l)
		}
	}
	return out
}

// pathOf are the links along a path of aliases: of parallel ones the first.
func pathOf(links []*profferv1.ProfileLink, path []domain.Alias) []*profferv1.ProfileLink {
	var out []*profferv1.ProfileLink
	for i := 1; i < len(path); i++ {
		a, b := path[i-1].String(), path[i].String()
		for _, l := range links {
			if l.GetState() == linkActive && (l.GetAlias() == a && l.GetOther() == b || l.GetAlias() == b && l.GetOther() == a) {
				out = append(out, l)
				break
			}
		}
	}
	return out
}

// identityEvent is an event of IDENTITY as a message.
func identityEvent(r domain.Recorded) *profferv1.IdentityEvent {
	a, b := endsOf(r.Event)
	out := &profferv1.IdentityEvent{
		Position: identityPlace(r.At), At: timestamppb.New(time.UnixMilli(r.Event.GetReceivedMs())),
		Type: bodyName(r.Event), Alias: a.String(),
	}
	if !b.IsZero() {
		out.Other = b.String()
	}
	switch body := r.Event.GetBody().(type) {
	case *event.Event_IdentityLinked:
		describeClaim(out, body.IdentityLinked)
	case *event.Event_IdentityWithheld:
		describeClaim(out, body.IdentityWithheld)
		if out.GetReason() == "" {
			out.Reason = body.IdentityWithheld.GetGuard()
		}
	case *event.Event_MatchProposed:
		out.Rule, out.Posterior = identity.RuleMatch, body.MatchProposed.GetPosterior()
		out.Waterfall = waterfallOf(body.MatchProposed.GetEvidence().GetMatch(), out.GetPosterior())
	case *event.Event_IdentityUnlinked:
		describe(out, body.IdentityUnlinked)
	case *event.Event_AliasMarked:
		describe(out, body.AliasMarked)
		out.Type = markedName(body.AliasMarked)
	case *event.Event_ConsentStated:
		describe(out, body.ConsentStated)
		out.Purpose = body.ConsentStated.GetPurpose()
		out.Type = map[bool]string{true: "consent_given", false: "consent_withdrawn"}[body.ConsentStated.GetGiven()]
	case *event.Event_IdentityBarred:
		describe(out, body.IdentityBarred)
		if body.IdentityBarred.GetLifted() {
			out.Type = "identity_bar_lifted"
		}
	case *event.Event_MatchReviewed:
		out.Rule, out.Posterior = identity.RuleReview, body.MatchReviewed.GetPosterior()
		out.Reason, out.Actor = body.MatchReviewed.GetReason(), body.MatchReviewed.GetActor()
		out.Type = map[bool]string{true: "match_confirmed", false: "match_rejected"}[body.MatchReviewed.GetConfirmed()]
	}
	return out
}

// bodyName is the name of an event's body, as the catalogue has it.
func bodyName(e *event.Event) string {
	m := e.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
	if field == nil {
		return ""
	}
	return string(field.Name())
}

func markedName(m *event.AliasMarked) string {
	switch m.GetMark() {
	case event.AliasMarked_MARK_SHARED:
		return "alias_marked_shared"
	case event.AliasMarked_MARK_BLOCKED:
		return "alias_marked_blocked"
	}
	return "alias_mark_lifted"
}

// described is an event that says by what, why and by whom.
type described interface {
	GetRule() string
	GetReason() string
	GetActor() string
}

func describe(out *profferv1.IdentityEvent, d described) {
	out.Rule, out.Reason, out.Actor = d.GetRule(), d.GetReason(), d.GetActor()
}

// claim is an event that claims a link, made or withheld.
type claim interface {
	GetRule() string
	GetPosterior() float64
	GetEvidence() *event.LinkEvidence
}

func describeClaim(out *profferv1.IdentityEvent, c claim) {
	out.Rule, out.Posterior = c.GetRule(), c.GetPosterior()
	out.Reason, out.Actor = c.GetEvidence().GetReason(), c.GetEvidence().GetActor()
	out.Waterfall = waterfallOf(c.GetEvidence().GetMatch(), c.GetPosterior())
}
