package rpc

import (
	"context"
	"slices"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Changing changes who is one person, as an operator asks.
type Changing interface {
	Link(ctx context.Context, c commands.LinkPeople) (commands.Outcome, error)
	Unlink(ctx context.Context, c commands.UnlinkPeople) (commands.Outcome, error)
	Mark(ctx context.Context, c commands.MarkAlias) (commands.Outcome, error)
	Consent(ctx context.Context, c commands.SetConsent) (commands.Outcome, error)
	Review(ctx context.Context, c commands.ReviewMatch) (commands.Outcome, error)
}

// operatorName is the actor of what the operator's key asks for.
const operatorName = "operator"

func changeOf(ctx context.Context, c *profferv1.Change) commands.Change {
	return commands.Change{
		ValidateOnly: c.GetValidateOnly(), RequestID: c.GetRequestId(), Reason: c.GetReason(), Actor: actorOf(ctx),
	}
}

// actorOf is whose key asks, as the log calls it.
func actorOf(ctx context.Context) string {
	if roleIn(ctx) == Operator {
		return operatorName
	}
	return ""
}

// named are the aliases that a request names, with the types of their identifiers.
func (s *Identity) named(ctx context.Context, people ...*profferv1.Who) ([]identity.Named, error) {
	aliases := make([]domain.Alias, len(people))
	for i, w := range people {
		var err error
		if aliases[i], err = s.seen(w); err != nil {
			return nil, err
		}
	}
	ids, err := s.Names.Identifiers(ctx, aliases)
	if err != nil {
		return nil, err
	}
	out := make([]identity.Named, len(people))
	s.People.Look(func(register *identity.Register) {
		for i, a := range aliases {
			if out[i] = (identity.Named{Alias: a, Type: ids[i].Type}); out[i].Type == "" {
				out[i].Type = register.Graph().Type(a)
			}
		}
	})
	return out, nil
}

// result is the profiles that a change leaves, or would leave.
type result struct {
	of        []domain.Alias
	portraits []portrait
}

// look takes the portraits of the profiles of the aliases named, each once.
func (r *result) look(register *identity.Register) {
	r.portraits = nil
	for i, a := range r.of {
		same := func(b domain.Alias) bool { return register.Graph().Linked(a, b) }
		if !slices.ContainsFunc(r.of[:i], same) {
			r.portraits = append(r.portraits, portraitOf(register.Graph(), register.Consents(), a))
		}
	}
}

// profiles are the result as messages. Links that would only be made are not among them.
func (s *Identity) profiles(ctx context.Context, r result) ([]*profferv1.Profile, error) {
	end, err := s.Log.Last(ctx, domain.Identity)
	if err != nil {
		return nil, err
	}
	out := make([]*profferv1.Profile, len(r.portraits))
	for i, p := range r.portraits {
		if out[i], err = s.profile(ctx, p, end); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// placeText writes where a change stands; "" when nothing was written.
func placeText(p domain.Place) string {
	if p == (domain.Place{}) {
		return ""
	}
	return p.String()
}

// Link implements IdentityService.
func (s *Identity) Link(ctx context.Context, r *profferv1.LinkRequest) (*profferv1.LinkResponse, error) {
	both, err := s.named(ctx, r.GetFirst(), r.GetSecond())
	if err != nil {
		return nil, err
	}
	then := result{of: []domain.Alias{both[0].Alias, both[1].Alias}}
	outcome, err := s.Changing.Link(ctx, commands.LinkPeople{
		First: both[0], Second: both[1], LiftBars: r.GetLiftBar(), Change: changeOf(ctx, r.GetChange()), Look: then.look,
	})
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, then)
	if err != nil {
		return nil, err
	}
	return &profferv1.LinkResponse{Profile: first(profiles), Position: placeText(outcome.At), Unchanged: outcome.Unchanged}, nil
}

// Unlink implements IdentityService.
func (s *Identity) Unlink(ctx context.Context, r *profferv1.UnlinkRequest) (*profferv1.UnlinkResponse, error) {
	both, err := s.named(ctx, r.GetFirst(), r.GetSecond())
	if err != nil {
		return nil, err
	}
	then := result{of: []domain.Alias{both[0].Alias, both[1].Alias}}
	outcome, err := s.Changing.Unlink(ctx, commands.UnlinkPeople{
		First: both[0], Second: both[1], Bar: r.GetBar(), Change: changeOf(ctx, r.GetChange()), Look: then.look,
	})
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, then)
	if err != nil {
		return nil, err
	}
	return &profferv1.UnlinkResponse{Profiles: profiles, Position: placeText(outcome.At), Unchanged: outcome.Unchanged}, nil
}

// Mark implements IdentityService. An identifier that was never seen gets its alias, so that it can be blocked.
func (s *Identity) Mark(ctx context.Context, r *profferv1.MarkRequest) (*profferv1.MarkResponse, error) {
	mark, known := identity.MarkOf(event.AliasMarked_Mark(r.GetMark()))
	if !known {
		return nil, errMark
	}
	who, err := s.toState(ctx, r.GetWho(), r.GetChange())
	if err != nil {
		return nil, err
	}
	then := result{of: []domain.Alias{who.Alias}}
	outcome, err := s.Changing.Mark(ctx, commands.MarkAlias{
		About: who, Mark: mark, Change: changeOf(ctx, r.GetChange()), Look: then.look,
	})
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, then)
	if err != nil {
		return nil, err
	}
	return &profferv1.MarkResponse{Profile: first(profiles), Position: placeText(outcome.At), Unchanged: outcome.Unchanged}, nil
}

var errMark = refusal(connect.CodeInvalidArgument, "MARK_INVALID", "want MARK_NONE, MARK_SHARED or MARK_BLOCKED")

// toState is one identifier of which something is stated: unless that is only to be validated, it gets an alias when it has
// none.
func (s *Identity) toState(ctx context.Context, who *profferv1.Who, change *profferv1.Change) (identity.Named, error) {
	id := who.GetIdentifier()
	if id == nil || change.GetValidateOnly() {
		named, err := s.named(ctx, who)
		if err != nil {
			return identity.Named{}, err
		}
		return named[0], nil
	}
	alias, err := s.Names.Made(ctx, identity.Identifier{Type: id.GetType(), Value: id.GetValue()})
	return identity.Named{Alias: alias, Type: id.GetType()}, err
}

// Review implements IdentityService.
func (s *Identity) Review(ctx context.Context, r *profferv1.ReviewRequest) (*profferv1.ReviewResponse, error) {
	a, err := domain.ParseAlias(r.GetAlias())
	if err != nil {
		return nil, errWho
	}
	b, err := domain.ParseAlias(r.GetOther())
	if err != nil {
		return nil, errWho
	}
	then := result{of: []domain.Alias{a, b}}
	outcome, err := s.Changing.Review(ctx, commands.ReviewMatch{
		First: identity.Named{Alias: a}, Second: identity.Named{Alias: b}, Confirmed: r.GetConfirm(),
		Change: changeOf(ctx, r.GetChange()), Look: then.look,
	})
	if err != nil {
		return nil, err
	}
	profiles, err := s.profiles(ctx, then)
	if err != nil {
		return nil, err
	}
	return &profferv1.ReviewResponse{Profiles: profiles, Position: placeText(outcome.At)}, nil
}

func first(profiles []*profferv1.Profile) *profferv1.Profile {
	if len(profiles) == 0 {
		return nil
	}
	return profiles[0]
}
