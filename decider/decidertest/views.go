package decidertest

import (
	"context"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
)

// Views folds a Log into activities, as far as it is told to. It is the Views of the decider.
type Views struct {
	log    *Log
	layout *feature.Layout

	mu    sync.Mutex
	cut   domain.Cut
	blobs map[domain.Alias][]byte
	moved chan struct{}
}

// NewViews has folded nothing yet. The activities will keep the series of the views.
func NewViews(log *Log, views ...feature.View) *Views {
	return &Views{log: log, layout: feature.LayoutOf(views...), blobs: map[domain.Alias][]byte{}, moved: make(chan struct{})}
}

// Blob is that of decider.Views.
func (v *Views) Blob(alias domain.Alias) ([]byte, *feature.Layout, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	blob, known := v.blobs[alias]
	return blob, v.layout, known
}

// Applied is that of decider.Views.
func (v *Views) Applied() domain.Cut {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cut
}

// WaitFor is that of decider.Views.
func (v *Views) WaitFor(ctx context.Context, place domain.Place) error {
	for {
		v.mu.Lock()
		reached, moved := v.cut[place.Stream] >= place.Position.Sequence, v.moved
		v.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// CatchUp folds the streams about people up to their present ends.
func (v *Views) CatchUp(ctx context.Context) error {
	for _, s := range []domain.Stream{domain.Behaviour, domain.Identity, domain.Decision, domain.Outcome} {
		last, err := v.log.Last(ctx, s)
		if err != nil {
			return err
		}
		if err := v.CatchUpTo(ctx, s, last); err != nil {
			return err
		}
	}
	return nil
}

// CatchUpTo folds one stream up to a sequence. The blobs are visible before Applied says so.
func (v *Views) CatchUpTo(ctx context.Context, s domain.Stream, to uint64) error {
	from := v.Applied()[s] + 1
	for envelope, err := range v.log.Read(ctx, s, from, to) {
		if err != nil {
			return err
		}
		if err := v.Fold(envelope); err != nil {
			return err
		}
		v.advance(s, envelope.Sequence)
	}
	return nil
}

// Fold folds one envelope, and leaves Applied as it is.
func (v *Views) Fold(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return err
	}
	for _, r := range events {
		if err := v.fold(r); err != nil {
			return err
		}
		if mirrored, ok := identity.Mirror(r); ok {
			if err := v.fold(mirrored); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *Views) fold(r domain.Recorded) error {
	alias, err := domain.AliasFromBytes(r.Event.GetAlias())
	if err != nil {
		return nil //nolint:nilerr // an event about nobody
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.layout.Empty()
	if blob, known := v.blobs[alias]; known {
		if a, err = v.layout.Decode(blob); err != nil {
			return fmt.Errorf("decidertest: decode a blob: %w", err)
		}
	}
	v.blobs[alias] = feature.Encode(feature.Fold(a, r))
	return nil
}

func (v *Views) advance(s domain.Stream, to uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cut[s] = max(v.cut[s], to)
	close(v.moved)
	v.moved = make(chan struct{})
}
