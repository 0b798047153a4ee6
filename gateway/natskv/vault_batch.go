package natskv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// Headers and limits of atomic batches (ADR-50): nats.go has no call for them.
const (
	headerBatchID       = "Nats-Batch-Id"
	headerBatchSequence = "Nats-Batch-Sequence"
	headerBatchCommit   = "Nats-Batch-Commit"
	maxBatch            = 1000
)

// Error codes of the server that say a key exists already, or is being made by somebody else at this moment.
const (
	codeWrongLastSequence = 10071
	codeSequenceInFlight  = 10164
	codeIDInFlight        = 10158
)

// Error codes of the server that say there is no room.
const (
	codeResources        = 10023
	codeMemoryExceeded   = 10028
	codeStorageExceeded  = 10047
	codeAccountResources = 10002
	codeStoreFailed      = 10077
)

// errExists: at least one key of a write exists. Nothing of the write was stored.
var errExists = errors.New("natskv: the key exists")

// entry is one key to make.
type entry struct {
	subject string
	value   []byte
}

// smallBatch is up to how many keys are written one by one on a server without replicas: there an atomic batch has
// to make and remove a folder, 9 ms, and a single write costs 0.36 ms, fsync included. A Raft log has no such cost.
const smallBatch = 24

// create stores entries that must not exist, durably. It fails with errExists when one exists, domain.ErrLogFull or
// domain.ErrUnavailable; it is then unknown which of the others are stored.
func create(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, replicas int, entries []entry) error {
	if len(entries) > smallBatch || (replicas > 1 && len(entries) > 1) {
		return createBatch(ctx, nc, entries)
	}
	for _, e := range entries {
		if _, err := js.Publish(ctx, e.subject, e.value, jetstream.WithExpectLastSequencePerSubject(0)); err != nil {
			return writeError(err)
		}
	}
	return nil
}

// createBatch stores all entries or none, with one fsync.
func createBatch(ctx context.Context, nc *nats.Conn, entries []entry) error {
	var random [16]byte
	rand.Read(random[:])
	id := hex.EncodeToString(random[:])
	for i, e := range entries {
		m := &nats.Msg{Subject: e.subject, Data: e.value, Header: nats.Header{
			headerBatchID:                       {id},
			headerBatchSequence:                 {strconv.Itoa(i + 1)},
			jetstream.ExpectedLastSubjSeqHeader: {"0"},
		}}
		if i < len(entries)-1 {
			if err := nc.PublishMsg(m); err != nil {
				return writeError(err)
			}
			continue
		}
		m.Header[headerBatchCommit] = []string{"1"}
		answer, err := nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return writeError(err)
		}
		return commitError(answer.Data)
	}
	return nil
}

// commitError reads the answer to a batch's last message.
func commitError(data []byte) error {
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("%w: the answer to a batch does not parse", domain.ErrUnavailable)
	}
	if answer.Error != nil {
		return writeError(answer.Error)
	}
	return nil
}

// writeError sorts an error of a write.
func writeError(err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch api.ErrorCode {
		case codeWrongLastSequence, codeSequenceInFlight, codeIDInFlight:
			return errExists
		case codeResources, codeMemoryExceeded, codeStorageExceeded, codeAccountResources, codeStoreFailed:
			return fmt.Errorf("%w: %w", domain.ErrLogFull, err)
		}
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
}
