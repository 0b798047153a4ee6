package projections

import (
	"context"
	"errors"
	"iter"

	"github.com/profferhq/proffer/domain"
)

// Errors of a store of tables.
var (
	// ErrAnotherOwner: somebody else has applied events after those this projector knows of. Nothing of the batch
	// was written. The projector stops: two that go on would only roll one another back.
	ErrAnotherOwner = errors.New("projections: the tables have another owner")
	// ErrCheckpointLost: the store holds less than this projector has written, as after a crash of a database that
	// commits asynchronously. Nothing of the batch was written; the projector starts again from what is stored.
	ErrCheckpointLost = errors.New("projections: the tables fell back to an earlier checkpoint")
)

// TableBatch is a stretch of the log as rows: everything after From up to To, in every stream.
type TableBatch struct {
	From, To domain.Cut
	Events   int
	Rows     Rows
}

// TableWriter is where rows go.
type TableWriter interface {
	// Apply writes the rows and moves the checkpoint from batch.From to batch.To, all or nothing. It fails with
	// ErrAnotherOwner when the stored checkpoint is beyond batch.From in some stream, with ErrCheckpointLost when it
	// is before it; after any other error whether the batch is in is unknown, and Checkpoint tells.
	Apply(ctx context.Context, batch TableBatch) error
	// Clear drops the contents of every table and puts the checkpoint back to the start of the log.
	Clear(ctx context.Context) error
}

// RowReader is what a batch goes on from.
type RowReader interface {
	// Totals are the stored totals of these aliases; aliases without a row are left out.
	Totals(ctx context.Context, aliases []domain.Alias) (map[domain.Alias]Totals, error)
	// Pairs are the stored rows of these pairs; pairs without a row are left out.
	Pairs(ctx context.Context, pairs []Pair) (map[Pair]PairRow, error)
}

// TableReader is what the projector starts from.
type TableReader interface {
	// Checkpoint is the cut the tables are at; zero when nothing was ever applied.
	Checkpoint(ctx context.Context) (domain.Cut, error)
	// Links yields the links, unlinks and marks in the order of IDENTITY, as far as an identity graph reads them.
	Links(ctx context.Context) iter.Seq2[domain.Recorded, error]
	// Digest is the checkpoint and a hash of the contents, as of one moment. Equal contents have equal digests in
	// one kind of store.
	Digest(ctx context.Context) (domain.Cut, domain.Hash, error)
}

// Tables is the store of the analysts' tables.
type Tables interface {
	TableReader
	RowReader
	TableWriter
}

// CompareCheckpoint compares the checkpoint a store has with the one a batch goes on from, as Apply must.
func CompareCheckpoint(stored, from domain.Cut) error {
	switch {
	case stored == from:
		return nil
	case covers(from, stored):
		return ErrCheckpointLost
	}
	return ErrAnotherOwner
}
