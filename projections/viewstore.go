package projections

import (
	"context"

	"github.com/profferhq/proffer/domain"
)

// View is the encoded activity of one alias. Whoever stores it keeps the bytes and nobody changes them any more.
type View struct {
	Alias domain.Alias
	Blob  []byte
}

// Batch is what a projector has folded since its last Store: the newest view of every alias touched, once each, and
// the cut that the store's content then stands at.
type Batch struct {
	Views []View
	Cut   domain.Cut
	// More says that the next batch follows at once (catching up, rebuilding): making this one durable may be put off,
	// so that an alias is written once for many batches.
	More bool
}

// ViewStore keeps the newest view of every alias. One projector at a time writes it, one batch at a time; it calls View, of
// aliases that are not in the batch, also while one is being stored.
type ViewStore interface {
	// View is the newest blob stored for an alias, nil and false when there is none. Nobody changes the bytes.
	View(alias domain.Alias) ([]byte, bool)
	// Store takes a batch. On return its views are what View gives and readers see, and then its cut is. It is made
	// durable in the background, in order: the checkpoint only after every view up to it. Store waits when too much is
	// not yet durable. It fails with the context's end, or for good once durability has failed for good.
	Store(ctx context.Context, batch Batch) error
	// Checkpoint is the cut to go on after: what is stored holds every event up to it, and perhaps later ones. It is
	// the zero Cut when there is nothing, or nothing that can be trusted.
	Checkpoint(ctx context.Context) (domain.Cut, error)
	// Clear begins anew: View finds nothing and Checkpoint is zero. Readers keep seeing the state before until a batch
	// without More has reached the cut they know.
	Clear(ctx context.Context) error
}
