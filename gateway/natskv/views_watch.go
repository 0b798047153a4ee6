package natskv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// watch loads a bucket's present content and, in a process that does not write, what is written from then on. The
// ordered consumer asks again from the sequence after the last one when it misses something.
func (v *Views) watch(ctx context.Context, b *viewsBucket) error {
	info, err := b.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("natskv: load bucket %s: %w", b.name, err)
	}
	if info.State.Msgs == 0 {
		b.revision.Store(info.State.LastSeq)
		v.loadedOne(b)
		if v.options.Writer {
			return nil
		}
	}
	consumer, err := b.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(info.State.FirstSeq, 1),
	})
	if err != nil {
		return fmt.Errorf("natskv: watch bucket %s: %w", b.name, err)
	}
	last := info.State.LastSeq
	b.watching, err = consumer.Consume(func(m jetstream.Msg) { v.received(b, m, last) },
		jetstream.PullMaxMessages(5000),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if !errors.Is(err, jetstream.ErrConsumerDeleted) {
				v.options.Logger.Warn("watching views", "bucket", b.name, "error", err)
			}
		}))
	if err != nil {
		return fmt.Errorf("natskv: watch bucket %s: %w", b.name, err)
	}
	if v.options.Writer {
		v.stopped.Go(func() {
			select {
			case <-b.loaded:
			case <-ctx.Done():
			}
			b.watching.Stop()
		})
	}
	return nil
}

// received takes one message; last is the bucket's last revision when loading began. It never waits for anything.
func (v *Views) received(b *viewsBucket, m jetstream.Msg, last uint64) {
	if v.options.Writer && closed(b.loaded) {
		return
	}
	meta, err := m.Metadata()
	if err != nil || meta.Sequence.Stream <= b.revision.Load() {
		return
	}
	v.observe(b, m.Subject()[len(b.prefix):], m.Data(), meta.Sequence.Stream)
	b.revision.Store(meta.Sequence.Stream)
	// A replica that lags has nothing pending either, before it has all.
	if meta.Sequence.Stream >= last || meta.NumPending == 0 && v.options.Replicas <= 1 {
		v.loadedOne(b)
	}
}

func (v *Views) observe(b *viewsBucket, key string, value []byte, revision uint64) {
	if key == checkpointKey {
		v.observeCheckpoint(b, value, revision)
		return
	}
	hexadecimal, isPage := strings.CutPrefix(key, pageKeys)
	number, err := strconv.ParseUint(hexadecimal, 16, 20)
	if isPage && err == nil {
		err = v.observePage(b, int(number), value, revision)
	}
	if !isPage || err != nil {
		b.mu.Lock()
		b.unread = true
		b.mu.Unlock()
	}
}

func (v *Views) observePage(b *viewsBucket, number int, page []byte, revision uint64) error {
	m := v.memoryOf(b)
	if !v.options.Writer {
		return eachInPage(page, func(a domain.Alias, blob []byte) { m.observe(a, bytes.Clone(blob), revision) })
	}
	var aliases []domain.Alias
	err := eachInPage(page, func(a domain.Alias, _ []byte) { aliases = append(aliases, a) })
	if err != nil {
		return err
	}
	b.pages.landed(number, revision, aliases, len(page))
	return eachInPage(page, func(a domain.Alias, blob []byte) {
		b.pages.left(m.observe(a, bytes.Clone(blob), revision))
	})
}

func (v *Views) observeCheckpoint(b *viewsBucket, value []byte, revision uint64) {
	c, err := decodeCheckpoint(value)
	b.mu.Lock()
	b.held, b.at, b.damaged = c, revision, err != nil
	b.mu.Unlock()
	if v.isReady() {
		v.advanceToBuckets()
	}
}

// memoryOf is where a bucket's views belong. Only once all are loaded does a newer generation have a memory of its own.
func (v *Views) memoryOf(b *viewsBucket) *memory {
	serving := v.serving.Load()
	if !v.isReady() {
		return serving
	}
	b.mu.Lock()
	generation := b.held.generation
	b.mu.Unlock()
	if generation == serving.generation {
		return serving
	}
	return v.staged(generation)
}

func (v *Views) loadedOne(b *viewsBucket) {
	if closed(b.loaded) {
		return
	}
	b.pages.freed()
	close(b.loaded)
	if v.loading.Add(-1) > 0 {
		return
	}
	generation := uint64(0)
	for _, b := range v.buckets {
		b.mu.Lock()
		generation = max(generation, b.held.generation)
		b.mu.Unlock()
	}
	v.serving.Load().generation = generation
	close(v.ready)
	v.advanceToBuckets()
}

func (v *Views) isReady() bool { return closed(v.ready) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// advanceToBuckets moves Applied to the least of the buckets' checkpoints once they are all of one generation, and
// lets that generation serve when it has caught up with the one before.
func (v *Views) advanceToBuckets() {
	v.turn.Lock()
	defer v.turn.Unlock()
	held := make([]checkpoint, 0, len(v.buckets))
	for _, b := range v.buckets {
		b.mu.Lock()
		held = append(held, b.held)
		b.mu.Unlock()
	}
	cut := held[0].cut
	for _, c := range held[1:] {
		if c.generation != held[0].generation {
			return
		}
		cut = least(cut, c.cut)
	}
	v.reached(held[0].generation, cut)
}

// reached publishes a cut of a generation; the caller holds the turn.
func (v *Views) reached(generation uint64, cut domain.Cut) {
	if next := v.staging.Load(); next != nil && next.generation == generation {
		if least(cut, v.applied.now()) != v.applied.now() {
			return
		}
		v.serving.Store(next)
		v.staging.Store(nil)
	} else if v.serving.Load().generation != generation {
		return
	}
	v.applied.advance(cut)
}

// staged is the memory of a generation that does not serve yet.
func (v *Views) staged(generation uint64) *memory {
	v.turn.Lock()
	defer v.turn.Unlock()
	if m := v.serving.Load(); m.generation == generation {
		return m
	}
	m := v.staging.Load()
	if m == nil || m.generation != generation {
		m = newMemory(generation)
		v.staging.Store(m)
	}
	return m
}

func least(a, b domain.Cut) domain.Cut {
	for i := range a {
		a[i] = min(a[i], b[i])
	}
	return a
}

// Lag is how many revisions the buckets are ahead of what has been read of them, or, for a writer, how many aliases
// are not written yet.
func (v *Views) Lag(ctx context.Context) (uint64, error) {
	if v.options.Writer {
		return uint64(v.queue.waiting()), nil
	}
	var lag uint64
	for _, b := range v.buckets {
		info, err := b.stream.Info(ctx)
		if err != nil {
			return 0, fmt.Errorf("natskv: the last revision of bucket %s: %w", b.name, err)
		}
		lag += info.State.LastSeq - min(info.State.LastSeq, b.revision.Load())
	}
	return lag, nil
}
