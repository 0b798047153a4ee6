package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// Counts says how much of what the log holds. It is a fold over all six streams, with the cut that it stands at.
type Counts struct {
	// Cut is the cut up to which every event is counted.
	Cut domain.Cut `json:"cut"`
	// Events is how many events of each type there are, by domain.TypeOf.
	Events map[string]uint64 `json:"events"`
}

// Decisions is how many answers Proffer gave, also those that were nothing.
func (c Counts) Decisions() uint64 { return c.Events["decision"] }

// ExternalDecisions is how many decisions of other systems are recorded.
func (c Counts) ExternalDecisions() uint64 { return c.Events["external_decision"] }

// Outcomes is how many deliveries, exposures, clicks and conversions there are.
func (c Counts) Outcomes() uint64 {
	return c.Events["delivered"] + c.Events["exposed"] + c.Events["clicked"] + c.Events["converted"]
}

// Quarantined is how many refused items wait to be repaired or discarded. Each item is resolved at most once.
func (c Counts) Quarantined() uint64 {
	refused, resolved := c.Events["quarantined"], c.Events["quarantine_resolved"]
	return refused - min(refused, resolved)
}

// Clone is a copy that shares nothing.
func (c Counts) Clone() Counts {
	c.Events = maps.Clone(c.Events)
	return c
}

// CountStore keeps one Counts.
type CountStore interface {
	// LoadCounts is the last Counts stored, or an earlier one after a crash; the zero Counts when there is none.
	LoadCounts(ctx context.Context) (Counts, error)
	// StoreCounts replaces it, cut and counts as one.
	StoreCounts(ctx context.Context, counts Counts) error
}

// countsPause is the least time between two stores; reading Counts never waits for it.
const countsPause = 250 * time.Millisecond

// CountsProjector keeps Counts current.
type CountsProjector struct {
	source   Source
	store    CountStore
	sessions *sessions

	mu     sync.Mutex
	counts Counts
	opened bool
}

// NewCountsProjector counts what a log holds and keeps the result in a store.
func NewCountsProjector(source Source, store CountStore) *CountsProjector {
	return &CountsProjector{source: source, store: store, sessions: newSessions()}
}

// Counts is what has been counted so far.
func (p *CountsProjector) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts.Clone()
}

// Applied is the cut up to which everything has been counted.
func (p *CountsProjector) Applied() domain.Cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts.Cut
}

// Trouble is why Run is waiting to try again; nil when it is not.
func (p *CountsProjector) Trouble() error { return p.sessions.why() }

// Lag is how many messages of the log are not counted yet.
func (p *CountsProjector) Lag(ctx context.Context) (uint64, error) {
	targets, err := ends(ctx, p.source, domain.AllStreams())
	if err != nil {
		return 0, err
	}
	return distance(p.Applied(), targets), nil
}

// Run counts what is in the log and then what arrives until the context ends, which is no error. While the log cannot
// be reached it waits and tries again (see Trouble); every other error ends it.
func (p *CountsProjector) Run(ctx context.Context) error { return p.sessions.run(ctx, p.session) }

func (p *CountsProjector) session(ctx context.Context, caughtUp func()) error {
	if err := p.catchUp(ctx, nil); err != nil {
		return err
	}
	caughtUp()
	return p.follow(ctx)
}

// Resume reads what was counted before. It fails with domain.ErrEndLost when the log ends before that; Rebuild counts what
// is left of it.
func (p *CountsProjector) Resume(ctx context.Context) error {
	return p.sessions.urgently(ctx, func() error {
		_, err := p.resume(ctx)
		return err
	})
}

// CatchUp counts what the log holds at the time of the call and stores it. It fails as Resume does.
func (p *CountsProjector) CatchUp(ctx context.Context, progress Progress) error {
	return p.sessions.urgently(ctx, func() error { return p.catchUp(ctx, progress) })
}

// Rebuild counts the log anew up to what it holds at the time of the call.
func (p *CountsProjector) Rebuild(ctx context.Context, progress Progress) error {
	return p.sessions.urgently(ctx, func() error {
		if err := p.store.StoreCounts(ctx, Counts{}); err != nil {
			return fmt.Errorf("projections: forget the counts: %w", err)
		}
		p.mu.Lock()
		p.counts, p.opened = Counts{Events: map[string]uint64{}}, true
		p.mu.Unlock()
		return p.catchUp(ctx, progress)
	})
}

// Digest counts what the log holds at the time of the call, and hashes the counts at that cut: equal for equal logs.
func (p *CountsProjector) Digest(ctx context.Context) (cut domain.Cut, digest domain.Hash, err error) {
	err = p.sessions.urgently(ctx, func() error {
		if err := p.catchUp(ctx, nil); err != nil {
			return err
		}
		counts := p.Counts()
		cut, digest = counts.Cut, counts.digest()
		return nil
	})
	return cut, digest, err
}

// digest is the SHA-256 over each type, a zero byte and its count in eight, ascending by type.
func (c Counts) digest() domain.Hash {
	h := sha256.New()
	for _, of := range slices.Sorted(maps.Keys(c.Events)) {
		h.Write(append([]byte(of), 0))
		h.Write(binary.BigEndian.AppendUint64(nil, c.Events[of]))
	}
	return domain.Hash(h.Sum(nil))
}

func (p *CountsProjector) catchUp(ctx context.Context, progress Progress) error {
	targets, err := p.resume(ctx)
	if err != nil {
		return err
	}
	begun := p.Applied()
	total := distance(begun, targets)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for m := range between(ctx, p.source, domain.AllStreams(), typeDecoder, begun, targets) {
		if m.err != nil {
			return m.err
		}
		p.count(m)
		if progress != nil {
			progress(distance(begun, p.Applied()), total)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.save(ctx)
}

// resume loads what was stored, and is the log's end.
func (p *CountsProjector) resume(ctx context.Context) (domain.Cut, error) {
	if err := p.load(ctx); err != nil {
		return domain.Cut{}, err
	}
	targets, err := ends(ctx, p.source, domain.AllStreams())
	if err != nil {
		return targets, err
	}
	if err := endLost(p.Applied(), targets); err != nil {
		return targets, fmt.Errorf("projections: resume the counts: %w", err)
	}
	return targets, nil
}

// load loads once what was stored.
func (p *CountsProjector) load(ctx context.Context) error {
	if p.isOpened() {
		return nil
	}
	counts, err := p.store.LoadCounts(ctx)
	if err != nil {
		return fmt.Errorf("projections: resume the counts: %w", err)
	}
	if counts.Events == nil {
		counts = Counts{Events: map[string]uint64{}}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts, p.opened = counts, true
	return nil
}

func (p *CountsProjector) isOpened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// follow counts what arrives and stores it at most every countsPause.
func (p *CountsProjector) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := arriving(ctx, p.source, domain.AllStreams(), typeDecoder, p.Applied())
	pause := time.NewTimer(countsPause)
	defer pause.Stop()
	stored := p.Applied()
	rested := (<-chan time.Time)(nil) // nil while everything is stored
	for {
		select {
		case m := <-arrived.messages:
			if m.err != nil {
				return m.err
			}
			p.count(m)
			arrived.done(m)
			rested = pause.C
		case <-rested:
			if err := p.save(ctx); err != nil {
				return err
			}
			stored, rested = p.Applied(), nil
			pause.Reset(countsPause)
		case <-ctx.Done():
			if stored == p.Applied() {
				return nil
			}
			return p.save(context.WithoutCancel(ctx))
		}
	}
}

func (p *CountsProjector) count(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range m.events {
		p.counts.Events[domain.TypeOf(r.Event)]++
	}
	p.counts.Cut[m.stream] = m.sequence
}

func (p *CountsProjector) save(ctx context.Context) error {
	if err := p.store.StoreCounts(ctx, p.Counts()); err != nil {
		return fmt.Errorf("projections: store the counts: %w", err)
	}
	return nil
}
