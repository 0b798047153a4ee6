package natskv

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// countersBucket holds numbers that are no function of the log, such as how many duplicates were refused.
const countersBucket = "counters"

// Counters keeps named numbers. They are as durable as the log: an acknowledged Store survives a power cut. Each
// name has one writer.
type Counters struct{ kv jetstream.KeyValue }

// OpenCounters opens or makes the bucket.
func OpenCounters(ctx context.Context, nc *nats.Conn, replicas int) (*Counters, error) {
	kv, _, err := openKeyValue(ctx, nc, countersBucket, replicas, false)
	if err != nil {
		return nil, err
	}
	return &Counters{kv: kv}, nil
}

// Load is the number last stored under a name; 0 when there is none. A name is made of letters, digits and '_'.
func (c *Counters) Load(ctx context.Context, name string) (uint64, error) {
	entry, err := c.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("natskv: load counter %s: %w", name, unavailable(err))
	}
	value, err := strconv.ParseUint(string(entry.Value()), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("natskv: load counter %s: %w", name, err)
	}
	return value, nil
}

// Store replaces the number under a name.
func (c *Counters) Store(ctx context.Context, name string, value uint64) error {
	if _, err := c.kv.Put(ctx, name, strconv.AppendUint(nil, value, 10)); err != nil {
		return fmt.Errorf("natskv: store counter %s: %w", name, unavailable(err))
	}
	return nil
}
