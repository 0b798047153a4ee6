package projections

import (
	"context"
	"fmt"
	"iter"

	"github.com/profferhq/proffer/domain"
)

// Behaving reads BEHAVIOUR.
type Behaving interface {
	// Follow yields the envelopes of a stream from a sequence on, waiting for new ones, until the context ends, which is no
	// error.
	Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error]
}

// RememberBehaviour gives each envelope of BEHAVIOUR, from the first on, to all who remember it in memory, until the context
// ends. It fails where the log is damaged or away for good.
func RememberBehaviour(ctx context.Context, log Behaving, apply ...func(domain.Envelope) error) error {
	for e, err := range log.Follow(ctx, domain.Behaviour, 1) {
		if err != nil {
			return fmt.Errorf("projections: remember what people did: %w", err)
		}
		for _, a := range apply {
			if err := a(e); err != nil {
				return fmt.Errorf("projections: remember what people did: %w", err)
			}
		}
	}
	return nil
}
