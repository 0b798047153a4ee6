package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Definitions is how everything that POLICY defines is changed, but for the offers of imports: policies, feature views,
// segment definitions, models, their roles, limits and alerts. Each change is decided on all that POLICY holds. A server has
// one, which its commands share: what one of them withdraws, another may be about to read.
//
// Changes on different servers follow one another, whatever they change: each is appended only where POLICY ends as it did when
// the change was decided. So what one server withdraws no other lets something read.
type Definitions struct {
	ports DefinitionPorts
	turn  chan struct{} // one change at a time on this server
}

// DefinitionLog is a log on whose end can be decided.
type DefinitionLog interface {
	SharedLog
	// AppendAt is Append under the condition that the stream ends at that sequence still, 0 for an empty one; otherwise it fails
	// with domain.ErrLaneLost, appends nothing, and the lane has to be taken over again.
	AppendAt(ctx context.Context, lane domain.Lane, end uint64, events ...*event.Event) (domain.Position, error)
}

// DefinitionPorts is what changing definitions needs; all are required.
type DefinitionPorts struct {
	Log    DefinitionLog
	Recall *Recall
	Now    func() time.Time
	// Random yields event ids; reads must not fail.
	Random io.Reader
}

// NewDefinitions returns the way to change them.
func NewDefinitions(ports DefinitionPorts) *Definitions {
	return &Definitions{ports: ports, turn: make(chan struct{}, 1)}
}

// decideOn says which events change what is defined; none change nothing. It runs under the catalogue's lock, so that it only
// reads, and calls nothing that locks or waits; and it may run more than once for one change.
type decideOn func(*Catalogue) ([]*event.Event, error)

// change appends what is decided to the lane in one envelope, and returns the place of its first event; zero when nothing is
// appended, or when it is only to be validated. When another server appends to POLICY in between, it is decided anew, a few
// times. It fails with the error of decide as it is, and with those of the log.
func (d *Definitions) change(ctx context.Context, lane domain.Lane, validateOnly bool, decide decideOn) (domain.Place, error) {
	if validateOnly {
		return domain.Place{}, d.look(ctx, decide)
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return domain.Place{}, fmt.Errorf("wait for another change: %w", context.Cause(ctx))
	}
	const attempts = 4
	for n := 1; ; n++ {
		if err := takeOver(ctx, d.ports.Log, lane); err != nil {
			return domain.Place{}, err
		}
		events, end, err := d.decided(ctx, decide)
		if err != nil || len(events) == 0 {
			return domain.Place{}, err
		}
		at, err := d.append(ctx, lane, end, events)
		if n == attempts || !errors.Is(err, domain.ErrLaneLost) {
			return at, err
		}
	}
}

// look decides, and leaves it at that: what then has to be waited for does not hold up the changes of others. It fails with the
// error of decide as it is, and with domain.ErrUnavailable.
func (d *Definitions) look(ctx context.Context, decide decideOn) error {
	_, _, err := d.decided(ctx, decide)
	return err
}

// decided is what is decided on all that POLICY holds now, with the time, and where POLICY ends at least.
func (d *Definitions) decided(ctx context.Context, decide decideOn) (events []*event.Event, end uint64, err error) {
	if err := d.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return nil, 0, err
	}
	end = d.ports.Recall.Applied(domain.Policy) // more may be applied meanwhile: then it is decided anew
	catalogue := d.catalogue()
	catalogue.mu.RLock()
	defer catalogue.mu.RUnlock()
	events, err = decide(catalogue)
	now := d.ports.Now().UnixMilli()
	for _, e := range events {
		e.OccurredMs, e.ReceivedMs = now, now
	}
	return events, end, err
}

func (d *Definitions) catalogue() *Catalogue { return d.ports.Recall.Catalogue }

// append writes events in one envelope where POLICY ends there still, and remembers them.
func (d *Definitions) append(ctx context.Context, lane domain.Lane, end uint64, events []*event.Event) (domain.Place, error) {
	for _, e := range events {
		e.Id = make([]byte, 16)
		if _, err := io.ReadFull(d.ports.Random, e.Id); err != nil {
			return domain.Place{}, fmt.Errorf("draw an id: %w", err)
		}
	}
	at, err := d.ports.Log.AppendAt(ctx, lane, end, events...)
	if err != nil {
		return domain.Place{}, fmt.Errorf("append to %s: %w", lane.Subject(), err)
	}
	for i, e := range events {
		position := domain.Position{Sequence: at.Sequence, Index: at.Index + uint32(i)}
		d.catalogue().apply(lane, domain.Recorded{At: position, Event: e})
	}
	return domain.Place{Stream: domain.Policy, Position: at}, nil
}
