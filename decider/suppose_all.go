package decider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// SupposeOptions say which decisions to make again.
type SupposeOptions struct {
	// Concerns says whether a decision of this alias may come out otherwise; nil is everybody's.
	Concerns func(domain.Alias) bool
	// Most is how many decisions are made again, the newest first; 0 is DefaultSupposed.
	Most int
}

// DefaultSupposed is how many decisions SupposeAll makes again unless told otherwise.
const DefaultSupposed = 1000

// SupposeTally is what another identity would have changed.
type SupposeTally struct {
	// Examined decisions were made again; Different of them gave another answer.
	Examined, Different uint64
	// Differing are the newest of those, newest first, at most maxDiffering.
	Differing []Supposed
	// More: there are older decisions of these people, which were not made again.
	More bool
}

// SupposeAll makes the newest decisions about some people again under another identity, and counts those whose answer
// is another. What they need of the log is read in one scan of each stream, and held in memory. It ends early with
// the context's error. Decisions of other systems, and those whose policy or record cannot be read any more, are
// passed over.
func (r *Replayer) SupposeAll(ctx context.Context, s Supposition, o SupposeOptions) (SupposeTally, error) {
	tally := SupposeTally{}
	found, err := r.newest(ctx, o, &tally)
	if err != nil {
		return tally, fmt.Errorf("decider: suppose another identity: %w", err)
	}
	set, err := r.suppositions(ctx, s, found...)
	if err != nil {
		return tally, fmt.Errorf("decider: suppose another identity: %w", err)
	}
	for _, l := range slices.Backward(found) { // oldest first: then each person's events are folded once
		if err := ctx.Err(); err != nil {
			return tally, fmt.Errorf("decider: suppose another identity: %w", context.Cause(ctx))
		}
		again, err := set.make(ctx, r, l)
		if passedOver(err) {
			continue
		}
		if err != nil {
			return tally, fmt.Errorf("decider: suppose another identity: %w", err)
		}
		tally.add(again)
	}
	slices.Reverse(tally.Differing)
	return tally, nil
}

func (t *SupposeTally) add(s Supposed) {
	t.Examined++
	if !s.Different() {
		return
	}
	t.Different++
	if t.Differing = append(t.Differing, s); len(t.Differing) > maxDiffering {
		t.Differing = slices.Delete(t.Differing, 0, 1)
	}
}

// newest are the newest decisions that concern the supposition, the newest first.
func (r *Replayer) newest(ctx context.Context, o SupposeOptions, tally *SupposeTally) ([]Logged, error) {
	most := o.Most
	if most <= 0 {
		most = DefaultSupposed
	}
	last, err := r.source.Last(ctx, domain.Decision)
	if err != nil {
		return nil, fmt.Errorf("find the end of %s: %w", domain.Decision, err)
	}
	var found []Logged
	for l, err := range r.backwards(ctx, last) {
		if err != nil {
			return nil, err
		}
		if l.Record.GetExternal() || !o.concerns(l) {
			continue
		}
		if len(found) == most {
			tally.More = true
			break
		}
		found = append(found, l)
	}
	return found, nil
}

func (o SupposeOptions) concerns(l Logged) bool {
	return o.Concerns == nil || slices.ContainsFunc(aliasesOf(l.Record), o.Concerns)
}

// passedOver says whether an error concerns one decision only.
func passedOver(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrRecord) ||
		errors.Is(err, ErrUnknownPlacement) || errors.Is(err, ErrPolicyUnusable)
}
