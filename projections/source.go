package projections

import (
	"context"
	"iter"

	"github.com/profferhq/proffer/domain"
)

// Source is what projections need of the log.
type Source interface {
	// Read yields the envelopes of a stream with sequences from..to, both included, in order, and ends. An error ends
	// it: domain.ErrUnavailable when the log cannot be reached, domain.ErrEnvelopeCorrupt or domain.ErrChainBroken
	// when the log is damaged.
	Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error]
	// Follow yields the envelopes of a stream from a sequence on, waiting for new ones, until the context ends. It
	// ends with the errors of Read; the end of the context is no error.
	Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error]
	// Last is the last sequence of a stream; 0 when nothing was ever appended to it.
	Last(ctx context.Context, stream domain.Stream) (uint64, error)
}
