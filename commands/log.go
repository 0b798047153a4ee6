// Package commands turns intent into events: one file per command. A command validates, decides what happened
// and appends it; it is acknowledged only when the log has it.
package commands

import (
	"context"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Log is what commands need of the log.
type Log interface {
	// Append makes the events durable in one envelope of the lane, in order and next to one another, and returns
	// the position of the first. It fails with domain.ErrTooLarge, domain.ErrLaneLost, domain.ErrLogFull or
	// domain.ErrUnavailable; after the last (and after the context's end) whether they are in is unknown.
	Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error)
	// Lanes is how many lanes the streams about people have.
	Lanes() int
}
