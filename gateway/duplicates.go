package gateway

import (
	"context"
	"time"
)

// duplicatesCounter is the name under which the count of duplicates survives a restart.
const duplicatesCounter = "duplicates"

// keepDuplicates stores the count when it has moved, now and then and at the end: it is a figure for people.
func (n *Node) keepDuplicates(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	stored := n.parts.ingest.Duplicates()
	store := func(ctx context.Context) {
		if now := n.parts.ingest.Duplicates(); now != stored {
			if err := n.parts.counters.Store(ctx, duplicatesCounter, now); err == nil {
				stored = now
			}
		}
	}
	for {
		select {
		case <-tick.C:
			store(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			store(last)
			return nil
		}
	}
}
