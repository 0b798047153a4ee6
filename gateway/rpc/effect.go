package rpc

import (
	"context"

	"github.com/profferhq/proffer/domain"
)

// InEffect waits until this server decides by what POLICY, or IDENTITY, holds up to a sequence.
type InEffect interface {
	WaitFor(ctx context.Context, sequence uint64) error
}

// followed returns when decisions of this server follow what was written at a place; nothing was written at the zero
// Place.
func followed(ctx context.Context, effect InEffect, at domain.Place) error {
	if at == (domain.Place{}) {
		return nil
	}
	return effect.WaitFor(ctx, at.Position.Sequence)
}
