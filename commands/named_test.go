package commands_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
)

// row is an item of a file, with a message id.
func row(seq uint64, message, who string) commands.Item {
	return commands.Item{SourceSeq: seq << 8, MessageID: message, Type: "track", Name: "x", Identifiers: ids(user(who))}
}

func statuses(verdicts []commands.Verdict) string {
	text := ""
	for _, v := range verdicts {
		text += v.Status.String()[:1]
	}
	return text
}

// Rows of files that have a message id are taken once: within a call, in a later call, in another file of the mapping,
// after a restart; and the whole file once more adds nothing.
func TestRowsWithAMessageIDAreTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := []commands.Item{row(2, "a", "u1"), row(3, "b", "u2"), row(4, "a", "u3")}
	for i, step := range []struct {
		source string
		items  []commands.Item
		want   string
	}{
		{"import:shop/monday.csv", first, "AAD"},
		{"import:shop/monday.csv", []commands.Item{row(5, "b", "u9"), row(6, "c", "u4")}, "DA"},
		{"import:shop/tuesday.csv", []commands.Item{row(2, "c", "u5"), row(3, "d", "u6")}, "DA"},
		{"import:other/monday.csv", []commands.Item{row(2, "a", "u7")}, "A"}, // another mapping's ids are others
		{"shop", []commands.Item{{MessageID: "a", Type: "track", Name: "x", Identifiers: ids(user("u8"))}}, "A"},
		{"import:shop/monday.csv", first, "DDD"},
	} {
		if got := statuses(w.do(t, step.source, step.items...)); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
	again := startWorld(t, w.log, w.vault)
	if got := statuses(again.do(t, "import:shop/tuesday.csv", row(4, "a", "u10"), row(5, "d", "u11"), row(6, "e", "u12"))); got != "DDA" {
		t.Errorf("after a restart: got %s, want DDA", got)
	}
	if diff := cmp.Diff(map[string]int{"tracked": 7}, again.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A statement that two are one is taken once too, also after a restart.
func TestLinksOfRowsWithAMessageIDAreMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := func(seq uint64) commands.Item {
		return commands.Item{SourceSeq: seq << 8, MessageID: "m", Type: "link", Identifiers: ids(user("u"), anon("a"))}
	}
	if got := statuses(w.do(t, "import:shop/a.csv", link(2), link(3))); got != "AD" {
		t.Errorf("got %s, want AD", got)
	}
	again := startWorld(t, w.log, w.vault)
	if got := statuses(again.do(t, "import:shop/b.csv", link(2))); got != "D" {
		t.Errorf("after a restart: got %s, want D", got)
	}
}

func TestWhenAnotherSystemReceivedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := row(2, "", "u")
	item.CollectedMS = now.UnixMilli() - 5000
	early := row(3, "", "u")
	early.CollectedMS = 1
	verdicts := w.do(t, "import:shop/a.csv", item, early)
	if got := fmt.Sprint(statuses(verdicts), verdicts[1].Reason, verdicts[1].Field); got != "ARTIME_OUT_OF_RANGEreceived" {
		t.Errorf("got %s", got)
	}
	if e := w.all(t)[0]; e.GetCollectedMs() != item.CollectedMS || e.GetReceivedMs() != now.UnixMilli() || e.GetNamed() {
		t.Errorf("got %v", e)
	}
}
