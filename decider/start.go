package decider

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// Start makes everything known that a decision must know: identities and policies up to the log's end, and the
// contacts that the views have not folded. It takes the lanes over. Views must be serving.
func (d *Decider) Start(ctx context.Context) error {
	if err := d.identities.Load(ctx, d.source); err != nil {
		return err
	}
	if err := d.policies.Load(ctx, d.source); err != nil {
		return err
	}
	// A model that cannot be loaded answers later, or never: it keeps nobody from deciding.
	if err := d.policies.models.Load(ctx); err != nil && ctx.Err() != nil {
		return fmt.Errorf("decider: load models: %w", context.Cause(ctx))
	}
	if err := d.loadContacts(ctx); err != nil {
		return fmt.Errorf("decider: load contacts: %w", err)
	}
	return nil
}

// loadContacts takes the lanes over and reads DECISION behind what the views have folded.
func (d *Decider) loadContacts(ctx context.Context) error {
	folded := d.views.Applied()[domain.Decision]
	ends := map[*lane]uint64{}
	for _, l := range d.byID {
		last, err := d.lanes.TakeOver(ctx, l.id)
		if err != nil {
			return fmt.Errorf("take over %s: %w", l.id.Subject(), err)
		}
		if l.term, err = d.lanes.Term(l.id); err != nil {
			return fmt.Errorf("take over %s: %w", l.id.Subject(), err)
		}
		if err := d.loadTime(ctx, l, last); err != nil {
			return err
		}
		ends[l] = last
	}
	if err := load(ctx, d.source, domain.Decision, folded, d.adopt); err != nil {
		return err
	}
	for l, last := range ends {
		d.contacts.discover(l, last, nil)
		l.broken.Store(false)
	}
	return nil
}

// loadTime sets a lane's time by its last envelope: time does not run backwards over a restart either.
func (d *Decider) loadTime(ctx context.Context, l *lane, last uint64) error {
	if last == 0 {
		return nil
	}
	for envelope, err := range d.source.Read(ctx, domain.Decision, last, last) {
		if err != nil {
			return fmt.Errorf("read the end of %s: %w", l.id.Subject(), err)
		}
		events, err := envelope.Events()
		if err != nil {
			return fmt.Errorf("read the end of %s: %w", l.id.Subject(), err)
		}
		l.observe(events)
	}
	return nil
}

// adopt counts the contacts of an envelope that the views have not folded.
func (d *Decider) adopt(e domain.Envelope) error {
	l, known := d.byID[e.Lane]
	if !known {
		return fmt.Errorf("%s is no lane of this log", e.Lane.Subject())
	}
	events, err := e.Events()
	if err != nil {
		return fmt.Errorf("read %s: %w", e.Lane.Subject(), err)
	}
	l.observe(events)
	d.contacts.discover(l, e.Sequence, reservationsOf(l, events))
	return nil
}

// Run keeps identities, policies and models up to date until the context ends, and returns nil then. When it fails, the log
// cannot be followed, and nothing may be decided any more.
func (d *Decider) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	var models sync.WaitGroup
	defer models.Wait()
	defer cancel()
	models.Go(func() { d.policies.models.Run(ctx) })
	go func() { ended <- d.identities.Follow(ctx, d.source) }()
	go func() { ended <- d.policies.Follow(ctx, d.source) }()
	first := <-ended
	cancel()
	return errors.Join(first, <-ended)
}

// Close waits for the appends whose callers have left. Nobody may ask for decisions any more.
func (d *Decider) Close() { d.background.Wait() }
