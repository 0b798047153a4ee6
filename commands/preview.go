package commands

import (
	"context"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Preview is what a change would do.
type Preview struct {
	// Events would be appended, in this order.
	Events []*event.Event
	// Realignment has the profiles that would become others. Its links and marks are set for guards only: of a link or
	// an unlink the events tell all.
	Realignment identity.Realignment
}

// PreviewLink is Link without the append. It fails as Link does.
func (x *IdentityChanges) PreviewLink(ctx context.Context, l LinkPeople) (Preview, error) {
	if l.First.Alias == l.Second.Alias {
		return Preview{}, ErrSameAlias
	}
	return x.preview(ctx, l.intent())
}

// PreviewUnlink is Unlink without the append. It fails as Unlink does.
func (x *IdentityChanges) PreviewUnlink(ctx context.Context, u UnlinkPeople) (Preview, error) {
	if u.First.Alias == u.Second.Alias {
		return Preview{}, ErrSameAlias
	}
	return x.preview(ctx, u.intent())
}

// PreviewGuards is SetGuards without the append. It fails as SetGuards does.
func (x *IdentityChanges) PreviewGuards(ctx context.Context, document *event.IdentityGuards) (Preview, error) {
	guards, err := identity.NewGuards(document)
	if err != nil {
		return Preview{}, err
	}
	blocked, err := x.blocked(ctx, guards)
	if err != nil {
		return Preview{}, err
	}
	in := SetGuards{Guards: document}.intent(x.ports.Recall.People, guards, blocked)
	return x.preview(ctx, in)
}

// preview decides an intent without an id that could be a retry's, and says what it would regroup.
func (x *IdentityChanges) preview(ctx context.Context, in intent) (Preview, error) {
	var out Preview
	in.change.ValidateOnly, in.change.RequestID = true, ""
	in.effect = func(d *draft) {
		out.Events = d.events
		out.Realignment = d.realigned
		if in.all {
			return
		}
		after := profilesOf(d.register.Graph(), ends(d.register.Graph(), d.events))
		d.drop()
		before := profilesOf(d.register.Graph(), slices.Concat(after...))
		out.Realignment = regrouping(before, after)
	}
	_, err := x.do(ctx, in)
	return out, err
}

// ends are the aliases whose profile the events may change: each part of a profile that they split has one.
func ends(g *identity.Graph, events []*event.Event) []domain.Alias {
	var out []domain.Alias
	add := func(b []byte) {
		if a, err := domain.AliasFromBytes(b); err == nil {
			out = append(out, a)
		}
	}
	for _, e := range events {
		add(e.GetAlias())
		add(e.GetIdentityLinked().GetOther())
		add(e.GetIdentityUnlinked().GetOther())
		if e.GetAliasMarked() == nil {
			continue
		}
		for _, edge := range g.Edges(domain.Alias(e.GetAlias())) {
			out = append(out, edge.Other)
		}
	}
	return out
}

// profilesOf are the profiles of aliases, each once, by their ids.
func profilesOf(g *identity.Graph, aliases []domain.Alias) [][]domain.Alias {
	var out [][]domain.Alias
	seen := map[domain.Alias]bool{}
	for _, a := range aliases {
		if id := g.Profile(a); !seen[id] {
			seen[id] = true
			out = append(out, g.Aliases(a))
		}
	}
	slices.SortFunc(out, byID)
	return out
}

// byID orders profiles by their ids.
func byID(x, y []domain.Alias) int { return x[0].Compare(y[0]) }

// regrouping compares the profiles of the same aliases before and after a change.
func regrouping(before, after [][]domain.Alias) identity.Realignment {
	was, is := idsOf(before), idsOf(after)
	out := identity.Realignment{Profiles: len(after) - len(before)}
	for a, id := range is {
		if was[a] != id {
			out.Affected = append(out.Affected, a)
		}
	}
	slices.SortFunc(out.Affected, domain.Alias.Compare)
	for _, members := range before {
		if spread(members, is) > 1 {
			out.Splits++
		}
	}
	for _, members := range after {
		if spread(members, was) > 1 {
			out.Merges++
		}
	}
	out.Regroupings = regroupings(before, after, is)
	return out
}

func idsOf(profiles [][]domain.Alias) map[domain.Alias]domain.Alias {
	out := map[domain.Alias]domain.Alias{}
	for _, members := range profiles {
		for _, a := range members {
			out[a] = members[0]
		}
	}
	return out
}

// spread is over how many profiles the members are.
func spread(members []domain.Alias, ids map[domain.Alias]domain.Alias) int {
	in := map[domain.Alias]bool{}
	for _, a := range members {
		in[ids[a]] = true
	}
	return len(in)
}

// regroupings puts profiles that share members together and leaves out those that stay as they are.
func regroupings(before, after [][]domain.Alias, is map[domain.Alias]domain.Alias) []identity.Regrouping {
	later := map[domain.Alias][]domain.Alias{}
	for _, members := range after {
		later[members[0]] = members
	}
	var out []identity.Regrouping
	in := map[domain.Alias]int{} // profile afterwards -> place in out
	for _, members := range before {
		at := len(out)
		out = append(out, identity.Regrouping{Before: [][]domain.Alias{members}})
		for _, a := range members {
			id := is[a]
			if other, met := in[id]; !met {
				out[at].After = append(out[at].After, later[id])
			} else if other != at {
				out[at].Before = append(out[at].Before, out[other].Before...)
				out[at].After = append(out[at].After, out[other].After...)
				for _, moved := range out[other].After {
					in[moved[0]] = at
				}
				out[other] = identity.Regrouping{}
			}
			in[id] = at
		}
	}
	for _, r := range out {
		slices.SortFunc(r.Before, byID)
		slices.SortFunc(r.After, byID)
	}
	return slices.DeleteFunc(out, func(r identity.Regrouping) bool {
		return len(r.Before) == 0 || len(r.Before) == 1 && len(r.After) == 1 && len(r.Before[0]) == len(r.After[0])
	})
}
