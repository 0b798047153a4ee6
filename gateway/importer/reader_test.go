package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// seenRow is a row in a form that a test can compare.
type seenRow struct {
	Line   int
	Raw    string
	Cells  []string
	Reason string
}

func readAll(t *testing.T, in io.Reader, spec inputSpec) ([]seenRow, lineCounts, error) {
	t.Helper()
	rows, err := newRowReader(in, spec)
	if err != nil {
		return nil, lineCounts{}, err
	}
	var seen []seenRow
	for {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			return seen, rows.counts(), nil
		}
		if err != nil {
			return seen, rows.counts(), err
		}
		s := seenRow{Line: r.line, Raw: r.raw}
		if r.fault != nil {
			s.Reason = r.fault.reason
		} else if c, ok := r.value.fields.(csvRow); ok {
			s.Cells = c.cells
		}
		seen = append(seen, s)
	}
}

func commaSpec() inputSpec { return inputSpec{format: formatCSV, separator: ','} }

func TestCSVRowsKnowTheirLines(t *testing.T) {
	t.Parallel()
	text := "\xef\xbb\xbf\n" + // a byte order mark and a blank line before the header
		"a,\"b \"\"x\"\"\"\r\n" +
		"1,two\r\n" +
		"  \n" +
		"\"multi\nline\",\"q\"\"q\"\n" +
		"3\n" +
		"bare\"quote,4\n" +
		"\"closed\"late,5\n" +
		"\"never closed,6\n" +
		"7,last without end"
	got, counts, err := readAll(t, strings.NewReader(text), commaSpec())
	if err != nil {
		t.Fatal(err)
	}
	want := []seenRow{
		{3, "1,two", []string{"1", "two"}, ""},
		{5, "\"multi\nline\",\"q\"\"q\"", []string{"multi\nline", `q"q`}, ""},
		{7, "3", nil, ReasonMalformedRow},
		{8, "bare\"quote,4", nil, ReasonMalformedRow},
		{9, "\"closed\"late,5", nil, ReasonMalformedRow},
		{10, "\"never closed,6", nil, ReasonMalformedRow},
		{11, "7,last without end", []string{"7", "last without end"}, ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if want := (lineCounts{lines: 11, header: 2, blank: 1, continued: 1}); counts != want {
		t.Errorf("counts = %+v, want %+v", counts, want)
	}
}

func TestHeadersThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"": errNoHeader, "\n\n": errNoHeader, "a,a\n1,2\n": errBadHeader, "a,\"b\n": errBadHeader, "a,\xff\n": errBadHeader} {
		if _, _, err := readAll(t, strings.NewReader(text), commaSpec()); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestAHugeLineIsRefusedAndTheNextIsRead(t *testing.T) {
	t.Parallel()
	for _, n := range []int{MaxLineBytes - 1, MaxLineBytes, MaxLineBytes + 1, 3*MaxLineBytes + 7} {
		long := strings.Repeat("x", n)
		got, counts, err := readAll(t, strings.NewReader("a\n"+long+"\nok\n"), commaSpec())
		if err != nil || len(got) != 2 || counts.lines != 3 {
			t.Fatalf("%d bytes: %d rows, %+v, %v", n, len(got), counts, err)
		}
		if got[1].Raw != "ok" || got[1].Line != 3 {
			t.Errorf("%d bytes: the next row is %q at %d", n, got[1].Raw, got[1].Line)
		}
		refused := got[0].Reason == ReasonRowTooLarge && len(got[0].Raw) == keptOfHugeLine
		if refused != (n > MaxLineBytes) {
			t.Errorf("%d bytes: reason %q, kept %d", n, got[0].Reason, len(got[0].Raw))
		}
	}
}

func TestBytesThatAreNotUTF8AreKeptInBase64(t *testing.T) {
	t.Parallel()
	got, _, err := readAll(t, strings.NewReader("a\ncaf\xe9\n"), commaSpec())
	if err != nil || len(got) != 1 || got[0].Reason != ReasonInvalidUTF8 {
		t.Fatalf("%+v, %v", got, err)
	}
	kept, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(original(got[0].Raw), "base64:"))
	if err != nil || string(kept) != "caf\xe9" {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestATruncatedFileIsReportedWithItsPosition(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat(`{"a": 1, "b": "something that repeats"}`+"\n", 5000))
	for i := range 5000 {
		text[i*40+6] = byte('0' + i%7)
	}
	var zipped, zstandard bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&zstandard, zstd.WithWindowSize(zstd.MinWindowSize))
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
	for name, whole := range map[string][]byte{"a.gz": zipped.Bytes(), "a.zst": zstandard.Bytes()} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, whole[:len(whole)*3/4], 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := inputFile{path: path, base: "a"}.open(new(atomic.Int64))
		if err != nil {
			t.Fatal(err)
		}
		rows, counts, err := readAll(t, in, inputSpec{format: formatJSONLines})
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "after line ") {
			t.Errorf("%s: error = %v", name, err)
		}
		if len(rows) == 0 || len(rows) != counts.lines || len(rows) >= 5000 {
			t.Errorf("%s: %d rows of %d lines were read before the end", name, len(rows), counts.lines)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzCSV: never a panic, every line accounted for, and where encoding/csv reads a file without complaint the
// cells are the same.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "a,b\n\"1\n2\",3\n\n", "a\n\"", "a,b\n\"x\"\"y\",\n", "a\r\n\"1\"\r\n", "a,b\n\"1\"x,2\n", "a\n\xff\n", ",\n,\n", "a\n\"\n\"\n\"\n",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, trim bool) {
		spec := commaSpec()
		spec.trim = trim
		rows, counts, err := readAll(t, strings.NewReader(text), spec)
		if err != nil {
			return
		}
		if got := counts.header + counts.blank + counts.continued + len(rows); got != counts.lines {
			t.Fatalf("header + blank + continued + rows = %d, lines = %d (%+v)", got, counts.lines, counts)
		}
		for i := 1; i < len(rows); i++ {
			if rows[i].Line <= rows[i-1].Line {
				t.Fatalf("line %d after line %d", rows[i].Line, rows[i-1].Line)
			}
		}
		if !trim && utf8.ValidString(text) && !strings.Contains(text, "\r") && counts.blank == 0 {
			compareWithStandard(t, text, rows)
		}
	})
}

func compareWithStandard(t *testing.T, text string, rows []seenRow) {
	t.Helper()
	std := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\xef\xbb\xbf")))
	all, err := std.ReadAll()
	if err != nil || len(all) != len(rows)+1 {
		return
	}
	for i, r := range rows {
		if r.Reason == "" && !strings.Contains(r.Raw, "\n\n") {
			if diff := cmp.Diff(all[i+1], r.Cells); diff != "" {
				t.Fatalf("row %d (-encoding/csv +got):\n%s", i, diff)
			}
		}
	}
}

// FuzzJSONLines: never a panic, every line accounted for.
func FuzzJSONLines(f *testing.F) {
	for _, seed := range []string{"{}\n\n{\"a\":1}", "x\n{}\n", "{\"a\":\n1}", "\xff\n", "\xef\xbb\xbf{}", "{}\r\n{}\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, counts, err := readAll(t, strings.NewReader(text), inputSpec{format: formatJSONLines})
		if err != nil {
			t.Fatal(err)
		}
		if counts.blank+len(rows) != counts.lines {
			t.Fatalf("blank + rows = %d, lines = %d", counts.blank+len(rows), counts.lines)
		}
	})
}
