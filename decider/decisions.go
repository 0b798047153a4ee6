package decider

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Logged is a decision as it stands in the log.
type Logged struct {
	Record *event.Decision
	At     domain.Position
	Lane   domain.Lane
}

// At reads the decision at a position of DECISION. It fails with ErrNotFound.
func (r *Replayer) At(ctx context.Context, at domain.Position) (Logged, error) {
	last, err := r.source.Last(ctx, domain.Decision)
	if err != nil {
		return Logged{}, fmt.Errorf("decider: find the decision: %w", err)
	}
	if at.Sequence == 0 || at.Sequence > last {
		return Logged{}, fmt.Errorf("%w: no decision stands there", ErrNotFound)
	}
	for l, err := range r.decisions(ctx, at.Sequence, at.Sequence) {
		if err != nil {
			return Logged{}, fmt.Errorf("decider: find the decision: %w", err)
		}
		if l.At == at {
			return l, nil
		}
	}
	return Logged{}, fmt.Errorf("%w: no decision stands there", ErrNotFound)
}

// Find looks for a decision by its id, from the log's end backwards. It fails with ErrNotFound.
func (r *Replayer) Find(ctx context.Context, id domain.Alias) (Logged, error) {
	last, err := r.source.Last(ctx, domain.Decision)
	if err != nil {
		return Logged{}, fmt.Errorf("decider: find the decision: %w", err)
	}
	for l, err := range r.backwards(ctx, last) {
		if err != nil {
			return Logged{}, fmt.Errorf("decider: find the decision: %w", err)
		}
		if string(l.Record.GetId()) == string(id[:]) {
			return l, nil
		}
	}
	return Logged{}, fmt.Errorf("%w: no decision has this id", ErrNotFound)
}

// decisions yields the decisions of a part of DECISION in order.
func (r *Replayer) decisions(ctx context.Context, from, to uint64) iter.Seq2[Logged, error] {
	return func(yield func(Logged, error) bool) {
		if to == 0 {
			return
		}
		for envelope, err := range r.source.Read(ctx, domain.Decision, from, to) {
			if err != nil {
				yield(Logged{}, err)
				return
			}
			events, err := envelope.Recorded()
			if err != nil {
				yield(Logged{}, err)
				return
			}
			for _, e := range events {
				record := e.Event.GetDecision()
				if record != nil && !yield(Logged{Record: record, At: e.At, Lane: envelope.Lane}, nil) {
					return
				}
			}
		}
	}
}

// backwardsStep is how many entries of DECISION are read at a time, and held, on the way back.
const backwardsStep = 500

// backwards yields the decisions up to an entry of DECISION, the newest first.
func (r *Replayer) backwards(ctx context.Context, last uint64) iter.Seq2[Logged, error] {
	return func(yield func(Logged, error) bool) {
		for to := last; to > 0; to -= min(to, backwardsStep) {
			var part []Logged
			for l, err := range r.decisions(ctx, to-min(to, backwardsStep)+1, to) {
				if err != nil {
					yield(Logged{}, err)
					return
				}
				part = append(part, l)
			}
			for _, l := range slices.Backward(part) {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}
