package natskv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// modelsBucket holds the bytes of models, each under its digest.
const modelsBucket = "models"

// maxModelBytes bounds what is kept and what is read back.
const maxModelBytes = 64 << 20

// modelPatience bounds one reading or writing of a model: an object whose pieces are lost would be awaited for ever.
const modelPatience = 60 * time.Second

// Models keeps the bytes of models in an object store, under the digests by which the log names them. They are as
// durable as the log, and never deleted: decisions replay with them for ever.
type Models struct{ objects jetstream.ObjectStore }

// OpenModels opens or makes the bucket.
func OpenModels(ctx context.Context, nc *nats.Conn, replicas int) (*Models, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("natskv: open the models: %w", err)
	}
	objects, err := js.ObjectStore(ctx, modelsBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		objects, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: modelsBucket, Description: "models by the SHA-256 of their bytes", Storage: jetstream.FileStorage, Replicas: max(replicas, 1),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("natskv: open the models: %w", unavailable(err))
	}
	return &Models{objects: objects}, nil
}

// Put makes the bytes durable under their SHA-256; bytes that are there already are not written again. It fails with
// domain.ErrTooLarge or domain.ErrUnavailable.
func (m *Models) Put(ctx context.Context, data []byte) (domain.Hash, error) {
	digest := domain.Hash(sha256.Sum256(data))
	if len(data) > maxModelBytes {
		return digest, fmt.Errorf("natskv: keep a model: %w", domain.ErrTooLarge)
	}
	if _, known, err := m.Get(ctx, digest); err != nil || known {
		return digest, err
	}
	ctx, cancel := context.WithTimeout(ctx, modelPatience)
	defer cancel()
	if _, err := m.objects.PutBytes(ctx, digest.String(), data); err != nil {
		return digest, fmt.Errorf("natskv: keep the model %s: %w", digest, unavailable(err))
	}
	return digest, nil
}

// Get is the bytes whose SHA-256 is the digest; false when there are none, or damaged ones. It fails with
// domain.ErrUnavailable.
func (m *Models) Get(ctx context.Context, digest domain.Hash) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, modelPatience)
	defer cancel()
	info, err := m.objects.GetInfo(ctx, digest.String())
	if errors.Is(err, jetstream.ErrObjectNotFound) || err == nil && info.Size > maxModelBytes {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("natskv: find the model %s: %w", digest, unavailable(err))
	}
	data, err := m.objects.GetBytes(ctx, digest.String())
	if errors.Is(err, jetstream.ErrDigestMismatch) || errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("natskv: read the model %s: %w", digest, unavailable(err))
	}
	return data, domain.Hash(sha256.Sum256(data)) == digest, nil
}
