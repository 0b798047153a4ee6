package natslog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// DefaultLanes is how many lanes a new log has when nothing else is said. On one node with every write synced the
// lanes of a stream queue for the same lock and the same disk, so that one that batches is fastest. BenchmarkLanes on
// two cores: 1 lane 14,000 events/s with 42 an envelope, 2 lanes 8,000 to 10,000 with 24; and a decision costs a fifth
// more of the cores with 2. A log that is to be shared by several nodes is made with more.
const DefaultLanes = 1

// dedupeWindow is how long the server remembers message ids: longer than any retry of an append lasts.
const dedupeWindow = 2 * time.Minute

// lanesKey is the stream metadata that holds the log's lane count.
const lanesKey = "proffer_lanes"

// ErrStreamDiffers: a stream exists with another configuration than this log wants. It is never changed.
var ErrStreamDiffers = errors.New("natslog: the stream is configured differently")

// bounded says whether the stream's head may expire.
func bounded(s domain.Stream) bool { return s == domain.Behaviour || s == domain.Quarantine }

// streamConfig is what a stream of the log must be. Only streams whose head may expire discard the old;
// the others refuse the new when an operator's limit is reached.
func streamConfig(s domain.Stream, lanes, replicas int) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:              s.String(),
		Description:       "Proffer's log; see its documentation before changing anything here",
		Subjects:          []string{strings.ToLower(s.String()) + ".>"},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		Duplicates:        dedupeWindow,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgsPerSubject: -1,
		MaxConsumers:      -1,
		MaxMsgSize:        maxPayload,
		Metadata:          map[string]string{lanesKey: strconv.Itoa(lanes)},
	}
	if bounded(s) {
		c.Discard = jetstream.DiscardOld
	}
	if s == domain.Decision {
		c.DenyDelete, c.DenyPurge = true, true
	}
	return c
}

// openStreams creates or checks the six streams and returns them with the log's lane count.
func openStreams(ctx context.Context, js jetstream.JetStream, o Options) ([domain.Streams]jetstream.Stream, int, error) {
	var streams [domain.Streams]jetstream.Stream
	lanes := o.Lanes
	for _, s := range domain.AllStreams() {
		stream, err := lookUp(ctx, js, s)
		if err != nil {
			return streams, 0, fmt.Errorf("look up %s: %w", s, err)
		}
		if stream == nil {
			continue
		}
		streams[s] = stream
		stored, err := strconv.Atoi(stream.CachedInfo().Config.Metadata[lanesKey])
		if err != nil {
			return streams, 0, differs(s, "metadata "+lanesKey, stream.CachedInfo().Config.Metadata[lanesKey], "a number")
		}
		if lanes == 0 {
			lanes = stored
		}
	}
	if lanes == 0 {
		lanes = DefaultLanes
	}
	for _, s := range domain.AllStreams() {
		want := streamConfig(s, lanes, o.Replicas)
		if streams[s] != nil {
			if err := checkStream(s, streams[s].CachedInfo().Config, want); err != nil {
				return streams, 0, err
			}
			continue
		}
		stream, err := create(ctx, js, want, o.Patience)
		if err != nil {
			return streams, 0, fmt.Errorf("create %s: %w", s, err)
		}
		streams[s] = stream
	}
	return streams, lanes, nil
}

// create makes a stream. A cluster that has just started does not know all of its servers yet: it is given time to.
func create(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig, patience time.Duration) (stream jetstream.Stream, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = steadily(ctx, func(ctx context.Context) error {
		stream, err = js.CreateStream(ctx, c)
		var refusal *jetstream.APIError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refusal) && refusal.ErrorCode == codeNoPeers:
			return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
		}
		return unavailable(err)
	})
	return stream, err
}

// lookUp finds the stream; nil when there is none.
func lookUp(ctx context.Context, js jetstream.JetStream, s domain.Stream) (stream jetstream.Stream, err error) {
	err = steadily(ctx, func(ctx context.Context) error {
		stream, err = js.Stream(ctx, s.String())
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			stream = nil
			return nil
		}
		if err != nil {
			return unavailable(err)
		}
		return nil
	})
	return stream, err
}

func differs(s domain.Stream, field string, got, want any) error {
	return fmt.Errorf("%w: %s: %s is %v, want %v", ErrStreamDiffers, s, field, got, want)
}

// checkStream compares every field that changes what the log promises.
func checkStream(s domain.Stream, got, want jetstream.StreamConfig) error {
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"subjects", strings.Join(got.Subjects, " "), strings.Join(want.Subjects, " ")},
		{"retention", got.Retention, want.Retention},
		{"discard", got.Discard, want.Discard},
		{"discard_new_per_subject", got.DiscardNewPerSubject, false},
		{"storage", got.Storage, want.Storage},
		{"num_replicas", got.Replicas, want.Replicas},
		{"duplicate_window", got.Duplicates, want.Duplicates},
		{"max_msgs", got.MaxMsgs, want.MaxMsgs},
		{"max_bytes", got.MaxBytes, want.MaxBytes},
		{"max_age", got.MaxAge, want.MaxAge},
		{"max_msgs_per_subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"max_msg_size", got.MaxMsgSize, want.MaxMsgSize},
		{"no_ack", got.NoAck, false},
		{"sealed", got.Sealed, false},
		{"deny_delete", got.DenyDelete, want.DenyDelete},
		{"deny_purge", got.DenyPurge, want.DenyPurge},
		{"allow_rollup_hdrs", got.AllowRollup, false},
		{"allow_direct", got.AllowDirect, false},
		{"allow_msg_ttl", got.AllowMsgTTL, false},
		{"allow_msg_counter", got.AllowMsgCounter, false},
		{"allow_msg_schedules", got.AllowMsgSchedules, false},
		{"persist_mode", got.PersistMode, want.PersistMode},
		{"compression", got.Compression, want.Compression},
		{"mirror", got.Mirror != nil, false},
		{"sources", len(got.Sources), 0},
		{"subject_transform", got.SubjectTransform != nil, false},
		{"first_seq", max(got.FirstSeq, 1), max(want.FirstSeq, 1)},
	} {
		if f.got != f.want {
			return differs(s, f.name, f.got, f.want)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want.Metadata)) {
		if got.Metadata[key] != want.Metadata[key] {
			return differs(s, "metadata "+key, got.Metadata[key], want.Metadata[key])
		}
	}
	return nil
}
