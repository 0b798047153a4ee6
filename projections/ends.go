package projections

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// ends is the last sequence of each of the streams now; others are 0.
func ends(ctx context.Context, source Source, streams []domain.Stream) (domain.Cut, error) {
	var targets domain.Cut
	for _, s := range streams {
		last, err := source.Last(ctx, s)
		if err != nil {
			return targets, fmt.Errorf("projections: the end of %v: %w", s, err)
		}
		targets[s] = last
	}
	return targets, nil
}

func distance(from, to domain.Cut) (messages uint64) {
	for s := range to {
		messages += to[s] - min(to[s], from[s])
	}
	return messages
}

// endLost fails with domain.ErrEndLost when a stream ends before the place up to which it was folded. The ends must have been
// asked for after the folded cut was known: then they can only be further.
func endLost(folded, ends domain.Cut) error {
	for _, s := range domain.AllStreams() {
		if ends[s] < folded[s] {
			return fmt.Errorf("%w: %v was folded up to %d and ends at %d", domain.ErrEndLost, s, folded[s], ends[s])
		}
	}
	return nil
}
