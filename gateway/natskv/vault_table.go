package natskv

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// drawn is a value that was made for a key, and how it is to stand in the bucket.
type drawn[V any] struct {
	value  V
	stored []byte
}

// table is a set of keys that are made once, spread over buckets and held in memory. Keys that are asked for
// together are drawn in the order asked for; each bucket writes what gathered while its last write was in flight.
type table[V any] struct {
	// decode reads a value from how it stands in a bucket.
	decode   func([]byte) (V, bool)
	timeout  time.Duration
	silence  time.Duration
	replicas int
	parts    []*part[V]

	// ordering makes drawing and queueing one step, so that values grow in the order of the requests.
	ordering sync.Mutex
}

// part is one bucket of a table.
type part[V any] struct {
	table  *table[V]
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	bucket string

	mu      sync.RWMutex
	known   rows[V]
	waiting map[[16]byte]*wanted[V]
	queue   []*wanted[V]
	writing bool
	watcher jetstream.KeyWatcher
	// came counts the changes that came from the bucket.
	came atomic.Uint64
	// full is when the last write was refused for lack of room; zero once one succeeded since.
	full time.Time
}

// wanted is a key that somebody waits for. Value and err are set before done closes.
type wanted[V any] struct {
	key    [16]byte
	value  V
	stored []byte
	err    error
	done   chan struct{}
}

func newTable[V any](ctx context.Context, nc *nats.Conn, js jetstream.JetStream, name string, o VaultOptions, known func() rows[V], decode func([]byte) (V, bool)) (*table[V], error) {
	t := &table[V]{decode: decode, timeout: o.Timeout, silence: o.Silence, replicas: o.Replicas}
	for i := range o.Shards {
		p := &part[V]{
			table: t, nc: nc, js: js, bucket: name + "_" + strconv.Itoa(i),
			known: known(), waiting: map[[16]byte]*wanted[V]{},
		}
		config := bucketConfig(p.bucket, o.Replicas, false)
		config.AllowAtomicPublish = true
		config.Metadata = map[string]string{"proffer_shards": strconv.Itoa(o.Shards)}
		var err error
		if p.stream, err = openBucket(ctx, js, config); err != nil {
			return nil, err
		}
		if have := p.stream.CachedInfo().Config.Metadata["proffer_shards"]; have != strconv.Itoa(o.Shards) {
			return nil, fmt.Errorf("%w: %s: %s shards, not %d", ErrBucketDiffers, p.bucket, have, o.Shards)
		}
		t.parts = append(t.parts, p)
	}
	return t, nil
}

// check compares the secret with the one the table was made with, or notes it in a new table.
func (t *table[V]) check(ctx context.Context, secret []byte) error {
	p := t.parts[0]
	subject := bucketPrefix(p.bucket) + vaultCheckKey
	err := create(ctx, p.nc, p.js, t.replicas, []entry{{subject: subject, value: secret}})
	if err == nil || !errors.Is(err, errExists) {
		return err
	}
	m, err := p.stream.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return fmt.Errorf("natskv: check the vault's key: %w", err)
	}
	if subtle.ConstantTimeCompare(m.Data, secret) != 1 {
		return ErrWrongVaultKey
	}
	return nil
}

// load reads all buckets into memory and goes on following them.
func (t *table[V]) load(ctx context.Context) error {
	errs := make(chan error, len(t.parts))
	for _, p := range t.parts {
		go func() { errs <- p.load(ctx) }()
	}
	var first error
	for range t.parts {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (t *table[V]) close() {
	if t == nil {
		return
	}
	for _, p := range t.parts {
		if p.watcher != nil {
			_ = p.watcher.Stop() // the connection may be gone already; there is nothing left to stop then
		}
	}
}

func (t *table[V]) part(key [16]byte) *part[V] { return t.parts[int(key[0])%len(t.parts)] }

// find returns the values that keys have, in order, and the places among the keys of those that have none. All are looked
// for in one go: then what has to come from the main memory comes at the same time.
func (t *table[V]) find(keys [][16]byte) (values []V, missing []int) {
	for _, p := range t.parts {
		p.mu.RLock()
	}
	values = make([]V, len(keys))
	for i, k := range keys {
		var ok bool
		if values[i], ok = t.part(k).known.find(k); !ok {
			missing = append(missing, i)
		}
	}
	for _, p := range t.parts {
		p.mu.RUnlock()
	}
	return values, missing
}

func (t *table[V]) len() int {
	n := 0
	for _, p := range t.parts {
		p.mu.RLock()
		n += p.known.len()
		p.mu.RUnlock()
	}
	return n
}

// room fails with domain.ErrLogFull when a bucket has refused a write for lack of room since a time, and has taken none
// after it.
func (t *table[V]) room(since time.Time) error {
	for _, p := range t.parts {
		p.mu.RLock()
		full := p.full.After(since)
		p.mu.RUnlock()
		if full {
			return fmt.Errorf("natskv: %w: bucket %s takes no more", domain.ErrLogFull, p.bucket)
		}
	}
	return nil
}

// ensure returns the values of the keys, in order, after making those that are missing from what draw returns for
// their places among the keys. It fails with the errors of create, errExists excepted.
func (t *table[V]) ensure(ctx context.Context, keys [][16]byte, draw func(places []int) []drawn[V]) ([]V, error) {
	out, missing := t.find(keys)
	if len(missing) == 0 {
		return out, nil
	}
	for k, w := range t.want(keys, missing, draw) {
		select {
		case <-w.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the vault: %w", ctx.Err())
		}
		if w.err != nil {
			return nil, w.err
		}
		out[missing[k]] = w.value
	}
	return out, nil
}

// want queues the missing keys that nobody waits for yet, and returns what to wait for, in order.
func (t *table[V]) want(keys [][16]byte, missing []int, draw func(places []int) []drawn[V]) []*wanted[V] {
	t.ordering.Lock()
	defer t.ordering.Unlock()
	out := make([]*wanted[V], len(missing))
	var fresh []*wanted[V]
	var places []int
	own := map[[16]byte]*wanted[V]{}
	for i, m := range missing {
		key := keys[m]
		if out[i] = own[key]; out[i] == nil {
			if out[i] = t.part(key).wait(key); out[i] == nil {
				out[i] = &wanted[V]{key: key, done: make(chan struct{})}
				fresh, places = append(fresh, out[i]), append(places, m)
			}
			own[key] = out[i]
		}
	}
	if len(fresh) > 0 {
		for i, d := range draw(places) {
			fresh[i].value, fresh[i].stored = d.value, d.stored
		}
	}
	for _, w := range fresh {
		t.part(w.key).enqueue(w)
	}
	return out
}

// wait is what to wait for when the key has become known or is being made; nil when it is to be made.
func (p *part[V]) wait(key [16]byte) *wanted[V] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if v, ok := p.known.find(key); ok {
		w := &wanted[V]{key: key, value: v, done: make(chan struct{})}
		close(w.done)
		return w
	}
	return p.waiting[key]
}

// learn takes a value that stands in the bucket into memory.
func (p *part[V]) learn(key [16]byte, v V) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.put(key, v)
}

// load watches the bucket and returns when its present content is in memory. A row that the server has lost is awaited
// like the others, but does not come.
func (p *part[V]) load(ctx context.Context) error {
	kv, err := p.js.KeyValue(ctx, p.bucket)
	if err != nil {
		return fmt.Errorf("natskv: open bucket %s: %w", p.bucket, err)
	}
	if p.watcher, err = kv.WatchAll(context.Background()); err != nil {
		return fmt.Errorf("natskv: watch bucket %s: %w", p.bucket, err)
	}
	loaded := make(chan error, 1)
	go p.follow(p.watcher.Updates(), loaded)
	silent := time.NewTicker(p.table.silence)
	defer silent.Stop()
	for came := uint64(0); ; came = p.came.Load() {
		select {
		case err := <-loaded:
			return err
		case <-silent.C:
			if p.came.Load() == came {
				return fmt.Errorf("natskv: load bucket %s: %w: after %d rows the rest does not come", p.bucket, ErrVaultDamaged, came)
			}
		case <-ctx.Done():
			return fmt.Errorf("natskv: load bucket %s: %w", p.bucket, ctx.Err())
		}
	}
}

func (p *part[V]) follow(updates <-chan jetstream.KeyValueEntry, loaded chan<- error) {
	ready := false
	var damage error
	for e := range updates {
		if e != nil {
			p.came.Add(1)
			damage = errors.Join(damage, p.apply(e))
			continue
		}
		if !ready {
			ready = true
			loaded <- damage
		}
	}
	if !ready {
		loaded <- fmt.Errorf("natskv: load bucket %s: %w", p.bucket, domain.ErrUnavailable)
	}
}

// apply takes one change of the bucket into memory.
func (p *part[V]) apply(e jetstream.KeyValueEntry) error {
	key, ok := keyOf(e)
	if !ok {
		return nil // the check of the vault's key
	}
	if e.Operation() != jetstream.KeyValuePut {
		p.mu.Lock()
		p.known.drop(key)
		p.mu.Unlock()
		return nil
	}
	v, ok := p.table.decode(e.Value())
	if !ok {
		return fmt.Errorf("natskv: bucket %s holds a value of %d bytes at revision %d", p.bucket, len(e.Value()), e.Revision())
	}
	p.learn(key, v)
	return nil
}

// keyOf is the key of a row; false for what else stands in the bucket.
func keyOf(e jetstream.KeyValueEntry) (key [16]byte, ok bool) {
	raw, err := hex.DecodeString(e.Key())
	if err != nil || len(raw) != len(key) {
		return key, false
	}
	return [16]byte(raw), true
}
