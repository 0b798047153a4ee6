package natskv

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// How often a write that met somebody else's is tried again, and how long it waits when there is nothing to see of
// theirs yet.
const (
	createAttempts = 40
	createPause    = 5 * time.Millisecond
)

// enqueue adds a key to the next write, and starts writing when nothing is.
func (p *part[V]) enqueue(w *wanted[V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[w.key] = w
	p.queue = append(p.queue, w)
	if !p.writing {
		p.writing = true
		go p.write()
	}
}

// write empties the queue: each write takes what gathered during the one before.
func (p *part[V]) write() {
	for {
		p.mu.Lock()
		n := min(len(p.queue), maxBatch)
		if n == 0 {
			p.queue, p.writing = nil, false
			p.mu.Unlock()
			return
		}
		batch := p.queue[:n:n]
		p.queue = p.queue[n:]
		p.mu.Unlock()
		p.settle(batch, p.store(batch))
	}
}

// settle tells those who wait what became of their keys.
func (p *part[V]) settle(batch []*wanted[V], err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.full = time.Time{}
	case errors.Is(err, domain.ErrLogFull):
		p.full = time.Now()
	}
	for _, w := range batch {
		if w.err = err; err == nil {
			p.known.put(w.key, w.value)
		}
		delete(p.waiting, w.key)
		close(w.done)
	}
}

// store makes the batch's keys, or takes over the values of those that somebody else made first.
func (p *part[V]) store(batch []*wanted[V]) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.table.timeout)
	defer cancel()
	open := batch
	for range createAttempts {
		entries := make([]entry, len(open))
		for i, w := range open {
			entries[i] = entry{subject: p.subject(w.key), value: w.stored}
		}
		err := create(ctx, p.nc, p.js, p.table.replicas, entries)
		if !errors.Is(err, errExists) {
			return err
		}
		left, err := p.takeOver(ctx, open)
		if err != nil || len(left) == 0 {
			return err
		}
		if len(left) == len(open) {
			if err := pause(ctx); err != nil {
				return err
			}
		}
		open = left
	}
	return fmt.Errorf("%w: others kept writing to the vault", domain.ErrUnavailable)
}

// takeOver reads the keys that exist by now, and returns those that do not.
func (p *part[V]) takeOver(ctx context.Context, open []*wanted[V]) (left []*wanted[V], err error) {
	for _, w := range open {
		m, err := p.stream.GetLastMsgForSubject(ctx, p.subject(w.key))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			left = append(left, w)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
		}
		v, ok := p.table.decode(m.Data)
		if !ok {
			return nil, fmt.Errorf("natskv: bucket %s holds a value of %d bytes at revision %d", p.bucket, len(m.Data), m.Sequence)
		}
		w.value = v
	}
	return left, nil
}

func (p *part[V]) subject(key [16]byte) string {
	return bucketPrefix(p.bucket) + hex.EncodeToString(key[:])
}

// pause lets another writer finish.
func pause(ctx context.Context) error {
	timer := time.NewTimer(createPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, ctx.Err())
	}
}
