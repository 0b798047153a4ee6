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

// Counts keeps projections.Counts as one value: what a crash loses of it, its cut included, is counted again.
type Counts struct{ kv jetstream.KeyValue }

// OpenCounts opens or makes the bucket.
func OpenCounts(ctx context.Context, nc *nats.Conn, replicas int) (*Counts, error) {
	kv, _, err := openKeyValue(ctx, nc, stateBucket, replicas, true)
	if err != nil {
		return nil, err
	}
	return &Counts{kv: kv}, nil
}

// LoadCounts implements projections.CountStore.
func (c *Counts) LoadCounts(ctx context.Context) (projections.Counts, error) {
	var counts projections.Counts
	entry, err := c.kv.Get(ctx, countsKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return counts, nil
	}
	if err != nil {
		return counts, fmt.Errorf("natskv: load counts: %w", unavailable(err))
	}
	if err := json.Unmarshal(entry.Value(), &counts); err != nil {
		return counts, fmt.Errorf("natskv: load counts: %w", err)
	}
	return counts, nil
}

// StoreCounts implements projections.CountStore.
func (c *Counts) StoreCounts(ctx context.Context, counts projections.Counts) error {
	value, err := json.Marshal(counts)
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
