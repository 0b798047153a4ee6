package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/projections"
)

// liveViews are the views that decisions read. When feature views want a layout that they do not have, the log is
// folded for it into views of its own, beside those that are live, and then those take over: a decision never waits,
// and never sees less than before.
type liveViews struct {
	open     func(context.Context, *feature.Layout) (*natskv.Views, error)
	source   projections.Source
	policies *decider.Policies
	applied  func(domain.Cut) // hears of every advance

	now atomic.Pointer[generation]
	// asked are views that somebody waits for; wake tells keep.
	mu    sync.Mutex
	asked map[string]feature.View
	wake  chan struct{}
	// turn is held while everything is folded anew or taken over.
	turn sync.Mutex
	// again tells fold that there is something to fold after it was stopped.
	again chan struct{}
}

// generation is the views of one layout and what folds them.
type generation struct {
	*natskv.Views
	projector *projections.ViewsProjector
	// retired ends when another generation has taken over.
	retired context.Context
	retire  context.CancelFunc

	mu      sync.Mutex
	stop    context.CancelFunc
	stopped chan struct{} // closed when nothing folds
}

// begin opens the views of a generation; what folds them is not started.
func (v *liveViews) begin(ctx context.Context, layout *feature.Layout) (*generation, error) {
	views, err := v.open(ctx, layout)
	if err != nil {
		return nil, err
	}
	g := &generation{Views: views, projector: projections.NewViewsProjector(v.source, views, layout), stopped: make(chan struct{})}
	close(g.stopped)
	g.retired, g.retire = context.WithCancel(context.WithoutCancel(ctx))
	select {
	case <-views.Ready():
		return g, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), views.Close(context.WithoutCancel(ctx)))
	}
}

// start brings the first generation up to the log's end. When it fails with domain.ErrEndLost, Rebuild does that.
func (v *liveViews) start(ctx context.Context) error {
	v.again, v.wake, v.asked = make(chan struct{}, 1), make(chan struct{}, 1), map[string]feature.View{}
	g, err := v.begin(ctx, v.policies.Wanted())
	if err != nil {
		return err
	}
	v.now.Store(g)
	g.OnApplied(v.applied)
	return g.projector.CatchUp(ctx, nil)
}

// dropOthers drops views of other layouts, which a stop left behind.
func (v *liveViews) dropOthers(ctx context.Context) error { return v.now.Load().DropOthers(ctx) }

// fold folds what arrives, one generation after the other, until the context ends.
func (v *liveViews) fold(ctx context.Context) error {
	for {
		g := v.now.Load()
		running, stop := context.WithCancel(ctx)
		stopped := make(chan struct{})
		g.mu.Lock()
		g.stop, g.stopped = stop, stopped
		g.mu.Unlock()
		err := g.projector.Run(running)
		stop()
		close(stopped)
		if err != nil {
			return err
		}
		select {
		case <-v.again:
		case <-ctx.Done():
			return nil
		}
	}
}

// pause stops what folds a generation and waits until it has.
func (g *generation) pause() {
	g.mu.Lock()
	stop, stopped := g.stop, g.stopped
	g.mu.Unlock()
	if stop != nil {
		stop()
	}
	<-stopped
}

// retryLayout is how long after a failure another layout is tried again.
const retryLayout = 5 * time.Second

// keep changes to the layout that policies and feature views want, whenever it is another, until the context ends.
func (v *liveViews) keep(ctx context.Context) error {
	for {
		cut := v.policies.Applied()
		again, cancel := context.WithCancel(ctx)
		if wanted := v.policies.Wanted(v.waitedFor()...); wanted.Digest() != v.now.Load().Layout().Digest() {
			if err := v.change(ctx, wanted); err != nil && ctx.Err() == nil {
				slog.Error("the log could not be folded for new features: trying again", "error", err)
				again, cancel = context.WithTimeout(ctx, retryLayout)
			}
		}
		go func() {
			select {
			case <-v.wake:
			case <-again.Done():
			}
			cancel()
		}()
		_ = v.policies.WaitFor(again, cut+1)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (v *liveViews) waitedFor() []feature.View {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.asked))
}

// Prepare returns when a feature view can be read, for which the log may have to be folded. It fails with
// decider.ErrViewNotReady when the context ends before: the folding goes on, and coming again helps.
func (v *liveViews) Prepare(ctx context.Context, view feature.View) error {
	for {
		g := v.now.Load()
		if g.Layout().Serves(view) {
			return nil
		}
		v.mu.Lock()
		v.asked[view.Name()] = view
		v.mu.Unlock()
		if !v.another(ctx, g) {
			return fmt.Errorf("%w: %s", decider.ErrViewNotReady, view.Name())
		}
	}
}

// another has the layout looked at again and waits until another generation has taken over; false when the context ends before.
func (v *liveViews) another(ctx context.Context, than *generation) bool {
	select {
	case v.wake <- struct{}{}:
	default:
	}
	select {
	case <-than.retired.Done():
		return true
	case <-ctx.Done():
		return false
	}
}

// change folds the log for a layout and lets it take over.
func (v *liveViews) change(ctx context.Context, layout *feature.Layout) error {
	next, err := v.begin(ctx, layout)
	if err != nil {
		return fmt.Errorf("open the views of the next layout: %w", err)
	}
	started := time.Now()
	if err := next.projector.CatchUp(ctx, nil); err != nil {
		return errors.Join(err, next.Close(context.WithoutCancel(ctx)))
	}
	before, err := v.takeOver(ctx, next)
	if err != nil {
		return errors.Join(err, next.Close(context.WithoutCancel(ctx)))
	}
	slog.Info("feature views are ready", "series", layout.Series(), "seconds", time.Since(started).Seconds())
	if err := before.Close(ctx); err != nil {
		return fmt.Errorf("close the views of the former layout: %w", err)
	}
	return before.Drop(ctx)
}

// takeOver lets a generation that is nearly at the log's end be the live one. What it replaces is folded no further
// meanwhile, so that nobody sees less than before.
func (v *liveViews) takeOver(ctx context.Context, next *generation) (*generation, error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	before := v.now.Load()
	before.pause()
	defer func() { v.again <- struct{}{} }()
	if err := next.projector.CatchUp(ctx, nil); err != nil {
		return nil, err
	}
	next.OnApplied(v.applied)
	v.applied(next.Applied())
	v.now.Store(next)
	before.retire()
	return before, nil
}

// Blob implements decider.Views.
func (v *liveViews) Blob(alias domain.Alias) ([]byte, *feature.Layout, bool) {
	return v.now.Load().Blob(alias)
}

// Applied implements decider.Views.
func (v *liveViews) Applied() domain.Cut { return v.now.Load().Applied() }

// WaitFor implements decider.Views.
func (v *liveViews) WaitFor(ctx context.Context, place domain.Place) error {
	for {
		g := v.now.Load()
		waiting, cancel := context.WithCancelCause(ctx)
		release := context.AfterFunc(g.retired, func() { cancel(nil) })
		err := g.WaitFor(waiting, place)
		release()
		cancel(nil)
		if err == nil || ctx.Err() != nil || g.retired.Err() == nil {
			return err
		}
	}
}

// Serves says whether a feature view can be read now.
func (v *liveViews) Serves(view feature.View) bool { return v.now.Load().Layout().Serves(view) }

// Len is how many aliases have a view.
func (v *liveViews) Len() int { return v.now.Load().Len() }

// Range yields every alias with its view.
func (v *liveViews) Range(yield func(domain.Alias, []byte) bool) { v.now.Load().Range(yield) }

// Aliases yields every alias.
func (v *liveViews) Aliases(yield func(domain.Alias) bool) {
	v.now.Load().Range(func(a domain.Alias, _ []byte) bool { return yield(a) })
}

// Flush returns when the views are durable.
func (v *liveViews) Flush(ctx context.Context) error { return v.now.Load().Flush(ctx) }

// Close writes what is not written yet.
func (v *liveViews) Close(ctx context.Context) error {
	if g := v.now.Load(); g != nil {
		return g.Views.Close(ctx)
	}
	return nil
}

// Trouble is why the live views are folded no further for now; nil when they are.
func (v *liveViews) Trouble() error { return v.now.Load().projector.Trouble() }

// Lag is how many messages of the log the live views lack.
func (v *liveViews) Lag(ctx context.Context) (uint64, error) { return v.now.Load().projector.Lag(ctx) }

// Digest hashes every view at a cut. What views were asked for since the start, beyond those that POLICY wants, is no function
// of the log: they go first.
func (v *liveViews) Digest(ctx context.Context) (domain.Cut, domain.Hash, error) {
	for {
		v.forgetAnswered()
		cut, digest, other, err := v.digest(ctx)
		if other == nil {
			return cut, digest, err
		}
		if !v.another(ctx, other) {
			return cut, digest, fmt.Errorf("fold what POLICY wants: %w", context.Cause(ctx))
		}
	}
}

// forgetAnswered forgets the views that were asked for and can be read.
func (v *liveViews) forgetAnswered() {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.asked, func(_ string, view feature.View) bool { return v.Serves(view) })
}

// digest hashes the live views, or returns the generation that must go before, as it has another layout than POLICY wants.
func (v *liveViews) digest(ctx context.Context) (cut domain.Cut, digest domain.Hash, other *generation, err error) {
	v.turn.Lock()
	defer v.turn.Unlock()
	g := v.now.Load()
	if g.Layout().Digest() != v.policies.Wanted().Digest() {
		return cut, digest, g, nil
	}
	cut, digest, err = g.projector.Digest(ctx, g)
	return cut, digest, nil, err
}

// Rebuild folds everything anew.
func (v *liveViews) Rebuild(ctx context.Context, progress func(done, total uint64)) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	return v.now.Load().projector.Rebuild(ctx, progress)
}
