package projections

import (
	"context"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// storing is a batch that is encoded and stored while the next one is folded.
type storing struct {
	folding map[domain.Alias]*folding
	order   []*folding
	done    chan error
}

// storeBehind begins the next batch while the batch is encoded and stored in a goroutine of its own, after the one before.
// The alias folded into last goes on in the next: its events stand together.
func (b *viewsBatch) storeBehind(ctx context.Context, stored func(domain.Cut)) error {
	if err := b.settle(); err != nil {
		return err
	}
	last, cut := b.last, b.cut
	views := encodeSome([]*folding{last})
	last.changed = false
	delete(b.folding, last.alias)
	others := slices.DeleteFunc(b.order, func(f *folding) bool { return f == last })
	b.storing = &storing{folding: b.folding, order: others, done: make(chan error, 1)}
	b.adapt()
	b.folding, b.order = map[domain.Alias]*folding{last.alias: last}, []*folding{last}
	b.weight, b.returned = activityWeight, 0
	go func(done chan<- error) {
		err := storeViews(ctx, b.store, Batch{Cut: cut, More: true, Views: append(encodeChanged(others), views...)})
		if err == nil {
			stored(cut)
		}
		done <- err
	}(b.storing.done)
	return nil
}

// settle waits until the batch before is stored.
func (b *viewsBatch) settle() error {
	if b.storing == nil {
		return nil
	}
	err := <-b.storing.done
	b.spare = append(b.spare, b.storing.order...)
	b.storing = nil
	return err
}

// settled waits for the batch before when it has the alias, whose view is then stored.
func (b *viewsBatch) settled(a domain.Alias) error {
	if b.storing == nil || b.storing.folding[a] == nil {
		return nil
	}
	return b.settle()
}
