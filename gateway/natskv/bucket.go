package natskv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrBucketDiffers: a bucket of this name exists with another configuration. It is never changed silently: delete and
// rebuild it, or start with the options it was made with.
var ErrBucketDiffers = errors.New("natskv: the bucket exists with another configuration")

// bucketStream is the stream behind a key-value bucket.
func bucketStream(bucket string) string { return "KV_" + bucket }

// bucketName is the bucket of a stream, also of one that holds objects.
func bucketName(stream string) string {
	return strings.TrimPrefix(strings.TrimPrefix(stream, "OBJ_"), "KV_")
}

// bucketPrefix is what the subject of a bucket's key begins with.
func bucketPrefix(bucket string) string { return "$KV." + bucket + "." }

// bucketConfig is the configuration of a bucket with history 1. jetstream.KeyValueConfig cannot say how writes
// persist, therefore the stream is made by hand, exactly as a bucket's.
//
// AllowDirect is off: reads go to the leader, so that what was written is read, also by another process. (A stale
// answer would have the vault draw a second alias.)
//
// A rebuildable bucket on one node is written behind (PersistMode async): 40 times the puts of one that syncs each,
// and what a crash loses is folded again. A replicated bucket cannot be: its Raft log commits in groups instead.
func bucketConfig(bucket string, replicas int, rebuildable bool) jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name:              bucketStream(bucket),
		Subjects:          []string{bucketPrefix(bucket) + ">"},
		Storage:           jetstream.FileStorage,
		Replicas:          max(replicas, 1),
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		Discard:           jetstream.DiscardNew,
		AllowRollup:       true,
		DenyDelete:        true,
		Duplicates:        2 * time.Minute,
	}
	if rebuildable && config.Replicas == 1 {
		config.PersistMode = jetstream.AsyncPersistMode
	}
	return config
}

// openBucket makes the bucket or checks that it is as it should be.
func openBucket(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = createStream(ctx, js, want)
	}
	if err != nil {
		return nil, fmt.Errorf("natskv: open bucket %s: %w", bucketName(want.Name), err)
	}
	return stream, sameBucket(want, stream.CachedInfo().Config)
}

// codeNoPeers is the answer of a cluster that knows too few of its servers, and peersWithin how long it may.
const (
	codeNoPeers jetstream.ErrorCode = 10005
	peersWithin                     = 10 * time.Second
)

// createStream waits while a cluster that starts does not know its servers yet.
func createStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	for until := time.Now().Add(peersWithin); ; {
		stream, err := js.CreateStream(ctx, want)
		refusal, refused := errors.AsType[*jetstream.APIError](err)
		if !refused || refusal.ErrorCode != codeNoPeers || time.Now().After(until) {
			return stream, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func sameBucket(want, have jetstream.StreamConfig) error {
	for _, field := range []struct {
		name       string
		want, have any
	}{
		{"replicas", want.Replicas, have.Replicas},
		{"persist mode", want.PersistMode, have.PersistMode},
		{"history", want.MaxMsgsPerSubject, have.MaxMsgsPerSubject},
		{"storage", want.Storage, have.Storage},
		{"subjects", strings.Join(want.Subjects, " "), strings.Join(have.Subjects, " ")},
	} {
		if field.want != field.have {
			return fmt.Errorf("%w: %s: %s is %v, not %v", ErrBucketDiffers, bucketName(want.Name),
				field.name, field.have, field.want)
		}
	}
	return nil
}
