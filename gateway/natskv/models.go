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

// modelPatience bounds one reading or writing of a model.
const modelPatience = 60 * time.Second

// Models keeps the bytes of models in an object store, under the digests by which the log names them. They are as
// durable as the log, and never deleted: decisions replay with them for ever. What one server has put every server gets:
// all is read from the stream's leader, as a replica may lag behind it.
type Models struct {
	objects jetstream.ObjectStore
	stream  jetstream.Stream
}

// OpenModels opens or makes the bucket. It fails with ErrBucketDiffers.
func OpenModels(ctx context.Context, nc *nats.Conn, replicas int) (*Models, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("natskv: open the models: %w", err)
	}
	stream, err := openBucket(ctx, js, modelsConfig(replicas))
	if err != nil {
		return nil, unavailable(err)
	}
	objects, err := js.ObjectStore(ctx, modelsBucket)
	if err != nil {
		return nil, fmt.Errorf("natskv: open the models: %w", unavailable(err))
	}
	return &Models{objects: objects, stream: stream}, nil
}

// Subjects of an object store: each piece of an object under the object's own subject, and what is known of objects.
const (
	modelPieces = "$O." + modelsBucket + ".C."
	modelsInfo  = "$O." + modelsBucket + ".M."
)

// modelsConfig is the configuration of an object store, but for AllowDirect, by which replicas would answer.
func modelsConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "OBJ_" + modelsBucket, Description: "models by the SHA-256 of their bytes",
		Subjects: []string{modelPieces + ">", modelsInfo + ">"}, Storage: jetstream.FileStorage, Replicas: max(replicas, 1),
		MaxMsgsPerSubject: -1, MaxBytes: -1, Discard: jetstream.DiscardNew, AllowRollup: true,
	}
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
	data, err := m.pieces(ctx, info)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("natskv: read the model %s: %w", digest, unavailable(err))
	}
	return data, domain.Hash(sha256.Sum256(data)) == digest, nil
}

// pieces reads an object. It fails with jetstream.ErrMsgNotFound when pieces of it are lost.
func (m *Models) pieces(ctx context.Context, info *jetstream.ObjectInfo) ([]byte, error) {
	data := make([]byte, 0, info.Size)
	var last uint64
	for range info.Chunks {
		piece, err := m.stream.GetMsg(ctx, last+1, jetstream.WithGetMsgSubject(modelPieces+info.NUID))
		if err != nil {
			return nil, err
		}
		data, last = append(data, piece.Data...), piece.Sequence
	}
	return data, nil
}
