package rowfile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func sample(rows int) (Head, Rows) {
	h := Head{
		View: "core@1", ViewFingerprint: "ab", Features: []string{"zebra", "label", "ant"}, Label: "churn", LabelJSON: `{"name":"churn"}`,
		Cut: "BEHAVIOUR/3",
	}
	var r Rows
	for i := range rows {
		r.Profiles = append(r.Profiles, "p"+strconv.Itoa(i))
		r.AtMS = append(r.AtMS, int64(i)*1000)
		r.Decisions = append(r.Decisions, []string{"", "d"}[i%2])
		r.Labels = append(r.Labels, float64(i%2))
		r.Values = append(r.Values, float64(i)/3, math.NaN(), -0.5)
	}
	return h, r
}

func written(t *testing.T, path string, h Head, parts ...Rows) []byte {
	t.Helper()
	f, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range parts {
		if err := f.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file has its name before it is whole: %v", err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParquetReadsBackBitForBit(t *testing.T) {
	t.Parallel()
	const rows = rowGroup + 10
	h, r := sample(rows)
	data := written(t, filepath.Join(t.TempDir(), "rows.parquet"), h, r)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range file.Schema().Fields() {
		names = append(names, f.Name())
	}
	if want := []string{"profile", "at", "decision", "label", "zebra", "label_", "ant"}; len(names) != len(want) || names[4] != "zebra" || names[5] != "label_" {
		t.Errorf("columns %v, want %v", names, want)
	}
	for key, want := range map[string]string{
		"proffer.view": "core@1", "proffer.view_fingerprint": "ab", "proffer.label_json": `{"name":"churn"}`, "proffer.cut": "BEHAVIOUR/3",
	} {
		if got, _ := file.Lookup(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	reader := parquet.NewReader(file)
	defer func() { _ = reader.Close() }()
	buffer := make([]parquet.Row, 100)
	for i := 0; i < rows; {
		n, err := reader.ReadRows(buffer)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		for _, row := range buffer[:n] {
			if row[0].String() != r.Profiles[i] || row[1].Int64() != r.AtMS[i] || row[2].IsNull() != (r.Decisions[i] == "") ||
				row[3].Double() != r.Labels[i] || math.Float64bits(row[4].Double()) != math.Float64bits(r.Values[3*i]) || !row[5].IsNull() {
				t.Fatalf("row %d is %v", i, row)
			}
			i++
		}
		if n == 0 {
			t.Fatalf("only %d rows", i)
		}
	}
}

func TestAFileDependsOnItsRowsOnly(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{".parquet", ".csv"} {
		h, r := sample(100)
		dir := t.TempDir()
		whole := written(t, filepath.Join(dir, "a"+ext), h, r)
		first := Rows{r.Profiles[:7], r.AtMS[:7], r.Decisions[:7], r.Labels[:7], r.Values[:21]}
		rest := Rows{r.Profiles[7:], r.AtMS[7:], r.Decisions[7:], r.Labels[7:], r.Values[21:]}
		if parts := written(t, filepath.Join(dir, "b"+ext), h, first, rest); !bytes.Equal(whole, parts) {
			t.Errorf("%s: the bytes depend on how the rows came", ext)
		}
	}
}

func TestCSVIsPlain(t *testing.T) {
	t.Parallel()
	h, r := sample(2)
	got := string(written(t, filepath.Join(t.TempDir(), "rows.csv"), h, r))
	want := "profile,at,decision,label,zebra,label_,ant\n" +
		"p0,1970-01-01T00:00:00.000Z,,0,0,,-0.5\np1,1970-01-01T00:00:01.000Z,d,1,0.3333333333333333,,-0.5\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAnAbortedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, r := sample(3)
	path := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(r); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
	if data, _ := os.ReadFile(path); string(data) != "before" {
		t.Errorf("the file before is %q now", data)
	}
	if _, err := Create(filepath.Join(dir, "rows.xls"), h); !errors.Is(err, ErrFormat) {
		t.Errorf("a format of nobody: %v", err)
	}
}

func BenchmarkParquet(b *testing.B) {
	h, r := sample(rowGroup)
	h.Features = h.Features[:0]
	for i := range 120 {
		h.Features = append(h.Features, "f"+strconv.Itoa(i))
	}
	r.Values = make([]float64, 120*rowGroup)
	for i := range r.Values {
		switch i % 3 {
		case 0:
			r.Values[i] = float64(i%97) / 7
		case 1:
			r.Values[i] = math.NaN()
		}
	}
	for b.Loop() {
		p, err := newParquet(io.Discard, h)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(p.write(r), p.close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rowGroup)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
