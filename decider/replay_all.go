package decider

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// Tally is how a replay of the whole log stands.
type Tally struct {
	// Replayed is how many decisions were made again: Identical + Different.
	Replayed, Identical, Different uint64
	// External decisions were made by other systems: they are counted, never made again.
	External uint64
	// Total is how many decisions there are, of both kinds, as far as that is known.
	Total uint64
	// Differing are the first decisions that differ, at most maxDiffering.
	Differing []Replayed
}

// maxDiffering is how many differing decisions a tally lists.
const maxDiffering = 100

// progressEvery is how many decisions pass between two reports.
const progressEvery = 1000

// AllOptions say how to replay the log.
type AllOptions struct {
	// RecordsOnly leaves the raw events out.
	RecordsOnly bool
	// Progress is called now and then, when it is given; the tally is a copy.
	Progress func(Tally)
}

// All replays every decision up to the log's present end. Policies must be loaded. From the events it holds the
// events of all people decided about in memory: about their size in the log.
func (r *Replayer) All(ctx context.Context, o AllOptions) (Tally, error) {
	var tally Tally
	ends, err := endsOf(ctx, r.source)
	if err != nil {
		return tally, fmt.Errorf("decider: replay all: %w", err)
	}
	report := func() {
		if o.Progress != nil {
			o.Progress(tally)
		}
	}
	var h *history
	if !o.RecordsOnly {
		if h, err = readPast(ctx, r.source, ends[domain.Identity], r.policies); err != nil {
			return tally, fmt.Errorf("decider: replay all: %w", err)
		}
		for l, err := range r.decisions(ctx, 1, ends[domain.Decision]) {
			if err != nil {
				return tally, fmt.Errorf("decider: replay all: %w", err)
			}
			tally.Total++
			if !l.Record.GetExternal() {
				h.wantDecision(l.Record)
			}
		}
		report()
		if err = h.readEvents(ctx, r.source, ends); err != nil {
			return tally, fmt.Errorf("decider: replay all: %w", err)
		}
	}
	for l, err := range r.decisions(ctx, 1, ends[domain.Decision]) {
		if err != nil {
			return tally, fmt.Errorf("decider: replay all: %w", err)
		}
		out, err := r.replay(ctx, l, h)
		if err != nil {
			return tally, fmt.Errorf("decider: replay all: %w", err)
		}
		if tally.add(out); (tally.Replayed+tally.External)%progressEvery == 0 {
			report()
		}
	}
	tally.Total = tally.Replayed + tally.External
	report()
	return tally, nil
}

func (t *Tally) add(r Replayed) {
	switch {
	case r.External:
		t.External++
		return
	case r.Identical():
		t.Identical++
	default:
		t.Different++
		if len(t.Differing) < maxDiffering {
			t.Differing = append(t.Differing, r)
		}
	}
	t.Replayed++
}
