package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// TablesOptions tune a TablesProjector; every zero value has a default.
type TablesOptions struct {
	// BatchEvents is how many events one transaction takes at most, give or take an envelope: 5,000.
	BatchEvents int
	// RebuildEvents is the same while rebuilding: 50,000. Larger batches write each alias less often.
	RebuildEvents int
	// RetryFirst and RetryMost are the pauses after a failure, doubling from the first to the most: 100 ms and 5 s.
	RetryFirst, RetryMost time.Duration
	// Log takes one line when the store goes away and one when it is back. Default: discarded.
	Log *slog.Logger
}

// Defaults of TablesOptions.
const (
	DefaultBatchEvents   = 5_000
	DefaultRebuildEvents = 50_000
	DefaultRetryFirst    = 100 * time.Millisecond
	DefaultRetryMost     = 5 * time.Second
)

// TablesProjector keeps the analysts' tables: it follows every stream, turns events into rows and applies them in
// batches, each exactly once, however often the store, the log or this process goes away in between. A batch is
// whatever has arrived while the one before it was being applied, so an idle projector applies an event at once and a
// late one in large transactions.
type TablesProjector struct {
	source  Source
	store   Tables
	options TablesOptions
	turn    *turn

	applied *reachedCut
	trouble atomic.Pointer[error]
	// ahead is why the tables cannot go on from where they are; whoever has the turn may read and change it.
	ahead error
}

// NewTablesProjector makes a projector; Run starts it.
func NewTablesProjector(source Source, store Tables, options TablesOptions) *TablesProjector {
	if options.BatchEvents <= 0 {
		options.BatchEvents = DefaultBatchEvents
	}
	if options.RebuildEvents <= 0 {
		options.RebuildEvents = DefaultRebuildEvents
	}
	if options.RetryFirst <= 0 {
		options.RetryFirst = DefaultRetryFirst
	}
	if options.RetryMost <= 0 {
		options.RetryMost = DefaultRetryMost
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &TablesProjector{source: source, store: store, options: options, turn: newTurn(), applied: newReachedCut()}
}

// Run projects until the context ends, which is no error. While the store or the log is away it tries again with
// growing pauses and loses nothing. Tables that are ahead of the log, of which an older copy was restored perhaps, stand
// still until Rebuild (see Trouble). It gives up with ErrAnotherOwner when somebody else writes the tables, and with
// domain.ErrEnvelopeCorrupt or domain.ErrChainBroken when the log is damaged: rows after a damage would be wrong.
func (p *TablesProjector) Run(ctx context.Context) error {
	pause := p.options.RetryFirst
	for {
		before := p.Applied()
		err := p.takeTurn(ctx, false, p.follow)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrAnotherOwner), errors.Is(err, domain.ErrEnvelopeCorrupt), errors.Is(err, domain.ErrChainBroken):
			return err
		case errors.Is(err, context.Canceled): // a rebuild goes first
			continue
		}
		if p.Applied() != before {
			pause = p.options.RetryFirst
		}
		if err != nil {
			p.applied.fail(err)
			if p.trouble.Swap(&err) == nil {
				p.options.Log.Warn("the tables stand still: trying again", "error", err)
			}
		}
		if !wait(ctx, pause) {
			return nil
		}
		pause = min(2*pause, p.options.RetryMost)
	}
}

// Trouble is why Run is waiting to try again; nil when it is not.
func (p *TablesProjector) Trouble() error {
	if err := p.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Applied is the cut the tables are known to stand at.
func (p *TablesProjector) Applied() domain.Cut { return p.applied.load() }

// WaitFor returns when the tables hold everything up to the cut. It fails when the context ends, with its error, and when
// Run fails to project meanwhile, with what it failed of: Run tries again, the caller may.
func (p *TablesProjector) WaitFor(ctx context.Context, cut domain.Cut) error {
	return p.applied.wait(ctx, cut)
}

// Lag is how many envelopes of the log the tables are behind.
func (p *TablesProjector) Lag(ctx context.Context) (uint64, error) {
	last, err := ends(ctx, p.source, domain.AllStreams())
	if err != nil {
		return 0, err
	}
	return distance(p.Applied(), last), nil
}

// Digest is the cut of the tables and a hash of their contents at that cut.
func (p *TablesProjector) Digest(ctx context.Context) (domain.Cut, domain.Hash, error) {
	return p.store.Digest(ctx)
}

// Rebuild drops the contents of the tables and projects the log from its beginning up to its present end, with large
// batches; a projector that runs goes on from there. progress, when not nil, is called after every batch with the
// number of envelopes done and to do. A rebuild that fails half-way leaves a correct prefix, from which Run goes on.
func (p *TablesProjector) Rebuild(ctx context.Context, progress func(done, total uint64)) error {
	return p.takeTurn(ctx, true, func(ctx context.Context) error { return p.rebuild(ctx, progress) })
}

func (p *TablesProjector) rebuild(ctx context.Context, progress func(done, total uint64)) error {
	target, err := ends(ctx, p.source, domain.AllStreams())
	if err != nil {
		return err
	}
	if err := p.store.Clear(ctx); err != nil {
		return fmt.Errorf("drop the contents of the tables: %w", err)
	}
	p.ahead = nil
	p.goesOn()
	p.applied.store(domain.Cut{})
	return p.upTo(ctx, domain.Cut{}, identity.NewGraph(), target, progress)
}

// CatchUp projects what the log holds beyond the tables, up to its present end, and returns: what a command does that
// needs the tables once.
func (p *TablesProjector) CatchUp(ctx context.Context) error {
	return p.takeTurn(ctx, true, func(ctx context.Context) error {
		target, err := ends(ctx, p.source, domain.AllStreams())
		if err != nil {
			return err
		}
		from, graph, err := p.load(ctx)
		if err != nil {
			return err
		}
		return p.upTo(ctx, from, graph, target, nil)
	})
}

// follow projects from the stored checkpoint until something fails.
func (p *TablesProjector) follow(ctx context.Context) error {
	from, graph, err := p.load(ctx)
	if err != nil {
		return err
	}
	read := func(ctx context.Context, s domain.Stream) envelopes { return p.source.Follow(ctx, s, from[s]+1) }
	return p.project(ctx, from, graph, 1, p.options.BatchEvents, read, func(domain.Cut) {})
}

func (p *TablesProjector) upTo(ctx context.Context, from domain.Cut, graph *identity.Graph, target domain.Cut, progress func(done, total uint64)) error {
	read := func(ctx context.Context, s domain.Stream) envelopes {
		if target[s] <= from[s] {
			return func(func(domain.Envelope, error) bool) {}
		}
		return p.source.Read(ctx, s, from[s]+1, target[s])
	}
	total := sum(target)
	return p.project(ctx, from, graph, p.options.RebuildEvents, p.options.RebuildEvents, read, func(at domain.Cut) {
		if progress != nil {
			progress(sum(at), total)
		}
	})
}

// load reads where the tables stand and the identity graph at that cut.
func (p *TablesProjector) load(ctx context.Context) (domain.Cut, *identity.Graph, error) {
	from, err := p.store.Checkpoint(ctx)
	if err != nil {
		return from, nil, fmt.Errorf("read the tables' checkpoint: %w", err)
	}
	if err := p.reached(ctx, from); err != nil {
		return from, nil, err
	}
	graph := identity.NewGraph()
	for r, err := range p.store.Links(ctx) {
		if err != nil {
			return from, nil, fmt.Errorf("read the tables' links: %w", err)
		}
		graph.Apply(r)
	}
	p.applied.store(from)
	p.goesOn()
	return from, graph, nil
}

// reached says whether the log reaches as far as the tables. When it does not, it says so until they are rebuilt, also once
// the log is as long again: it then holds other events.
func (p *TablesProjector) reached(ctx context.Context, from domain.Cut) error {
	if p.ahead != nil {
		return p.ahead
	}
	last, err := ends(ctx, p.source, domain.AllStreams())
	if err != nil {
		return err
	}
	if err := endLost(from, last); err != nil {
		p.ahead = fmt.Errorf("the tables hold what the log does not, rebuild them: %w", err)
	}
	return p.ahead
}

func (p *TablesProjector) goesOn() {
	if p.trouble.Swap(nil) != nil {
		p.options.Log.Info("the tables go on")
	}
}

func sum(cut domain.Cut) uint64 {
	var n uint64
	for _, s := range cut {
		n += s
	}
	return n
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
