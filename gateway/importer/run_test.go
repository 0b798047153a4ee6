package importer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/importer"
)

func open(t testing.TB, document string, paths ...string) *importer.Plan {
	t.Helper()
	m, err := importer.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := m.Open(paths)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\": \"u%d\"}\n", i)
	}
	return b.String()
}

func TestCompressionChangesNothing(t *testing.T) {
	t.Parallel()
	text := []byte(numbered(3000))
	var zipped, zstandard bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gz, zs} {
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	digests := map[string]bool{}
	for name, content := range map[string][]byte{
		"a.jsonl": text, "a.jsonl.gz": zipped.Bytes(), "a.jsonl.zst": zstandard.Bytes(), // and by its bytes alone:
		"plain/a.jsonl": zipped.Bytes(),
	} {
		folder := t.TempDir()
		path := write(t, folder, filepath.Base(name), string(content))
		sink := newCountingSink()
		if _, err := open(t, smallest, path).Run(t.Context(), sink, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		digests[string(sink.digest.Sum(nil))] = true
		if sink.types["track"] != 3000 || sink.calls != 3 {
			t.Errorf("%s: %v in %d calls", name, sink.types, sink.calls)
		}
	}
	if len(digests) != 1 {
		t.Errorf("the same rows became %d different series of items", len(digests))
	}
}

// When a file breaks off, what was sent before is the beginning of what the whole file gives.
func TestABrokenFileGivesABeginningOfTheWhole(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id,n\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "u%d,%d\n", i/7*13%97, i)
	}
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(gz, b.String()); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	document := strings.Replace(smallest, "a.jsonl", "a.csv", 1) + "    group: {key: row.id, within: 20}\n" +
		"    refuse: [{when: row.n.endsWith('3'), reason: THREE}]\n"
	run := func(content []byte) ([]string, error) {
		sink := newCountingSink()
		sink.keep = true
		_, err := open(t, document, write(t, t.TempDir(), "a.csv.gz", string(content))).Run(t.Context(), sink, nil)
		var all []string
		for _, item := range sink.items {
			all = append(all, fmt.Sprint(item.GetSourceSeq(), item.GetOriginal()))
		}
		if sink.outOf != 0 {
			t.Errorf("%d items out of order", sink.outOf)
		}
		return all, err
	}
	whole, err := run(zipped.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	part, err := run(zipped.Bytes()[:zipped.Len()/2])
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "a.csv") || !strings.Contains(err.Error(), "after line ") {
		t.Errorf("error = %v", err)
	}
	if len(part) == 0 || len(part) >= len(whole) || !slices.Equal(part, whole[:len(part)]) {
		t.Errorf("%d items of %d, and not its beginning", len(part), len(whole))
	}
}

// Grouping loses no row, mixes no keys and keeps the order, whatever stands where.
func TestGroupsHoldEveryRowOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		within := rapid.IntRange(0, 4).Draw(rt, "within")
		keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "refused", "failing", ""}), 1, 40).Draw(rt, "keys")
		text := "key,n\n"
		for i, key := range keys {
			if key == "" {
				text += "\n"
				continue
			}
			text += fmt.Sprintf("%s,%d\n", key, i+2)
		}
		path := filepath.Join(folder, "a.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			rt.Fatal(err)
		}
		document := "name: m\nsources:\n  - file: a.csv\n    refuse: [{when: row.key == 'refused', reason: NO}]\n" +
			fmt.Sprintf("    group: {key: row.key, within: %d}\n", within) +
			"    emit:\n      - type: purchase\n        identifiers: [{type: user_id, value: row.key}]\n        amount: \"row.key == 'failing' ? dec('x') : sum(rows, 'n')\"\n        lines: {item: row.n}\n"
		sink := newCountingSink()
		sink.keep = true
		summary, err := open(t, document, path).Run(t.Context(), sink, nil)
		if err != nil {
			rt.Fatal(err)
		}
		checkAccounts(t, summary)
		checkGroups(rt, sink, keys, within)
	})
}

func checkGroups(t *rapid.T, sink *countingSink, keys []string, within int) {
	if sink.outOf != 0 {
		t.Errorf("%d items out of order", sink.outOf)
	}
	seen := map[string]string{}
	for _, item := range sink.items {
		if item.GetRefusedReason() != "" {
			_, n, _ := strings.Cut(item.GetOriginal(), ",")
			seen[n] += item.GetRefusedReason()
			continue
		}
		last := 0
		for _, l := range item.GetLines() {
			seen[l.GetItem()] += item.GetIdentifiers()[0].GetValue()
			var n int
			if _, err := fmt.Sscan(l.GetItem(), &n); err != nil {
				t.Fatal(err)
			}
			if within > 0 && last > 0 && n-last > within {
				t.Errorf("rows %d and %d in one group within %d", last, n, within)
			}
			last = n
		}
	}
	want := map[string]string{}
	for i, key := range keys {
		reason := map[string]string{"refused": "NO", "failing": importer.ReasonMappingError}[key]
		if key != "" {
			want[fmt.Sprint(i+2)] = key
		}
		if reason != "" {
			want[fmt.Sprint(i+2)] = reason
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// failingSink accepts some calls and then fails.
type failingSink struct {
	*countingSink
	after int
	err   error
}

func (s failingSink) Send(ctx context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	if s.calls == s.after {
		return nil, s.err
	}
	return s.countingSink.Send(ctx, source, items)
}

func TestASinkThatFailsEndsTheImport(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	sink := failingSink{newCountingSink(), 2, broken}
	summary, err := open(t, smallest, write(t, t.TempDir(), "a.jsonl", numbered(20_000))).Run(t.Context(), sink, nil)
	if !errors.Is(err, broken) || summary.Files[0].Accepted != 2*importer.MaxBatchItems {
		t.Errorf("error = %v, accepted %d", err, summary.Files[0].Accepted)
	}
}

// shortSink forgets a verdict.
type shortSink struct{ *countingSink }

func (s shortSink) Send(ctx context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	verdicts, err := s.countingSink.Send(ctx, source, items)
	return verdicts[1:], err
}

func TestAMissingVerdictIsAnError(t *testing.T) {
	t.Parallel()
	_, err := open(t, smallest, write(t, t.TempDir(), "a.jsonl", numbered(3))).Run(t.Context(), shortSink{newCountingSink()}, nil)
	if !errors.Is(err, importer.ErrVerdicts) {
		t.Errorf("error = %v", err)
	}
}

func TestAnImportStopsWhenItIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sink := newCountingSink()
	sink.each = func(string, *profferv1.Item) {
		if sink.calls == 2 {
			cancel()
		}
	}
	_, err := open(t, smallest, write(t, t.TempDir(), "a.jsonl", numbered(50_000))).Run(ctx, sink, nil)
	if !errors.Is(err, context.Canceled) || sink.calls > 2+8 {
		t.Errorf("error = %v after %d calls", err, sink.calls)
	}
}

func TestProgressEndsAtTheWhole(t *testing.T) {
	t.Parallel()
	var last importer.Status
	calls := 0
	plan := open(t, smallest, write(t, t.TempDir(), "a.jsonl", numbered(2500)))
	if _, err := plan.Run(t.Context(), newCountingSink(), func(s importer.Status) {
		if s.Rows < last.Rows || s.BytesDone < last.BytesDone {
			t.Errorf("progress went back from %+v to %+v", last, s)
		}
		last = s
		calls++
	}); err != nil {
		t.Fatal(err)
	}
	if last.Rows != 2500 || last.Accepted != 2500 || last.BytesDone != last.BytesTotal || last.BytesTotal == 0 || calls < 3 {
		t.Errorf("after %d calls: %+v", calls, last)
	}
}

func TestARowOfTooManyItemsIsRefusedWhole(t *testing.T) {
	t.Parallel()
	document := strings.Replace(smallest, "      - type: track\n", "      - type: track\n        each: row.list\n", 1)
	list := func(n int) string { return "{\"id\": \"u\", \"list\": [0" + strings.Repeat(",0", n-1) + "]}\n" }
	sink := newCountingSink()
	text := list(importer.MaxItemsPerRow) + list(importer.MaxItemsPerRow+1) + list(1)
	summary, err := open(t, document, write(t, t.TempDir(), "a.jsonl", text)).Run(t.Context(), sink, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{importer.ReasonTooManyItems: 1}
	if diff := cmp.Diff(want, summary.Files[0].Refused); diff != "" || sink.types["track"] != importer.MaxItemsPerRow+1 || sink.outOf != 0 {
		t.Errorf("items %v, out of order %d, refused (-want +got):\n%s", sink.types, sink.outOf, diff)
	}
}

// A value of a row must not get into a message: quarantine seals the original, not the reason.
func TestRefusalsDoNotRepeatValues(t *testing.T) {
	t.Parallel()
	const secret = "anna@example.com"
	for _, expression := range []string{
		"dec(row.v)", "int(row.v)", "timestamp(row.v)", "tables.t[row.v]", "row.map[row.v]", "row.list[row.v]", "lookup(row.map, row.v).x",
		"row.v + 1", "duration(row.v)", "time(row.v)", "bool(row.v)", "row.v.missing", "[row.v][1]", "row.v.substring(99)",
	} {
		document := smallest + fmt.Sprintf("        name: %q\n", expression) + "tables: {t: {file: t.csv, key: row.k}}\n"
		folder := t.TempDir()
		write(t, folder, "t.csv", "k\n1\n")
		write(t, folder, "a.jsonl", `{"id": "u", "v": "`+secret+`", "map": {}, "list": []}`+"\n")
		sink := newCountingSink()
		sink.keep = true
		if _, err := open(t, document, folder).Run(t.Context(), sink, nil); err != nil {
			t.Fatal(err)
		}
		item := sink.items[0]
		if item.GetRefusedReason() != importer.ReasonMappingError || item.GetRefusedField() != "name" || item.GetRefusedMessage() == "" {
			t.Errorf("%s: refused as %q at %q: %q", expression, item.GetRefusedReason(), item.GetRefusedField(), item.GetRefusedMessage())
		}
		if strings.Contains(item.GetRefusedMessage(), secret) || !strings.Contains(item.GetOriginal(), secret) {
			t.Errorf("%s: message %q, original %q", expression, item.GetRefusedMessage(), item.GetOriginal())
		}
	}
}

func TestATableWithTwoTruthsIsAnError(t *testing.T) {
	t.Parallel()
	document := smallest + "tables: {t: {file: t.csv, key: row.k}}\n"
	for text, wrong := range map[string]bool{"k,v\n1,2\n1,2\n": false, "k,v\n1,2\n1,3\n": true} {
		folder := t.TempDir()
		write(t, folder, "a.jsonl", "")
		write(t, folder, "t.csv", text)
		_, err := open(t, document, folder).Run(t.Context(), newCountingSink(), nil)
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), "t.csv: line 3: table t") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAConsentOfARowIsYesOrNo(t *testing.T) {
	t.Parallel()
	document := strings.Replace(smallest, "type: track", "type: consent", 1) + "        purpose: row.purpose\n        given: row.given\n"
	folder := t.TempDir()
	write(t, folder, "a.jsonl", `{"id":"u","purpose":"ads","given":true}`+"\n"+`{"id":"u","purpose":"ads","given":false}`+"\n"+
		`{"id":"u","purpose":"ads","given":null}`+"\n"+`{"id":"u","purpose":"ads","given":"no"}`+"\n")
	sink := newCountingSink()
	sink.keep = true
	if _, err := open(t, document, folder).Run(t.Context(), sink, nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range sink.items {
		text := item.GetRefusedField()
		for _, c := range item.GetConsents() {
			text = fmt.Sprintf("%s %t", c.GetPurpose(), c.GetGiven())
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"ads true", "ads false", "given", "given"}, got); diff != "" {
		t.Errorf("consents (-want +got):\n%s", diff)
	}
}
