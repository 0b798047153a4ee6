package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// connect starts a server of its own and connects to it.
func connect(t testing.TB) *nats.Conn {
	t.Helper()
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	nc, err := server.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func open(t testing.TB, nc *nats.Conn, o natskv.ViewsOptions) *natskv.Views {
	t.Helper()
	v, err := natskv.OpenViews(t.Context(), nc, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeViews(t, v) })
	return v
}

func closeViews(t testing.TB, v *natskv.Views) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := v.Close(ctx); err != nil {
		t.Errorf("close views: %v", err)
	}
}

func TestViewsAreAViewStore(t *testing.T) {
	t.Parallel()
	projectionstest.RunViewStoreSuite(t, func(t *testing.T) projectionstest.ViewStoreHarness {
		nc := connect(t)
		var last *natskv.Views
		return projectionstest.ViewStoreHarness{Open: func(t *testing.T) projections.ViewStore {
			if last != nil {
				closeViews(t, last)
			}
			last = open(t, nc, natskv.ViewsOptions{Writer: true, Linger: time.Millisecond, Incarnation: "first"})
			return last
		}}
	})
}

func behaviour(sequence uint64) domain.Place {
	return domain.Place{Stream: domain.Behaviour, Position: domain.Position{Sequence: sequence}}
}

func cutAt(sequence uint64) (c domain.Cut) {
	c[domain.Behaviour] = sequence
	return c
}

func storeViews(t *testing.T, v *natskv.Views, sequence uint64, more bool, content string, aliases ...int) {
	t.Helper()
	batch := projections.Batch{Cut: cutAt(sequence), More: more}
	for _, n := range aliases {
		batch.Views = append(batch.Views, projections.View{Alias: projectionstest.ViewAlias(n), Blob: []byte(content)})
	}
	if err := v.Store(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func wantBlob(t *testing.T, v *natskv.Views, n int, want string) {
	t.Helper()
	blob, _, known := v.Blob(projectionstest.ViewAlias(n))
	if string(blob) != want || known != (want != "") {
		t.Fatalf("blob of %d = %q, %v, want %q", n, blob, known, want)
	}
}

func wantCheckpoint(t *testing.T, v *natskv.Views, want domain.Cut) {
	t.Helper()
	cut, err := v.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cut != want {
		t.Fatalf("checkpoint = %v, want %v", cut, want)
	}
}

func waitFor(t *testing.T, v *natskv.Views, sequence uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := v.WaitFor(ctx, behaviour(sequence)); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessThatWatchesSeesWhatTheWriterWrites(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	writer := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, writer, domain.Cut{})
	early := open(t, nc, natskv.ViewsOptions{})
	storeViews(t, writer, 1, false, "one", 1, 2, 3)
	waitFor(t, early, 1)
	wantBlob(t, early, 2, "one")
	storeViews(t, writer, 2, false, "two", 2, 4)
	waitFor(t, early, 2)
	late := open(t, nc, natskv.ViewsOptions{})
	waitFor(t, late, 2)
	for _, v := range []*natskv.Views{writer, early, late} {
		wantBlob(t, v, 1, "one")
		wantBlob(t, v, 2, "two")
		wantBlob(t, v, 4, "two")
		wantBlob(t, v, 5, "")
		if v.Len() != 4 || v.Bytes() != 12 || v.Applied() != cutAt(2) {
			t.Errorf("%d views, %d bytes at %v", v.Len(), v.Bytes(), v.Applied())
		}
	}
	if lag, err := late.Lag(t.Context()); lag != 0 || err != nil {
		t.Errorf("lag = %d, %v", lag, err)
	}
	if err := early.Store(t.Context(), projections.Batch{}); !errors.Is(err, natskv.ErrNotWriter) {
		t.Errorf("a process that watches stores: %v", err)
	}
}

func TestWaitForWakesAndGivesUp(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	v := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, v, domain.Cut{})
	woken := make(chan error, 1)
	go func() { woken <- v.WaitFor(context.Background(), behaviour(3)) }()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.WaitFor(gone, behaviour(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := v.WaitFor(t.Context(), domain.Place{Stream: domain.Policy}); !errors.Is(err, natskv.ErrNotInViews) {
		t.Errorf("a stream without views: %v", err)
	}
	storeViews(t, v, 2, false, "two", 1)
	select {
	case err := <-woken:
		t.Fatalf("woken at 2: %v", err)
	default:
	}
	storeViews(t, v, 3, false, "three", 1)
	if err := <-woken; err != nil {
		t.Error(err)
	}
	if err := v.WaitFor(t.Context(), behaviour(3)); err != nil {
		t.Errorf("a place that is reached: %v", err)
	}
}

func TestOnAppliedHearsEveryMoveAndNoOther(t *testing.T) {
	t.Parallel()
	v := open(t, connect(t), natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, v, domain.Cut{})
	var heard []uint64
	v.OnApplied(func(cut domain.Cut) { heard = append(heard, cut[domain.Behaviour]) })
	for _, sequence := range []uint64{1, 1, 3, 4} {
		storeViews(t, v, sequence, false, "x", 1)
	}
	if diff := cmp.Diff([]uint64{1, 3, 4}, heard); diff != "" {
		t.Error(diff)
	}
}

func TestReadersKeepTheOldViewsUntilTheNewHaveCaughtUp(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	writer := open(t, nc, natskv.ViewsOptions{Writer: true, Linger: time.Millisecond})
	wantCheckpoint(t, writer, domain.Cut{})
	watcher := open(t, nc, natskv.ViewsOptions{})
	storeViews(t, writer, 5, false, "old", 1, 2, 3)
	waitFor(t, watcher, 5)
	if err := writer.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	storeViews(t, writer, 3, false, "new", 1)
	if err := writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*natskv.Views{writer, watcher} {
		wantBlob(t, v, 1, "old")
		wantBlob(t, v, 3, "old")
		if v.Applied() != cutAt(5) {
			t.Errorf("applied went back to %v", v.Applied())
		}
	}
	storeViews(t, writer, 6, false, "newer", 2)
	waitFor(t, watcher, 6)
	for _, v := range []*natskv.Views{writer, watcher} {
		wantBlob(t, v, 1, "new")
		wantBlob(t, v, 2, "newer")
		wantBlob(t, v, 3, "")
	}
}

func TestViewsOfAnotherIncarnationAreFoldedAgain(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	before := open(t, nc, natskv.ViewsOptions{Writer: true, Incarnation: "monday"})
	wantCheckpoint(t, before, domain.Cut{})
	storeViews(t, before, 5, false, "old", 1, 2, 3)
	closeViews(t, before)
	same := open(t, nc, natskv.ViewsOptions{Writer: true, Incarnation: "monday"})
	wantCheckpoint(t, same, cutAt(5))
	closeViews(t, same)
	after := open(t, nc, natskv.ViewsOptions{Writer: true, Incarnation: "tuesday"})
	wantCheckpoint(t, after, domain.Cut{})
	wantBlob(t, after, 1, "")
	if after.Applied() != (domain.Cut{}) || after.Len() != 0 {
		t.Errorf("views of another incarnation serve at %v", after.Applied())
	}
}

// A lost page is noticed by the views that are gone, and where an earlier page still has them, by its revision.
func TestABucketThatHasLostViewsIsFoldedAgain(t *testing.T) {
	t.Parallel()
	t.Run("the only page of a view", func(t *testing.T) { t.Parallel(); losesPage(t, "0") })
	t.Run("the later page of two", func(t *testing.T) { t.Parallel(); losesPage(t, "1") })
}

func losesPage(t *testing.T, lost string) {
	t.Helper()
	nc := connect(t)
	before := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, before, domain.Cut{})
	var together []int
	for n := 0; len(together) < 3; n++ {
		if bucketOf(n) == bucketOf(2) {
			together = append(together, n)
		}
	}
	storeViews(t, before, 5, false, "old", together...)
	if err := before.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	storeViews(t, before, 6, false, "new", together[0])
	closeViews(t, before)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bucket := bucketOf(2)
	stream, err := js.Stream(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("$KV."+bucket[3:]+"._page."+lost)); err != nil {
		t.Fatal(err)
	}
	wantCheckpoint(t, open(t, nc, natskv.ViewsOptions{Writer: true}), domain.Cut{})
}

// A bucket with something in it that is no page, as those of an earlier version are, is folded again.
func TestABucketThatCannotBeReadIsFoldedAgain(t *testing.T) {
	t.Parallel()
	for _, key := range []string{projectionstest.ViewAlias(1).String(), "_page.x", "_page.7"} {
		nc := connect(t)
		before := open(t, nc, natskv.ViewsOptions{Writer: true})
		wantCheckpoint(t, before, domain.Cut{})
		storeViews(t, before, 5, false, "old", 1, 2, 3)
		closeViews(t, before)
		if err := nc.Publish("$KV.views_0."+key, []byte("blob")); err != nil {
			t.Fatal(err)
		}
		after := open(t, nc, natskv.ViewsOptions{Writer: true})
		wantCheckpoint(t, after, domain.Cut{})
		wantBlob(t, after, 1, "")
		storeViews(t, after, 6, false, "new", 1)
		closeViews(t, after)
		wantCheckpoint(t, open(t, nc, natskv.ViewsOptions{Writer: true}), cutAt(6))
	}
}

// bucketOf is the stream of the bucket that has the view of the n-th alias.
func bucketOf(n int) string {
	return fmt.Sprintf("KV_views_%d", domain.PartitionOf(projectionstest.ViewAlias(n))*natskv.DefaultBuckets/domain.Partitions)
}

// However often views change, in rounds large and small, a bucket is little larger than they are, and what is loaded
// from it is what was stored last.
func TestViewsThatChangeOftenTakeLittleRoom(t *testing.T) {
	t.Parallel()
	const aliases, rounds = 3_000, 60
	nc := connect(t)
	writer, watcher := open(t, nc, natskv.ViewsOptions{Writer: true, Linger: time.Millisecond}), open(t, nc, natskv.ViewsOptions{})
	wantCheckpoint(t, writer, domain.Cut{})
	random, want := rand.New(rand.NewPCG(3, 4)), map[int]string{}
	for round := range rounds {
		changed := map[int]bool{}
		for range []int{1, 10, aliases}[random.IntN(3)] {
			changed[random.IntN(aliases)] = true
		}
		content := fmt.Sprintf("%0300d", round)
		for n := range changed {
			want[n] = content
		}
		storeViews(t, writer, uint64(round+1), false, content, slices.Sorted(maps.Keys(changed))...)
		if err := writer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, watcher, rounds)
	if n := messagesInBuckets(t, nc); n > 4*80 {
		t.Errorf("%d messages for %d views", n, aliases)
	}
	closeViews(t, writer)
	reopened := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, reopened, cutAt(rounds))
	storeViews(t, reopened, rounds+1, false, "last", 1, 2, 3)
	want[1], want[2], want[3] = "last", "last", "last"
	waitFor(t, watcher, rounds+1)
	for _, v := range []*natskv.Views{watcher, reopened} {
		for n, content := range want {
			wantBlob(t, v, n, content)
		}
		if v.Len() != len(want) {
			t.Errorf("%d views, want %d", v.Len(), len(want))
		}
	}
}

func TestASecondWriterEndsTheFirst(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	first := openQuietly(t, nc)
	wantCheckpoint(t, first, domain.Cut{})
	storeViews(t, first, 1, false, "first", 1)
	if err := first.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, second, cutAt(1))
	storeViews(t, second, 2, false, "second", 1)
	if err := second.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	storeViews(t, first, 2, false, "stale", 1)
	if err := first.Flush(t.Context()); !errors.Is(err, natskv.ErrAnotherWriter) {
		t.Errorf("the first writer's flush: %v", err)
	}
	if err := first.Store(t.Context(), projections.Batch{Cut: cutAt(3)}); !errors.Is(err, natskv.ErrAnotherWriter) {
		t.Errorf("the first writer's store: %v", err)
	}
	third := open(t, nc, natskv.ViewsOptions{})
	waitFor(t, third, 2)
	wantBlob(t, third, 1, "second")
}

// openQuietly opens views to write whose Close may fail.
func openQuietly(t *testing.T, nc *nats.Conn) *natskv.Views {
	t.Helper()
	v, err := natskv.OpenViews(t.Context(), nc, natskv.ViewsOptions{Writer: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close(context.Background()) })
	return v
}

func TestABucketOfAnotherConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "views_2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := natskv.OpenViews(t.Context(), nc, natskv.ViewsOptions{}); !errors.Is(err, natskv.ErrBucketDiffers) {
		t.Errorf("open: %v", err)
	}
}

func TestListsAreARecommendationStore(t *testing.T) {
	t.Parallel()
	projectionstest.RunRecommendationStoreSuite(t, &projectionstest.MemoryLists{})
	nc := connect(t)
	lists, err := natskv.OpenLists(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	projectionstest.RunRecommendationStoreSuite(t, lists)
	again, err := natskv.OpenLists(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	if pages, err := again.Pages(t.Context()); err != nil || len(pages) != 2 {
		t.Errorf("another process finds pages %v: %v", pages, err)
	}
	nc.Close()
	if _, _, err := lists.LoadPage(t.Context(), 0); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
}

func TestCountsAndCountersAreKept(t *testing.T) {
	t.Parallel()
	nc := connect(t)
	projectionstest.RunCountStoreSuite(t, openCounts(t, nc, ""))
	counters, err := natskv.OpenCounters(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint64{0, 7, 1 << 63} {
		if want > 0 {
			if err := counters.Store(t.Context(), "duplicates", want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := counters.Load(t.Context(), "duplicates"); got != want || err != nil {
			t.Errorf("counter = %d, %v, want %d", got, err, want)
		}
	}
	if again, err := natskv.OpenCounters(t.Context(), nc, 1); err != nil {
		t.Error(err)
	} else if got, err := again.Load(t.Context(), "duplicates"); got != 1<<63 || err != nil {
		t.Errorf("counter opened again = %d, %v", got, err)
	}
}

// Many first views share messages; whoever opens or watches the buckets sees the same as with a key each.
func TestManyFirstViewsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	const aliases = 4_000
	nc := connect(t)
	all := make([]int, aliases)
	for i := range all {
		all[i] = i
	}
	writer, watcher := open(t, nc, natskv.ViewsOptions{Writer: true}), open(t, nc, natskv.ViewsOptions{})
	storeViews(t, writer, 1, false, "first", all...)
	if err := writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := messagesInBuckets(t, nc); n > 16 {
		t.Errorf("%d messages for %d first views", n, aliases)
	}
	waitFor(t, watcher, 1)
	storeViews(t, writer, 2, false, "second", 7, aliases)
	waitFor(t, watcher, 2)
	closeViews(t, writer)
	reopened := open(t, nc, natskv.ViewsOptions{Writer: true})
	wantCheckpoint(t, reopened, cutAt(2))
	for _, v := range []*natskv.Views{watcher, reopened} {
		wantBlob(t, v, 7, "second")
		wantBlob(t, v, 8, "first")
		wantBlob(t, v, aliases, "second")
		if v.Len() != aliases+1 {
			t.Errorf("%d views, want %d", v.Len(), aliases+1)
		}
	}
	storeViews(t, reopened, 3, false, "third", 7, 8)
	more := make([]int, aliases)
	for i := range more {
		more[i] = 2*aliases + i
	}
	storeViews(t, reopened, 4, false, "later", more...) // pages of a second process
	waitFor(t, watcher, 4)
	wantBlob(t, watcher, 7, "third")
	wantBlob(t, watcher, 8, "third")
	wantBlob(t, watcher, 2*aliases, "later")
}

func messagesInBuckets(t *testing.T, nc *nats.Conn) (n uint64) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for info := range js.ListStreams(t.Context()).Info() {
		n += info.State.Msgs
	}
	return n
}
