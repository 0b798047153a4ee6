package natskv

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/gateway/lease"
)

// leasesBucket holds who does the work of which a cluster does each piece once: a key a piece.
const leasesBucket = "leases"

var _ lease.Store = (*Leases)(nil)

// Leases keeps leases. What a crash loses of them ends by itself.
type Leases struct{ kv jetstream.KeyValue }

// OpenLeases opens or makes the bucket.
func OpenLeases(ctx context.Context, nc *nats.Conn, replicas int) (*Leases, error) {
	kv, _, err := openKeyValue(ctx, nc, leasesBucket, replicas, true)
	if err != nil {
		return nil, err
	}
	return &Leases{kv: kv}, nil
}

// Load implements lease.Store.
func (l *Leases) Load(ctx context.Context, work string) (string, uint64, error) {
	entry, err := l.kv.Get(ctx, work)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("natskv: load the lease of %s: %w", work, unavailable(err))
	}
	return string(entry.Value()), entry.Revision(), nil
}

// Store implements lease.Store.
func (l *Leases) Store(ctx context.Context, work, holder string, revision uint64) (uint64, error) {
	next, err := l.kv.Update(ctx, work, []byte(holder), revision)
	if isConflict(err) || errors.Is(err, jetstream.ErrKeyExists) {
		return 0, fmt.Errorf("natskv: store the lease of %s: %w", work, lease.ErrTaken)
	}
	if err != nil {
		return 0, fmt.Errorf("natskv: store the lease of %s: %w", work, unavailable(err))
	}
	return next, nil
}
