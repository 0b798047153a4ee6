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
// Changes on different servers follow one another where they append to the same lane. Where they do not (one withdraws a view,
// the other publishes a policy that reads it), each may be decided before the other is known.
type Definitions struct {
	ports DefinitionPorts
	turn  chan struct{} // one change at a time on this server
}

// DefinitionPorts is what changing definitions needs; all are required.
type DefinitionPorts struct {
	Log    SharedLog
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
// appended, or when it is only to be validated. When another server appends to the lane in between, it is decided anew, a few
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
		// Before it is decided: whatever another server appends after that is noticed.
		if err := takeOver(ctx, d.ports.Log, lane); err != nil {
			return domain.Place{}, err
		}
		events, err := d.decided(ctx, decide)
		if err != nil || len(events) == 0 {
			return domain.Place{}, err
		}
		at, err := d.append(ctx, lane, events)
		if n == attempts || !errors.Is(err, domain.ErrLaneLost) {
			return at, err
		}
	}
}

// look decides, and leaves it at that: what then has to be waited for does not hold up the changes of others. It fails with the
// error of decide as it is, and with domain.ErrUnavailable.
func (d *Definitions) look(ctx context.Context, decide decideOn) error {
	_, err := d.decided(ctx, decide)
	return err
}

// decided is what is decided on all that POLICY holds now, with the time.
func (d *Definitions) decided(ctx context.Context, decide decideOn) ([]*event.Event, error) {
	if err := d.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return nil, err
	}
	catalogue := d.catalogue()
	catalogue.mu.RLock()
	defer catalogue.mu.RUnlock()
	events, err := decide(catalogue)
	now := d.ports.Now().UnixMilli()
	for _, e := range events {
		e.OccurredMs, e.ReceivedMs = now, now
	}
	return events, err
}

func (d *Definitions) catalogue() *Catalogue { return d.ports.Recall.Catalogue }

// append writes events in one envelope, and remembers them.
func (d *Definitions) append(ctx context.Context, lane domain.Lane, events []*event.Event) (domain.Place, error) {
	for _, e := range events {
		e.Id = make([]byte, 16)
		if _, err := io.ReadFull(d.ports.Random, e.Id); err != nil {
			return domain.Place{}, fmt.Errorf("draw an id: %w", err)
		}
	}
	at, err := d.ports.Log.Append(ctx, lane, events...)
	if err != nil {
		return domain.Place{}, fmt.Errorf("append to %s: %w", lane.Subject(), err)
	}
	for i, e := range events {
		position := domain.Position{Sequence: at.Sequence, Index: at.Index + uint32(i)}
		d.catalogue().apply(lane, domain.Recorded{At: position, Event: e})
	}
	return domain.Place{Stream: domain.Policy, Position: at}, nil
}
