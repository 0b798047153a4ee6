package natskv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/projections"
)

const (
	// stateBucket holds small values that can be folded again from the log.
	stateBucket = "state"
	countsKey   = "counts"
)

var _ projections.CountStore = (*Counts)(nil)

// CountsOptions says how counts are kept.
type CountsOptions struct {
	// Replicas of the bucket; 0 is 1.
	Replicas int
	// Incarnation names the run of the operating system, see Incarnation, for a log that may lose its tail in a power
	// cut. Counts of another one are counted again: they may hold what the log has lost. Empty when that cannot happen.
	Incarnation string
}

// Counts keeps projections.Counts as one value: what a crash loses of it, its cut included, is counted again. So is a
// value that the disk has changed: the server checks it and says that there is none.
type Counts struct {
	kv          jetstream.KeyValue
	stream      jetstream.Stream
	incarnation string
}

// storedCounts is the value in the bucket.
type storedCounts struct {
	projections.Counts
	Incarnation string `json:"incarnation,omitempty"`
}

// OpenCounts opens or makes the bucket.
func OpenCounts(ctx context.Context, nc *nats.Conn, o CountsOptions) (*Counts, error) {
	kv, stream, err := openKeyValue(ctx, nc, stateBucket, o.Replicas, true)
	if err != nil {
		return nil, err
	}
	return &Counts{kv: kv, stream: stream, incarnation: o.Incarnation}, nil
}

// LoadCounts implements projections.CountStore.
func (c *Counts) LoadCounts(ctx context.Context) (projections.Counts, error) {
	entry, err := c.kv.Get(ctx, countsKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		// The server stores nothing beside a damaged value.
		if err := c.stream.Purge(ctx); err != nil {
			return projections.Counts{}, fmt.Errorf("natskv: clear the counts: %w", unavailable(err))
		}
		return projections.Counts{}, nil
	}
	if err != nil {
		return projections.Counts{}, fmt.Errorf("natskv: load counts: %w", unavailable(err))
	}
	var stored storedCounts
	if err := json.Unmarshal(entry.Value(), &stored); err != nil {
		return projections.Counts{}, fmt.Errorf("natskv: load counts: %w", err)
	}
	if stored.Incarnation != c.incarnation {
		return projections.Counts{}, nil
	}
	return stored.Counts, nil
}

// StoreCounts implements projections.CountStore.
func (c *Counts) StoreCounts(ctx context.Context, counts projections.Counts) error {
	value, err := json.Marshal(storedCounts{counts, c.incarnation})
	if err != nil {
		return fmt.Errorf("natskv: store counts: %w", err)
	}
	if _, err := c.kv.Put(ctx, countsKey, value); err != nil {
		return fmt.Errorf("natskv: store counts: %w", unavailable(err))
	}
	return nil
}

// openKeyValue opens a bucket for single values through the client's own interface, and the stream behind it.
func openKeyValue(ctx context.Context, nc *nats.Conn, bucket string, replicas int, rebuildable bool) (jetstream.KeyValue, jetstream.Stream, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, nil, fmt.Errorf("natskv: open bucket %s: %w", bucket, err)
	}
	stream, err := openBucket(ctx, js, bucketConfig(bucket, replicas, rebuildable))
	if err != nil {
		return nil, nil, err
	}
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, nil, fmt.Errorf("natskv: open bucket %s: %w", bucket, err)
	}
	return kv, stream, nil
}
