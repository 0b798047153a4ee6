package importer

import (
	"context"
	"errors"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Sink takes the items of an import.
type Sink interface {
	// Send hands over the next items of a source and waits until each is durable or refused. It is called by one
	// goroutine at a time, with increasing source_seq within a source, and answers with one verdict an item, in
	// order. An error ends the import; running it again is safe, because the items are the same.
	Send(ctx context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error)
}

// ErrVerdicts: a sink answered with another number of verdicts than it got items.
var ErrVerdicts = errors.New("importer: the verdicts do not match the items")
