package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// nameReader reads an item of which only the name is written: "" makes no sense.
type nameReader struct{}

func (nameReader) ReadItem(format string, text []byte, repaired bool, receivedMS int64) (commands.Item, error) {
	if format == "import:x" && !repaired {
		return commands.Item{}, commands.ErrNotReplayable
	}
	if string(text) == "nonsense" {
		return commands.Item{}, &commands.Refusal{Reason: "INVALID_JSON", Message: "nonsense"}
	}
	return commands.Item{Type: "track", Name: string(text), Identifiers: ids(user("u"))}, nil
}

func (w *world) quarantine() *commands.Quarantine {
	return commands.NewQuarantine(commands.QuarantinePorts{
		Log: w.log, Vault: w.vault, Recall: w.recall, Ingest: w.ingest, Reader: nameReader{},
		Now: func() time.Time { return now },
	})
}

// given are two refused items, and the recall that has come by them.
func given(t *testing.T) (*world, []commands.Refused) {
	w := newWorld(t)
	w.do(t, "live", commands.Item{MessageID: "m", Type: "track", Identifiers: ids(user("u")), Format: "ingest", Original: func() []byte { return []byte("mended") }})
	w.do(t, "import:x/f", commands.Item{SourceSeq: 256, Format: "import:x", Original: func() []byte { return []byte("a;b;c") }, Refused: &commands.Refusal{Reason: "BAD_ROW", Message: "bad"}})
	if err := w.recall.CatchUp(t.Context(), domain.Quarantine); err != nil {
		t.Fatal(err)
	}
	list, more := w.recall.Quarantine.List(commands.RefusedPage{Size: 10})
	if len(list) != 2 || more {
		t.Fatalf("got %d open items", len(list))
	}
	return w, list
}

func TestRepairReplaysOnce(t *testing.T) {
	t.Parallel()
	w, list := given(t)
	q := w.quarantine()
	originals, err := q.Originals(t.Context(), list)
	if err != nil || string(originals[0]) != "mended" || string(originals[1]) != "a;b;c" {
		t.Fatalf("got %q, %v", originals, err)
	}
	if _, err := q.Repair(t.Context(), list[1].ID, nil); !errors.Is(err, commands.ErrNotReplayable) {
		t.Errorf("a row of an import: got %v, want ErrNotReplayable", err)
	}
	for i, repaired := range []string{"", "fixed"} {
		if v, err := q.Repair(t.Context(), list[i].ID, []byte(repaired)); err != nil || v.Status != commands.Accepted {
			t.Errorf("item %d: got %+v, %v; want accepted", i, v, err)
		}
		if _, err := q.Repair(t.Context(), list[i].ID, []byte(repaired)); !errors.Is(err, commands.ErrNotInQuarantine) {
			t.Errorf("item %d again: got %v, want ErrNotInQuarantine", i, err)
		}
	}
	want := map[string]int{"quarantined": 2, "quarantine_resolved": 2, "tracked": 2}
	if diff := cmp.Diff(want, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if open, _ := startWorld(t, w.log, w.vault).recall.Quarantine.List(commands.RefusedPage{Size: 10}); len(open) != 0 {
		t.Errorf("after a restart %d items are open", len(open))
	}
}

func TestRepairThatIsRefusedWritesNothing(t *testing.T) {
	t.Parallel()
	w, list := given(t)
	for text, reason := range map[string]string{"nonsense": "INVALID_JSON", strings.Repeat("x", 300): "TEXT_TOO_LONG"} {
		v, err := w.quarantine().Repair(t.Context(), list[0].ID, []byte(text))
		if err != nil || v.Status != commands.Rejected || v.Reason != reason {
			t.Errorf("got %+v, %v; want %s", v, err, reason)
		}
	}
	if diff := cmp.Diff(map[string]int{"quarantined": 2}, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRepairThatWasCutOffOnlyCloses(t *testing.T) {
	t.Parallel()
	w, list := given(t)
	dying := &killed{MemoryLog: w.log, left: 1} // the event gets in, the resolution does not
	broken := startWorld(t, w.log, w.vault)
	in := commands.NewIngest(commands.IngestPorts{
		Log: dying, Vault: w.vault, Normalizer: trimmer{}, Recall: broken.recall, Now: func() time.Time { return now },
	}, 0)
	q := commands.NewQuarantine(commands.QuarantinePorts{
		Log: dying, Vault: w.vault, Recall: broken.recall, Ingest: in, Reader: nameReader{}, Now: func() time.Time { return now },
	})
	if _, err := q.Repair(t.Context(), list[1].ID, []byte("fixed")); !errors.Is(err, domain.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	again := startWorld(t, w.log, w.vault)
	if v, err := again.quarantine().Repair(t.Context(), list[1].ID, []byte("fixed")); err != nil || v.Status != commands.Duplicate {
		t.Errorf("got %+v, %v; want a duplicate", v, err)
	}
	want := map[string]int{"quarantined": 2, "quarantine_resolved": 1, "tracked": 1}
	if diff := cmp.Diff(want, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDiscardCloses(t *testing.T) {
	t.Parallel()
	w, list := given(t)
	q := w.quarantine()
	if err := q.Discard(t.Context(), list[0].ID, strings.Repeat("x", 251)); !errors.Is(err, commands.ErrReasonTooLong) {
		t.Errorf("a long reason: got %v", err)
	}
	if err := q.Discard(t.Context(), list[0].ID, "a test of theirs"); err != nil {
		t.Fatal(err)
	}
	if err := q.Discard(t.Context(), list[0].ID, ""); !errors.Is(err, commands.ErrNotInQuarantine) {
		t.Errorf("again: got %v, want ErrNotInQuarantine", err)
	}
	page, more, err := q.List(t.Context(), commands.RefusedPage{Size: 1, Reason: "BAD_ROW"})
	if err != nil || len(page) != 1 || more || page[0].SourceSeq != 256 {
		t.Errorf("got %+v", page)
	}
}

func TestPagesOfTheQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		items := make([]commands.Item, 5)
		w.do(t, "live", items...)
	}
	page, seen := commands.RefusedPage{Size: 4}, map[[16]byte]bool{}
	for {
		items, more, err := w.quarantine().List(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range items {
			seen[r.ID] = true
		}
		if !more {
			break
		}
		page.After = items[len(items)-1].At
	}
	if len(seen) != 15 {
		t.Errorf("got %d items over all pages, want 15", len(seen))
	}
}

func TestPublishPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := errors.New("it does not compile")
	p := commands.NewPublishPolicy(commands.PublishPolicyPorts{
		Definitions: w.definitions,
		Check: func(_ context.Context, p *event.Policy) error {
			if p.GetDescription() == "wrong" {
				return wrong
			}
			return nil
		},
	})
	one, two := &event.Policy{Id: "p"}, &event.Policy{Id: "p", Salt: "s"}
	for i, c := range []struct {
		policy    *event.Policy
		document  string
		version   uint64
		unchanged bool
	}{{one, "one", 1, false}, {one, "one", 1, true}, {two, "two", 2, false}, {two, "two # commented", 3, false}, {one, "one", 4, false}} {
		dry, err := p.Publish(t.Context(), c.policy, c.document, true)
		if err != nil || dry.Version != c.version || dry.Unchanged != c.unchanged {
			t.Errorf("step %d, validated: got version %d, unchanged %t, %v", i, dry.Version, dry.Unchanged, err)
		}
		got, err := p.Publish(t.Context(), c.policy, c.document, false)
		if err != nil || got.Version != c.version || got.Unchanged != c.unchanged || got.At.Position.Sequence == 0 {
			t.Errorf("step %d: got %+v, %v; want version %d", i, got, err, c.version)
		}
	}
	if _, err := p.Publish(t.Context(), &event.Policy{Id: "p", Description: "wrong"}, "", false); !errors.Is(err, wrong) {
		t.Errorf("got %v, want the check's error", err)
	}
	if _, err := p.Publish(t.Context(), &event.Policy{}, "", false); !errors.Is(err, commands.ErrNoPolicyID) {
		t.Errorf("got %v, want ErrNoPolicyID", err)
	}
	if got := w.types(t); got["policy_published"] != 4 {
		t.Errorf("got %v, want four versions", got)
	}
	if again := startWorld(t, w.log, w.vault); len(again.recall.Catalogue.Policies()) != 1 {
		t.Error("the policy in effect is lost over a restart")
	}
}
