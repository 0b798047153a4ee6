package commands

import (
	"context"
	"errors"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Errors of withdrawing. After each of them nothing was done.
var (
	// ErrNotDefined: nothing of that kind is defined under the name.
	ErrNotDefined = errors.New("commands: nothing is defined under this name")
	// ErrInUse: what is in effect reads it. The error names what does.
	ErrInUse = errors.New("commands: it is in use")
	// ErrBuiltIn: it comes with the product.
	ErrBuiltIn = errors.New("commands: what comes with the product cannot be withdrawn")
)

// Withdrawals takes definitions out of effect: policies, feature views, segment definitions and models alike.
type Withdrawals struct{ definitions *Definitions }

// NewWithdrawals returns the command.
func NewWithdrawals(definitions *Definitions) *Withdrawals { return &Withdrawals{definitions} }

// Withdraw takes a definition out of effect.
type Withdraw struct {
	Kind event.DefinitionWithdrawn_Kind
	// Name of a policy, of segments, of a feature view with its version ("retail@2"), or of a model.
	Name string
	// Version of a model; 0 is the latest. Of the others it is not asked.
	Version uint64
	Change  Change
}

// Withdrawn is what is, or would be, withdrawn.
type Withdrawn struct {
	*event.DefinitionWithdrawn
	At domain.Place
	// Unchanged: it was withdrawn already, and nothing was written.
	Unchanged bool
}

// Withdraw appends that a definition is in effect no more, unless that is so already. What was decided by it finds it
// still, and defining it again brings it back. It fails with ErrNotDefined, ErrBuiltIn, ErrInUse, ErrChangeInvalid and the
// log's errors.
func (w *Withdrawals) Withdraw(ctx context.Context, of Withdraw) (Withdrawn, error) {
	if err := of.Change.check(); err != nil {
		return Withdrawn{}, err
	}
	out := Withdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{
		Kind: of.Kind, Name: of.Name, Version: of.Version, Reason: of.Change.Reason, Actor: of.Change.Actor,
	}}
	lane := definedIn(out.DefinitionWithdrawn)
	at, err := w.definitions.change(ctx, lane, of.Change.ValidateOnly, func(c *Catalogue) (events []*event.Event, err error) {
		if out.Unchanged, err = c.withdrawable(out.DefinitionWithdrawn); err != nil || out.Unchanged {
			return nil, err
		}
		return []*event.Event{{Body: &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: out.DefinitionWithdrawn}}}, nil
	})
	if err != nil {
		return Withdrawn{}, err
	}
	out.At = at
	return out, nil
}

// definedIn is the lane in which a definition stands.
func definedIn(w *event.DefinitionWithdrawn) domain.Lane {
	switch w.GetKind() {
	case event.DefinitionWithdrawn_KIND_FEATURE_VIEW:
		family, _, _ := strings.Cut(w.GetName(), "@")
		return domain.PolicyLane("view", family)
	case event.DefinitionWithdrawn_KIND_SEGMENTS:
		return domain.PolicyLane("segment", w.GetName())
	case event.DefinitionWithdrawn_KIND_MODEL:
		return domain.PolicyLane("model", w.GetName())
	}
	return domain.PolicyLane("policy", w.GetName())
}
