package natskv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// Defaults of ViewsOptions.
const (
	// DefaultBuckets keeps a node's buckets below half a million keys each up to two million aliases, and lets them
	// load in parallel.
	DefaultBuckets = 4
	// DefaultLinger bounds how many puts a second busy aliases cost. Readers of this process never wait for it.
	DefaultLinger = 50 * time.Millisecond
)

// ViewsOptions says how views are kept.
type ViewsOptions struct {
	// Name begins the buckets' names; "" is "views", hence views_0, views_1, ... With a layout, its digest follows.
	Name string
	// Layout is the series that the activities keep.
	Layout *feature.Layout
	// Buckets is over how many buckets the 64 partitions are spread; it must stay as it was when the views were
	// begun. 0 is DefaultBuckets.
	Buckets int
	// Replicas of each bucket; 0 is 1.
	Replicas int
	// Writer: this process projects. It loads the buckets, writes them, and does not listen to its own writes.
	// Otherwise the buckets are watched.
	Writer bool
	// Linger is the least time between two rounds of writing when there is always something to write; 0 is
	// DefaultLinger. The first write after a pause never waits.
	Linger time.Duration
	// Incarnation names the run of the operating system that the server's storage lives on, see Incarnation. Views
	// written under another one are not trusted: a power cut can lose pages from the middle of a bucket that is
	// written behind, so they are folded again. Empty when that cannot happen (replicas).
	Incarnation string
	// Logger hears of what is retried; nil is silence.
	Logger *slog.Logger
}

// Views is the newest activity blob of every alias, in memory. It is fed by the projector of this process or by the
// buckets that the projector of another process writes; deciders read it.
//
// A writer's Store is visible at once and reaches the buckets within about Linger, each alias once however often it
// changed meanwhile. What a crash loses of it is in the log and is folded again: the buckets are what makes a start
// quick and other processes current, not what makes anything true.
type Views struct {
	options ViewsOptions
	js      jetstream.JetStream
	buckets []*viewsBucket
	applied applied
	// serving is what readers see. staging is the next generation while it is being folded, otherwise nil.
	serving atomic.Pointer[memory]
	staging atomic.Pointer[memory]
	turn    sync.Mutex // one swap of generations at a time
	ready   chan struct{}
	loading atomic.Int64
	queue   writeQueue
	buffers pageBuffers // of whoever writes a round
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// viewsBucket is one of the buckets and what has been read of it.
type viewsBucket struct {
	name     string
	prefix   string
	stream   jetstream.Stream
	watching jetstream.ConsumeContext
	loaded   chan struct{}
	// revision is the last one read from the bucket or acknowledged by it.
	revision atomic.Uint64
	// pages are known to a writer only.
	pages   pages
	mu      sync.Mutex
	held    checkpoint
	at      uint64 // the checkpoint's revision, 0 when there is none
	damaged bool
	// unread: something in the bucket is no page that this version can read.
	unread bool
}

// OpenViews opens or makes the buckets and begins to load them; Ready tells when that is done. The connection stays
// the caller's. Close ends it.
func OpenViews(ctx context.Context, nc *nats.Conn, o ViewsOptions) (*Views, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(2*writeWindow))
	if err != nil {
		return nil, fmt.Errorf("natskv: open views: %w", err)
	}
	v := &Views{options: o.withDefaults(), js: js, ready: make(chan struct{})}
	if v.options.Buckets < 1 || v.options.Buckets > domain.Partitions {
		return nil, fmt.Errorf("natskv: open views: %d buckets, want 1 to %d", v.options.Buckets, domain.Partitions)
	}
	v.serving.Store(newMemory(0))
	v.queue.init()
	for i := range v.options.Buckets {
		name := fmt.Sprintf("%s_%d", v.options.Name, i)
		stream, err := openBucket(ctx, js, bucketConfig(name, v.options.Replicas, true))
		if err != nil {
			return nil, err
		}
		v.buckets = append(v.buckets, &viewsBucket{name: name, prefix: bucketPrefix(name), stream: stream, loaded: make(chan struct{})})
	}
	return v, v.start()
}

func (o ViewsOptions) withDefaults() ViewsOptions {
	if o.Name == "" {
		o.Name = viewsName
	}
	if o.Layout != nil {
		o.Name += fmt.Sprintf("_%016x", o.Layout.Digest())
	}
	if o.Buckets == 0 {
		o.Buckets = DefaultBuckets
	}
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (v *Views) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	v.loading.Store(int64(len(v.buckets)))
	for _, b := range v.buckets {
		if err := v.watch(ctx, b); err != nil {
			return errors.Join(err, v.Close(ctx))
		}
	}
	if v.options.Writer {
		v.stopped.Go(func() { v.write(ctx) })
	}
	return nil
}

// viewsName begins the names of buckets, unless told otherwise.
const viewsName = "views"

// Drop deletes the buckets of views that are closed and that nobody will open again.
func (v *Views) Drop(ctx context.Context) error {
	for _, b := range v.buckets {
		if err := v.js.DeleteStream(ctx, "KV_"+b.name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("natskv: drop bucket %s: %w", b.name, unavailable(err))
		}
	}
	return nil
}

// DropOthers deletes the buckets of other layouts: those that a stop left between folding anew and dropping the old.
func (v *Views) DropOthers(ctx context.Context) error {
	own := map[string]bool{}
	for _, b := range v.buckets {
		own["KV_"+b.name] = true
	}
	names := v.js.StreamNames(ctx, jetstream.WithStreamListSubject("$KV.*.>"))
	var stale []string
	for name := range names.Name() {
		if layoutBucket.MatchString(name) && !own[name] {
			stale = append(stale, name)
		}
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("natskv: list the buckets of views: %w", unavailable(err))
	}
	for _, name := range stale {
		if err := v.js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("natskv: drop bucket %s: %w", name, unavailable(err))
		}
	}
	return nil
}

// layoutBucket is the stream of a bucket of views, of any layout.
var layoutBucket = regexp.MustCompile(`^KV_` + viewsName + `(_[0-9a-f]{16})?_[0-9]+$`)

// Close writes what is not written yet, as long as the context allows, and stops. Views stay readable. It fails when
// something could not be written; it will be folded again after the next start.
func (v *Views) Close(ctx context.Context) error {
	err := v.Flush(ctx)
	v.stop()
	v.stopped.Wait()
	for _, b := range v.buckets {
		if b.watching != nil {
			b.watching.Stop()
		}
	}
	return err
}

// Ready is closed when every bucket's present content has been loaded. Before that, a view that is missing may exist.
func (v *Views) Ready() <-chan struct{} { return v.ready }

// Blob is the newest activity of an alias, encoded, and the layout it is decoded with; false when there is none. The
// bytes must not be changed.
func (v *Views) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	blob, known := v.serving.Load().blob(a)
	return blob, v.options.Layout, known
}

// Layout is what the blobs are decoded with.
func (v *Views) Layout() *feature.Layout { return v.options.Layout }

// Applied is the cut that Blob stands at: every alias has every event up to it, and perhaps later ones.
func (v *Views) Applied() domain.Cut { return v.applied.now() }

// WaitFor returns once Applied covers the place. It fails with the context's cause, or with ErrNotInViews for a stream
// that is not folded into views.
func (v *Views) WaitFor(ctx context.Context, place domain.Place) error {
	if place.Stream > domain.Outcome {
		return fmt.Errorf("%w: %v", ErrNotInViews, place.Stream)
	}
	return v.applied.wait(ctx, place)
}

// OnApplied calls hook with the new cut whenever Applied moves, in the goroutine that moves it: it must be quick. It
// cannot be taken back.
func (v *Views) OnApplied(hook func(domain.Cut)) { v.applied.add(hook) }

// Len is how many aliases have a view.
func (v *Views) Len() int { return int(v.serving.Load().len.Load()) }

// Bytes is the size of all blobs together.
func (v *Views) Bytes() int64 { return v.serving.Load().bytes.Load() }

// Range calls yield for every alias until it returns false. Views that change meanwhile are seen as before or after.
func (v *Views) Range(yield func(domain.Alias, []byte) bool) { v.serving.Load().each(yield) }

// bucketIndex is where an alias's key is: the partitions are spread in contiguous ranges, like lanes.
func (v *Views) bucketIndex(a domain.Alias) int {
	return domain.PartitionOf(a) * len(v.buckets) / domain.Partitions
}
