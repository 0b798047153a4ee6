package commands_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// killed fails every append after the first n, as a server that dies between its lanes.
type killed struct {
	*commandstest.MemoryLog
	mu   sync.Mutex
	left int
}

func (k *killed) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == 0 {
		return domain.Position{}, domain.ErrUnavailable
	}
	k.left--
	return k.MemoryLog.Append(ctx, lane, events...)
}

// content is the log's events per lane and source without what a run draws: nonces.
func content(t *rapid.T, w *world) []string {
	var out []string
	for _, e := range w.all(t) {
		e.Sealed = nil
		if q := e.GetQuarantined(); q != nil {
			q.Original = nil
		}
		out = append(out, fmt.Sprintf("%x", domain.Canonical(e)))
	}
	return out
}

func TestKilledImportEndsInTheSameState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "items")
		items := make([]commands.Item, n)
		for i := range items {
			items[i] = drawItem(t, i)
		}
		batch := rapid.IntRange(1, 10).Draw(t, "batch")
		want := newWorld(t)
		importAll(t, want.ingest, items, batch)

		// The same file, with servers that die after some appends; each starts over from the log.
		got := newWorld(t)
		for range rapid.IntRange(1, 5).Draw(t, "kills") {
			dying := &killed{MemoryLog: got.log, left: rapid.IntRange(0, 12).Draw(t, "appends")}
			got = startWorld(t, got.log, got.vault)
			in := commands.NewIngest(commands.IngestPorts{
				Log: dying, Vault: got.vault, Normalizer: trimmer{}, Recall: got.recall,
				Now: func() time.Time { return now }, Random: commandstest.NewRandom(2),
			}, 0)
			importUntilKilled(in, items, batch)
		}
		got = startWorld(t, got.log, got.vault)
		importAll(t, got.ingest, items, batch)
		// The order between lanes differs, and so do the sets' orders within a stream: compare as multisets.
		if diff := cmp.Diff(multiset(content(t, want)), multiset(content(t, got))); diff != "" {
			t.Fatalf("a killed import differs (-straight +killed):\n%s", diff)
		}
		before := multiset(content(t, got))
		importAll(t, startWorld(t, got.log, got.vault).ingest, items, batch)
		if diff := cmp.Diff(before, multiset(content(t, got))); diff != "" {
			t.Fatalf("importing again adds (-before +after):\n%s", diff)
		}
	})
}

func multiset(lines []string) map[string]int {
	out := map[string]int{}
	for _, l := range lines {
		h := sha256.Sum256([]byte(l))
		out[fmt.Sprintf("%x", h[:4])+" "+l]++
	}
	return out
}

func drawItem(t *rapid.T, i int) commands.Item {
	it := commands.Item{
		SourceSeq: uint64(i+1) << 8,
		Type:      rapid.SampledFrom([]string{"purchase", "identify", "external_decision", "deliver", "offer", "dance"}).Draw(t, "type"),
		Offer:     rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "offer"),
		Amount:    rapid.SampledFrom([]string{"", "1.25", "x"}).Draw(t, "amount"),
	}
	for range rapid.IntRange(1, 3).Draw(t, "ids") {
		it.Identifiers = append(it.Identifiers, user(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "id")))
	}
	return it
}

func importAll(t *rapid.T, in *commands.Ingest, items []commands.Item, batch int) {
	for from := 0; from < len(items); from += batch {
		if _, err := in.Ingest(context.Background(), "import:x/f", items[from:min(from+batch, len(items))], false); err != nil {
			t.Fatal(err)
		}
	}
}

func importUntilKilled(in *commands.Ingest, items []commands.Item, batch int) {
	for from := 0; from < len(items); from += batch {
		if _, err := in.Ingest(context.Background(), "import:x/f", items[from:min(from+batch, len(items))], false); err != nil {
			return
		}
	}
}
