package natskv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

const (
	// writeWindow is how many puts are in flight at most.
	writeWindow = 512
	// writePatience is how long a round may go without an acknowledgement before it is tried again.
	writePatience = 5 * time.Second
	// The pause between tries of a round grows from the first to the second.
	firstRetry, lastRetry = 50 * time.Millisecond, 5 * time.Second
)

// ErrAnotherWriter: another process has written these views. This one must stop projecting and open them again.
var ErrAnotherWriter = errors.New("natskv: the views have another writer")

// ErrViewsLost: the server lost views that it had acknowledged. Open the views again.
var ErrViewsLost = errors.New("natskv: the server has lost views")

// fatal says whether writing cannot go on.
func fatal(err error) bool { return errors.Is(err, ErrAnotherWriter) || errors.Is(err, ErrViewsLost) }

// Flush returns when everything stored so far is in the buckets.
func (v *Views) Flush(ctx context.Context) error {
	if !v.options.Writer {
		return nil
	}
	return v.queue.flushed(ctx)
}

// write writes round after round until the context ends.
func (v *Views) write(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-v.queue.work:
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		pause.Reset(v.options.Linger)
		if err := v.writeRound(ctx); err != nil {
			v.options.Logger.Error("writing views has ended", "error", err)
			return
		}
	}
}

// writeRound writes what is pending and then, when all of it is acknowledged, the checkpoints.
func (v *Views) writeRound(ctx context.Context) error {
	select {
	case v.queue.writing <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	defer func() { <-v.queue.writing }()
	round, ok := v.queue.take()
	if !ok {
		return nil
	}
	err := v.writeAll(ctx, v.puts(round))
	if err == nil {
		err = v.writeAll(ctx, v.checkpoints(round))
	}
	v.queue.done(err)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// put is one value to write, the revision it replaces, and who hears of the new one.
type put struct {
	bucket   *viewsBucket
	key      string
	value    []byte
	replaces uint64
	done     func(revision uint64)
}

// puts are the pages that write a round.
func (v *Views) puts(round pendingWrites) []put {
	writers, most := make([]pageWriter, len(v.buckets)), len(round.aliases)/len(v.buckets)+outdatedViews
	v.buffers.reset()
	for i, b := range v.buckets {
		writers[i] = pageWriter{bucket: b, memory: round.memory, buffers: &v.buffers}
	}
	for _, a := range round.aliases {
		writers[v.bucketIndex(a)].add(a, round.memory.take(a))
	}
	var puts []put
	for i, b := range v.buckets {
		w := &writers[i]
		w.empty(b.pages.worn(most))
		w.end()
		puts = append(puts, w.puts...)
	}
	return puts
}

// checkpoints are made after the round's views are acknowledged, so that the counts are those of the buckets.
func (v *Views) checkpoints(round pendingWrites) []put {
	counts := v.countDurable(round.memory)
	puts := make([]put, len(v.buckets))
	for i, b := range v.buckets {
		c := checkpoint{generation: round.memory.generation, cut: round.cut, views: counts[i], pages: b.pages.revisions(), incarnation: v.options.Incarnation, schema: viewSchema()}
		b.mu.Lock()
		at := b.at
		b.mu.Unlock()
		puts[i] = put{bucket: b, key: checkpointKey, value: c.encode(), replaces: at, done: func(revision uint64) {
			b.mu.Lock()
			b.held, b.at = c, revision
			b.mu.Unlock()
		}}
	}
	return puts
}

// writeAll writes until every put is acknowledged. It gives up with ErrAnotherWriter, ErrViewsLost or at the context's end.
func (v *Views) writeAll(ctx context.Context, puts []put) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		left, err := v.writeOnce(ctx, puts)
		if len(left) == 0 {
			return nil
		}
		if fatal(err) {
			return err
		}
		v.options.Logger.Warn("writing views again", "left", len(left), "error", err)
		puts = left
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("natskv: write views: %w", context.Cause(ctx))
		}
	}
}

// writeOnce sends the puts with many in flight and returns those that were not acknowledged, with the last error.
func (v *Views) writeOnce(ctx context.Context, puts []put) (left []put, failure error) {
	futures := make([]jetstream.PubAckFuture, 0, writeWindow)
	for len(puts) > 0 {
		chunk := puts[:min(len(puts), writeWindow)]
		puts = puts[len(chunk):]
		futures = futures[:0]
		for i := range chunk {
			future, err := v.send(&chunk[i])
			if err != nil {
				left, failure = append(left, chunk[i]), err
			}
			futures = append(futures, future)
		}
		patience := time.NewTimer(writePatience)
		for i, future := range futures {
			if future == nil {
				continue
			}
			if err := v.acknowledged(ctx, &chunk[i], future, patience.C); err != nil {
				left, failure = append(left, chunk[i]), err
			}
			if fatal(failure) {
				patience.Stop()
				return left, failure
			}
		}
		patience.Stop()
	}
	return left, failure
}

func (v *Views) send(p *put) (jetstream.PubAckFuture, error) {
	return v.js.PublishMsgAsync(&nats.Msg{
		Subject: p.bucket.prefix + p.key,
		Header:  nats.Header{jetstream.ExpectedLastSubjSeqHeader: []string{strconv.FormatUint(p.replaces, 10)}},
		Data:    p.value,
	})
}

// acknowledged waits for one put. A conflict is either our own put, whose acknowledgement was lost, or another
// writer's.
func (v *Views) acknowledged(ctx context.Context, p *put, future jetstream.PubAckFuture, patience <-chan time.Time) error {
	select {
	case ack := <-future.Ok():
		return p.landed(ack.Sequence)
	case err := <-future.Err():
		if isConflict(err) {
			return v.settle(ctx, p)
		}
		return err
	case <-patience:
		return errors.New("natskv: no acknowledgement")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isConflict: error 10071, or 10164 where another write to the key is still being replicated.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == 10164)
}

func (v *Views) settle(ctx context.Context, p *put) error {
	stored, err := p.bucket.stream.GetLastMsgForSubject(ctx, p.bucket.prefix+p.key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("%w: a key of bucket %s is gone", ErrViewsLost, p.bucket.name)
	}
	if err != nil {
		return fmt.Errorf("natskv: settle a conflict in bucket %s: %w", p.bucket.name, err)
	}
	if !bytes.Equal(stored.Data, p.value) {
		return fmt.Errorf("%w: bucket %s", ErrAnotherWriter, p.bucket.name)
	}
	p.done(stored.Sequence)
	return nil
}

// landed takes the acknowledged revision. One that is not later than those before it tells of a server that has lost
// its tail under us and counts anew: then nothing that was acknowledged before can be relied on.
func (p *put) landed(revision uint64) error {
	if revision <= p.bucket.revision.Load() {
		return fmt.Errorf("%w: bucket %s went back", ErrViewsLost, p.bucket.name)
	}
	p.bucket.revision.Store(revision)
	p.done(revision)
	return nil
}

// countDurable is how many views each bucket has.
func (v *Views) countDurable(m *memory) []uint64 {
	counts := make([]uint64, len(v.buckets))
	for p := range m.durable {
		counts[p*len(v.buckets)/domain.Partitions] += uint64(m.durable[p].Load())
	}
	return counts
}
