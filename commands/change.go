package commands

import (
	"context"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// Errors of changes to who is one person. After each of them nothing was done.
var (
	// ErrChangeInvalid: a reason, an actor or a request id is too long or not UTF-8.
	ErrChangeInvalid = errors.New("commands: a reason, an actor or a request id is too long or not UTF-8")
	// ErrRequestReused: another change was made under this request id.
	ErrRequestReused = errors.New("commands: another change was made under this request id")
	// ErrSameAlias: a link, an unlink or a review needs two different aliases.
	ErrSameAlias = errors.New("commands: the two are one identifier")
	// ErrBarred: the two, or others of their profiles, are barred from one another. The bar must be lifted first.
	ErrBarred = errors.New("commands: the two are barred from one another: only a link that lifts the bar (lift_bar) joins them")
	// ErrProfileTooLarge: the profile would have more aliases than the guards allow.
	ErrProfileTooLarge = errors.New("commands: the profile would be larger than the guards allow")
	// ErrBlocked: one of the two is blocked: it means nobody.
	ErrBlocked = errors.New("commands: one of the two is blocked, it means nobody")
	// ErrNothingToUnlink: no link joins the two directly. With a bar they are kept apart all the same.
	ErrNothingToUnlink = errors.New("commands: no link joins the two directly")
	// ErrNotProposed: no match of the two waits for a review.
	ErrNotProposed = errors.New("commands: no match of the two waits for a review")
	// ErrMarkInvalid: an alias is unmarked, shared or blocked.
	ErrMarkInvalid = errors.New("commands: an alias is unmarked, shared or blocked")
	// ErrModelInvalid: a model needs a name, and a document that fits an event.
	ErrModelInvalid = errors.New("commands: a model needs a name, and a document that fits an event")
)

// Bounds of a change's texts, in bytes; a reason and an actor may have MaxTextBytes.
const maxRequestBytes = 100

// Change is what every change of an operator carries.
type Change struct {
	// ValidateOnly does everything but write.
	ValidateOnly bool
	// RequestID: a retry with the same id changes nothing more and answers the same. Empty: each call is a new one.
	RequestID string
	// Reason and Actor (the name of a key) are kept in the log. They must be free of personal data.
	Reason, Actor string
}

func (c Change) check() error {
	if len(c.RequestID) > maxRequestBytes || len(c.Reason) > MaxTextBytes || len(c.Actor) > MaxTextBytes ||
		!utf8.ValidString(c.RequestID) || !utf8.ValidString(c.Reason) || !utf8.ValidString(c.Actor) {
		return ErrChangeInvalid
	}
	return nil
}

// Outcome is what became of a change.
type Outcome struct {
	// At is where the event that says it stands; zero when nothing was written.
	At domain.Place
	// Unchanged: it was so already, and nothing was written.
	Unchanged bool
}

// Look reads the register as it stands after a change; with ValidateOnly as it would stand. Nil reads nothing.
type Look func(*identity.Register)

// Identifiers is what guards read of the vault.
type Identifiers interface {
	// Scan calls a function with every alias and the identifier it stands for. It fails with the function's error and
	// with domain.ErrUnavailable.
	Scan(ctx context.Context, yield func(domain.Alias, identity.Identifier) error) error
}

// IdentityChanges are the operators' commands about who is one person: one at a time, each decided on all that the
// log holds. It is safe for concurrent use.
type IdentityChanges struct {
	ports  IdentityPorts
	sender *sender
}

// IdentityPorts is what the commands need; all are required.
type IdentityPorts struct {
	Log         SharedLog
	Vault       Vault
	Identifiers Identifiers
	Recall      *Recall
	Now         func() time.Time
	// Random yields the ids of changes without a request id; reads must not fail.
	Random io.Reader
}

// NewIdentityChanges returns the commands.
func NewIdentityChanges(ports IdentityPorts) *IdentityChanges {
	return &IdentityChanges{ports: ports, sender: &sender{log: ports.Log}}
}
