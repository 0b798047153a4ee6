package projections

import (
	"context"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// viewStreams are the streams that views fold: those about people.
func viewStreams() []domain.Stream {
	return []domain.Stream{domain.Behaviour, domain.Identity, domain.Decision, domain.Outcome}
}

// Progress hears how many of how many messages have been folded.
type Progress = func(done, total uint64)

// ViewsProjector folds the streams about people into one activity per alias. Its result is a function of the log:
// whatever the batches, the order between the streams and the crashes were, the same cut gives the same bytes.
type ViewsProjector struct {
	source Source
	store  ViewStore
	layout *feature.Layout

	sessions *sessions

	mu      sync.Mutex
	applied domain.Cut
	opened  bool
}

// NewViewsProjector projects from a log into a store of views, all of the layout.
func NewViewsProjector(source Source, store ViewStore, layout *feature.Layout) *ViewsProjector {
	return &ViewsProjector{source: source, store: store, layout: layout, sessions: newSessions()}
}

// Applied is the cut up to which everything has been folded and stored.
func (p *ViewsProjector) Applied() domain.Cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.applied
}

// Trouble is why Run is waiting to try again; nil when it is not.
func (p *ViewsProjector) Trouble() error { return p.sessions.why() }

// Lag is how many messages of the log are not folded yet.
func (p *ViewsProjector) Lag(ctx context.Context) (uint64, error) {
	targets, err := ends(ctx, p.source, viewStreams())
	if err != nil {
		return 0, err
	}
	return distance(p.Applied(), targets), nil
}

// Run folds what is in the log and then what arrives until the context ends, which is no error. While the log cannot
// be reached it waits and tries again (see Trouble); every other error ends it.
func (p *ViewsProjector) Run(ctx context.Context) error { return p.sessions.run(ctx, p.session) }

func (p *ViewsProjector) session(ctx context.Context, caughtUp func()) error {
	if err := p.catchUp(ctx, nil); err != nil {
		return err
	}
	caughtUp()
	err := p.follow(ctx)
	if unreadable(err) {
		return p.forget(ctx)
	}
	return err
}

// CatchUp folds what the log holds at the time of the call and returns. Run, if it runs, goes on afterwards. It fails with
// domain.ErrEndLost when the log ends before what was folded; Rebuild folds what is left of it.
func (p *ViewsProjector) CatchUp(ctx context.Context, progress Progress) error {
	return p.sessions.urgently(ctx, func() error { return p.catchUp(ctx, progress) })
}

// Rebuild forgets every view and folds the log from its beginning up to what it holds at the time of the call.
// Readers see the views as they were until that is done.
func (p *ViewsProjector) Rebuild(ctx context.Context, progress Progress) error {
	return p.sessions.urgently(ctx, func() error { return p.rebuild(ctx, progress) })
}

func (p *ViewsProjector) rebuild(ctx context.Context, progress Progress) error {
	if err := p.resume(ctx); err != nil {
		return err
	}
	if err := p.forget(ctx); err != nil {
		return err
	}
	return p.foldToEnd(ctx, progress)
}

func (p *ViewsProjector) forget(ctx context.Context) error {
	if err := p.store.Clear(ctx); err != nil {
		return fmt.Errorf("projections: begin the views anew: %w", err)
	}
	p.setApplied(domain.Cut{})
	return nil
}

// resume asks the store once where to go on.
func (p *ViewsProjector) resume(ctx context.Context) error {
	p.mu.Lock()
	opened := p.opened
	p.mu.Unlock()
	if opened {
		return nil
	}
	cut, err := p.store.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("projections: resume views: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied, p.opened = cut, true
	return nil
}

func (p *ViewsProjector) setApplied(cut domain.Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = cut
}
