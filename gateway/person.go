package gateway

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/normal"
	"github.com/profferhq/proffer/gateway/rpc"
)

// persons finds whom identifiers mean, through the vault.
type persons struct {
	normalizer *normal.Normalizer
	vault      naming
	marks      marking
	guards     guarding
	outage     outage
}

// naming is what the vault knows of identifiers.
type naming interface {
	// Lookup are the aliases of identifiers in normal form; zero where there is none.
	Lookup(ids []identity.Identifier) []domain.Alias
	// Aliases makes those that are missing. It fails with domain.ErrUnavailable.
	Aliases(ctx context.Context, ids []identity.Identifier) ([]domain.Alias, error)
}

// marking says how an alias's links count.
type marking interface {
	Mark(alias domain.Alias) identity.Mark
}

// guarding knows the guards in effect, and their version.
type guarding interface {
	Guards() (*identity.Guards, uint64)
}

// Person implements rpc.Person. An identifier that means nobody, by a pattern of the guards or because its alias is
// blocked, is passed over, and one that several people share counts only when nothing else is given: then it is the
// device that is decided about. It fails with rpc.ErrIdentifierBlocked when every identifier means nobody, with
// *identity.Malformed, and with domain.ErrUnavailable.
func (p persons) Person(ctx context.Context, ids []identity.Identifier, validateOnly bool) (domain.Alias, error) {
	named, err := p.meaningful(ids)
	if err != nil {
		return domain.Alias{}, err
	}
	var stranger []identity.Identifier
	var shared domain.Alias
	for i, alias := range p.vault.Lookup(named) {
		switch mark := p.marks.Mark(alias); {
		case alias.IsZero():
			if stranger == nil {
				stranger = named[i : i+1]
			}
		case mark == identity.Unmarked:
			return alias, nil
		case mark == identity.Shared && shared.IsZero():
			shared = alias
		}
	}
	switch {
	case stranger == nil && shared.IsZero():
		return domain.Alias{}, rpc.ErrIdentifierBlocked
	case stranger == nil:
		return shared, nil
	case validateOnly:
		return domain.Alias{}, nil
	}
	made, err := p.vault.Aliases(ctx, stranger)
	if err != nil {
		return domain.Alias{}, p.outage.or(ctx, err)
	}
	return made[0], nil
}

// meaningful are the identifiers in normal form, without those that a pattern of the guards blocks.
func (p persons) meaningful(ids []identity.Identifier) ([]identity.Identifier, error) {
	guards, _ := p.guards.Guards()
	var out []identity.Identifier
	for i, id := range ids {
		plain, err := p.normalizer.Normalize(id)
		if err != nil {
			return nil, fmt.Errorf("identifiers[%d]%s: %w", i, ofType(id), err)
		}
		if !guards.Blocked(plain) {
			out = append(out, plain)
		}
	}
	return out, nil
}

// ofType says in an error which identifier is meant, by its type; its value is told nowhere, nor is a type that is none:
// it may be a value.
func ofType(id identity.Identifier) string {
	if !identity.ValidType(id.Type) {
		return ""
	}
	return " (" + id.Type + ")"
}
