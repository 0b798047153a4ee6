package gateway

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/normal"
)

// persons finds whom identifiers mean, through the vault.
type persons struct {
	normalizer *normal.Normalizer
	vault      *natskv.Vault
	outage     outage
}

// Person implements rpc.Person.
func (p persons) Person(ctx context.Context, ids []identity.Identifier, validateOnly bool) (domain.Alias, error) {
	plain := make([]identity.Identifier, len(ids))
	for i, id := range ids {
		var err error
		if plain[i], err = p.normalizer.Normalize(id); err != nil {
			return domain.Alias{}, err
		}
	}
	for _, alias := range p.vault.Lookup(plain) {
		if !alias.IsZero() {
			return alias, nil
		}
	}
	if validateOnly {
		return domain.Alias{}, nil
	}
	made, err := p.vault.Aliases(ctx, plain[:1])
	if err != nil {
		return domain.Alias{}, p.outage.or(ctx, err)
	}
	return made[0], nil
}
