package natskv

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
)

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func someAliases(n int) []domain.Alias {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]domain.Alias, n)
	for i := range list {
		var b [10]byte
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		list[i] = domain.NewAlias(time.UnixMilli(int64(i)), b)
	}
	return list
}

// A view of 20 events is 390 bytes; the decider's budget for a profile, with the server's index of its key and the
// graph, is 1.5 KB. Not parallel: it measures the heap.
func TestAHundredThousandViewsFitTheirBudget(t *testing.T) {
	const views, blob = 100_000, 390
	list := someAliases(views)
	before := heap()
	m := newMemory(0)
	for i, a := range list {
		m.observe(a, make([]byte, blob), uint64(i+1))
	}
	each := (heap() - before) / views
	t.Logf("%d bytes a view of %d bytes", each, blob)
	if each > 550 {
		t.Errorf("a view of %d bytes takes %d", blob, each)
	}
	if m.len.Load() != views || m.bytes.Load() != views*blob {
		t.Errorf("%d views, %d bytes", m.len.Load(), m.bytes.Load())
	}
}

func TestMemoryTakesOnlyWhatIsNewer(t *testing.T) {
	t.Parallel()
	m, a := newMemory(0), someAliases(1)[0]
	want := func(content string) {
		t.Helper()
		if blob, _ := m.blob(a); string(blob) != content {
			t.Fatalf("blob = %q, want %q", blob, content)
		}
	}
	m.observe(a, []byte("second"), 2)
	m.observe(a, []byte("first"), 1)
	m.observe(a, []byte("again"), 2)
	want("second")
	if !m.put(a, []byte("own")) || m.put(a, []byte("newer")) {
		t.Error("an alias is to be queued once until it is written")
	}
	m.observe(a, []byte("echo"), 3)
	want("newer")
	if blob := m.take(a); string(blob) != "newer" {
		t.Errorf("take = %q", blob)
	}
	if _, current := m.under(a, 2); current {
		t.Error("a view that is being written counts as one of its page before")
	}
	if !m.put(a, []byte("newest")) {
		t.Error("a view that changed while it was written is to be queued again")
	}
	if before := m.written(a, 4); before != 2 {
		t.Errorf("its page before was %d, want 2", before)
	}
	if _, current := m.under(a, 4); current {
		t.Error("a view that has changed again counts as one of its page")
	}
	m.take(a)
	if before := m.written(a, 5); before != 4 {
		t.Errorf("its page before was %d, want 4", before)
	}
	if outdated := m.observe(a, []byte("echo"), 5); outdated != 5 {
		t.Errorf("the echo outdates %d, want itself", outdated)
	}
	want("newest")
	if outdated := m.observe(a, []byte("of another writer"), 6); outdated != 5 {
		t.Errorf("a newer page outdates %d, want 5", outdated)
	}
	want("of another writer")
	if n := m.durable[domain.PartitionOf(a)].Load(); n != 1 {
		t.Errorf("%d views are durable, want 1", n)
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []checkpoint{
		{},
		{generation: 3, cut: domain.Cut{1, 1 << 40, 3, 4, 5, 6}, views: 1 << 33, pages: []uint64{7, 1 << 50, 8}, incarnation: "monday", schema: 7},
	} {
		got, err := decodeCheckpoint(want.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(checkpoint{})); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte{})
	f.Add(checkpoint{generation: 1, cut: domain.Cut{1, 2}, incarnation: "x"}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCheckpoint(data)
		if err != nil {
			return
		}
		if again, err := decodeCheckpoint(c.encode()); err != nil || !cmp.Equal(again, c, cmp.AllowUnexported(checkpoint{})) {
			t.Errorf("%+v became %+v: %v", c, again, err)
		}
	})
}

func BenchmarkBlob(b *testing.B) {
	list := someAliases(1_000_000)
	m := newMemory(0)
	for i, a := range list {
		m.observe(a, make([]byte, 16), uint64(i+1))
	}
	b.ResetTimer()
	n := 0
	for b.Loop() {
		if _, known := m.blob(list[n*7919%len(list)]); !known {
			b.Fatal("gone")
		}
		n++
	}
}
