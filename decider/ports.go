package decider

import (
	"context"
	"iter"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// Views are the folded activities, in memory.
type Views interface {
	// Blob is the encoded activity of an alias and the layout that it is to be decoded with, now that of all; no bytes and
	// false when nothing is known of the alias. Nobody changes the bytes.
	Blob(alias domain.Alias) ([]byte, *feature.Layout, bool)
	// Applied is the cut that the blobs have reached: each holds every event of its alias up to the cut, and may hold
	// later ones.
	Applied() domain.Cut
	// WaitFor returns when Applied has reached the place, or with the context's error.
	WaitFor(ctx context.Context, place domain.Place) error
}

// Pending is an append whose place in its lane is fixed and whose outcome is awaited. It is an alias of the plain
// interface, so that whoever implements Lanes need not name this package.
type Pending = interface {
	// Wait returns the position of the first event once all are durable. It fails with domain.ErrTooLarge,
	// domain.ErrLaneLost or domain.ErrLogFull, when nothing was appended, or with domain.ErrUnavailable or the
	// context's error, when the outcome is unknown. Wait may be called again.
	Wait(ctx context.Context) (domain.Position, error)
}

// Lanes appends to DECISION, and owns its lanes.
type Lanes interface {
	// EnqueueIn fixes the events' place in the lane, behind everything enqueued before, and does not wait: it is called
	// under the lock of the lane. When nothing was enqueued it fails, with domain.ErrLaneLost when the lane has failed
	// or was lost since Term returned the term. When something enqueued earlier fails, so does all behind it.
	EnqueueIn(lane domain.Lane, term uint64, events ...*event.Event) (Pending, error)
	// Term counts the failures of a lane in this process.
	Term(lane domain.Lane) (uint64, error)
	// TakeOver makes this process the lane's owner, at the start and after a failure: it waits for what is under way
	// here and returns the lane's last sequence. An append that another owner makes, or that lands late, makes this
	// process's next append fail with domain.ErrLaneLost.
	TakeOver(ctx context.Context, lane domain.Lane) (uint64, error)
	// Lanes is how many lanes DECISION has.
	Lanes() int
}

// Source reads the log.
type Source interface {
	// Read yields the envelopes of a stream with sequences from..to, both included, in order, and ends. An error ends
	// it: domain.ErrUnavailable when the log cannot be reached, domain.ErrEnvelopeCorrupt or domain.ErrChainBroken
	// when it is damaged.
	Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error]
	// Follow yields the envelopes of a stream from a sequence on, waiting for new ones, until the context ends. It ends
	// with the errors of Read; the end of the context is no error.
	Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error]
	// Last is the last sequence of a stream; 0 when nothing was ever appended to it.
	Last(ctx context.Context, stream domain.Stream) (uint64, error)
}
