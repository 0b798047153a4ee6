// Package commands turns intent into events: one file per command. A command validates, decides what happened
// and appends it; it is acknowledged only when the log has it.
package commands

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Log is what commands need of the log.
type Log interface {
	// Append makes the events durable in one envelope of the lane, in order and next to one another, and returns
	// the position of the first. It fails with domain.ErrTooLarge, domain.ErrLaneLost, domain.ErrLogFull or
	// domain.ErrUnavailable; after the last (and after the context's end) whether they are in is unknown. It keeps nothing of
	// the events' memory, however it returns.
	Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error)
	// Lanes is how many lanes the streams about people have.
	Lanes() int
}

// SharedLog is a log whose lanes other servers append to as well.
type SharedLog interface {
	Log
	// TakeOver makes this process the lane's owner and returns the lane's last sequence, 0 when it is empty. Until another
	// owner appends, or what was under way here and ended with domain.ErrUnavailable lands yet, appends succeed; from then
	// on they fail with domain.ErrLaneLost.
	TakeOver(ctx context.Context, lane domain.Lane) (uint64, error)
}

// takeOverWithin is how long taking a lane over is tried: a log that is there answers within.
const takeOverWithin = 2 * time.Second

// takeOver makes this process the lane's owner. It fails with domain.ErrUnavailable.
func takeOver(ctx context.Context, log SharedLog, lane domain.Lane) error {
	within, cancel := context.WithTimeout(ctx, takeOverWithin)
	defer cancel()
	if _, err := log.TakeOver(within, lane); err != nil {
		return fmt.Errorf("take %s over: %w: %w", lane.Subject(), domain.ErrUnavailable, err)
	}
	return nil
}

// envelopeRoom is what an envelope has for its events.
const envelopeRoom = domain.MaxEnvelopeBytes - 1024

// envelopeOf is how many of the events fit one envelope; one at least.
func envelopeOf(events []*event.Event) int {
	size := 0
	for i, e := range events {
		if size += domain.FrameSize(proto.Size(e)); i > 0 && (size > envelopeRoom || i == domain.MaxEnvelopeEvents) {
			return i
		}
	}
	return len(events)
}
