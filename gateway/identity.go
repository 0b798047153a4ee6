package gateway

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/normal"
	"github.com/profferhq/proffer/gateway/rpc"
)

// names finds aliases and identifiers through the vault; they come in and go out in normal form.
type names struct {
	*natskv.Vault
	normalizer *normal.Normalizer
	outage     outage
}

func (n *Node) names(away outage) names {
	return names{Vault: n.parts.vault, normalizer: n.parts.normalizer, outage: away}
}

// Known implements rpc.Names.
func (n names) Known(id identity.Identifier) (domain.Alias, error) {
	plain, err := n.plain(id)
	if err != nil {
		return domain.Alias{}, err
	}
	return n.Lookup(plain)[0], nil
}

// Made implements rpc.Names.
func (n names) Made(ctx context.Context, id identity.Identifier) (domain.Alias, error) {
	plain, err := n.plain(id)
	if err != nil {
		return domain.Alias{}, err
	}
	made, err := n.Aliases(ctx, plain)
	if err != nil {
		return domain.Alias{}, n.outage.or(ctx, err)
	}
	return made[0], nil
}

// plain is one identifier in normal form.
func (n names) plain(id identity.Identifier) ([]identity.Identifier, error) {
	plain, err := n.normalizer.Normalize(id)
	if err != nil {
		return nil, fmt.Errorf("identifier%s: %w", ofType(id), err)
	}
	return []identity.Identifier{plain}, nil
}

// profiles reads features; those of the present under all that is linked when it is asked.
type profiles struct {
	*decider.Profiles
	identities *decider.Identities
	log        *natslog.Log
}

func (n *Node) profiles() profiles {
	return profiles{
		Profiles:   decider.NewProfiles(n.parts.log, n.parts.log, n.parts.traces, n.parts.vectors),
		identities: n.parts.identities, log: n.parts.log,
	}
}

// Now implements rpc.Profiles.
func (p profiles) Now(ctx context.Context, alias domain.Alias, view feature.View, nowMS int64) (decider.Profile, error) {
	end, err := p.log.Last(ctx, domain.Identity)
	if err != nil {
		return decider.Profile{}, err
	}
	if err := p.identities.WaitFor(ctx, end); err != nil {
		return decider.Profile{}, err
	}
	return p.Profiles.Now(ctx, alias, view, nowMS)
}

// identity is who is one person: read from the live register and the log, changed by commands.
func (n *Node) identity(away outage) *rpc.Identity {
	return &rpc.Identity{
		Names:  n.names(away),
		People: n.parts.recall.People, Log: n.parts.log, Traces: n.parts.traces,
		Profiles: n.profiles(), Views: n.parts.policies.CurrentView,
		Changing: n.parts.changes, Guarding: n.parts.changes, Previewing: n.parts.changes,
		Modelling: modelling{n.parts.matching},
		Supposing: n.parts.replayer, InEffect: n.parts.identities, Count: n.profileCount, Now: n.now,
	}
}
