package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/gateway/normal"
)

func TestTablesAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	want := Table{Columns: []string{"id", "name"}, Rows: [][]string{{"1", "ann b"}, {"2", ""}}}
	var zipped, squeezed bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("id;name\n1;ann b\n2\n"))
	_ = z.Close()
	s, err := zstd.NewWriter(&squeezed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.Write([]byte("id\tname\n1\tann b\n2\t\n"))
	_ = s.Close()
	for name, content := range map[string]string{
		"spaced": "id, name\n1, ann b \n2,\n", "marked": "\ufeffid|name\r\n1|ann b\r\n2|\r\n", "gzip": zipped.String(), "zstd": squeezed.String(),
	} {
		path := filepath.Join(t.TempDir(), "t")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBrokenTablesAreRefused(t *testing.T) {
	t.Parallel()
	endless := "a,b\n1,\"x\n" + strings.Repeat("2,y\n", MaxLineEnds) + "3,\"z\"\n"
	for _, content := range []string{
		"", "a,a\n1,2\n", "a\n1,2\n", "a\n\xff\n", "a,b\r1,2\r", "a,b\n1,\"x\n2,y\n3,z\n", endless,
	} {
		if _, err := Read(strings.NewReader(content)); !errors.Is(err, ErrFile) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestQuotedLineEndsAndNamelessColumnsAreRead(t *testing.T) {
	t.Parallel()
	got, err := Read(strings.NewReader("a,,c\n1,5\" pipe,\"x\ny\"\n2,,\"z\n\"\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Table{Columns: []string{"a", "column_2", "c"}, Rows: [][]string{{"1", "5\" pipe", "x\ny"}, {"2", "", "z"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnErrorNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "twice.csv")
	if err := os.WriteFile(path, []byte("a,a\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "twice.csv") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("a;b\n\"x\"\"y\";2")
	f.Fuzz(func(t *testing.T, content string) {
		table, err := Read(strings.NewReader(content))
		if err != nil {
			return
		}
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) {
				t.Fatal("a row has another number of values than there are columns")
			}
		}
	})
}

func TestAKindThatIsNoneIsNamed(t *testing.T) {
	t.Parallel()
	_, err := ParseModel([]byte("name: people\nfields:\n  - {name: born, kind: birthday}\n"))
	if !errors.Is(err, match.ErrModel) || !strings.Contains(err.Error(), `"birthday"`) {
		t.Errorf("%v", err)
	}
	if _, err = ParseModel([]byte("name: people\n")); !errors.Is(err, match.ErrModel) || !strings.Contains(err.Error(), "0 fields") {
		t.Errorf("without fields: %v", err)
	}
}

func FuzzParseModel(f *testing.F) {
	f.Add("name: people\nfields:\n  - {name: born, kind: date}\n")
	f.Add("{}")
	f.Fuzz(func(t *testing.T, document string) {
		m, err := ParseModel([]byte(document))
		if err != nil {
			if !errors.Is(err, match.ErrModel) {
				t.Fatal("an error of another kind")
			}
			return
		}
		if _, err := match.NewMatcher(m); err != nil {
			t.Fatal("a model that cannot be used")
		}
	})
}

func TestTheTruthNeverReachesTheModel(t *testing.T) {
	t.Parallel()
	path := write(t, newCrowd(4, .1, .05).records(300), columns()...)
	tr := trial(t, Options{In: path, ID: "key", Truth: "person"})
	for _, field := range tr.Result.Model.Fields {
		if field.Name == "key" || field.Name == "person" {
			t.Errorf("the model has %s", field.Name)
		}
	}
}

func TestTheAnswerIsTheSameWithAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	path := write(t, newCrowd(4, .1, .05).records(300), columns()...)
	run := func(workers int) *Trial {
		reader, err := normal.NewFields(normal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Run(t.Context(), Options{In: path, ID: "key", Reader: reader, Workers: workers, Seed: 1, Low: .2, High: .8})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	if diff := cmp.Diff(run(1).Pairs, run(3).Pairs); diff != "" {
		t.Error(diff)
	}
}

func TestTwoFilesAreLinked(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it takes half a minute (left out by -short)")
	}
	rows := newCrowd(12, .15, .05).records(2400)
	a, b := write(t, rows[:1200], columns()...), write(t, rows[1200:], columns()...)
	tr := trial(t, Options{In: a, With: b, ID: "key", Truth: "person"})
	if link := tr.Result.Thresholds[1]; *link.Precision < .99 || *link.Recall < .97 {
		t.Errorf("precision %.4f and recall %.4f at 0.8", *link.Precision, *link.Recall)
	}
}

// chinese writes people whose names come with homophones, as they do when heard on the phone.
func chinese(t *testing.T, n int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 9))
	families, signs := []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"), []rune("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国红梅晓小")
	homophones := map[rune]rune{'晓': '小', '小': '晓', '杰': '洁', '静': '婧', '明': '鸣', '伟': '玮', '丽': '莉', '娟': '涓', '华': '桦'}
	towns := []string{"北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "南京"}
	var b strings.Builder
	b.WriteString("编号,姓名,手机号,出生日期,城市,谁\n")
	id := 0
	for who := range n {
		name := []rune{families[r.IntN(len(families))], signs[r.IntN(len(signs))], signs[r.IntN(len(signs))]}
		phone := fmt.Sprintf("1%d%09d", []int{3, 5, 8}[r.IntN(3)], r.IntN(1e9))
		born, town := fmt.Sprintf("%d年%d月%d日", 1950+r.IntN(55), 1+r.IntN(12), 1+r.IntN(28)), towns[r.IntN(len(towns))]
		for copied := range 1 + r.IntN(2) {
			heard := append([]rune(nil), name...)
			if h, ok := homophones[heard[1]]; ok && copied > 0 {
				heard[1] = h
			}
			number := phone
			if r.IntN(4) == 0 {
				number = ""
			} else if r.IntN(6) == 0 {
				number = "+86 " + phone
			}
			id++
			fmt.Fprintf(&b, "k%d,%s,%s,%s,%s,%d\n", id, string(heard), number, born, town, who)
		}
	}
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChineseNamesMatchByTheirSound(t *testing.T) {
	t.Parallel()
	tr := trial(t, Options{In: chinese(t, 900), Truth: "谁"})
	if link := tr.Result.Thresholds[1]; *link.Precision < .99 || *link.Recall < .97 {
		t.Errorf("precision %.4f and recall %.4f at 0.8", *link.Precision, *link.Recall)
	}
}

func TestTwoFilesMayNameTheirIdsDifferently(t *testing.T) {
	t.Parallel()
	rows := newCrowd(12, .15, .05).records(600)
	a, b := write(t, rows[:300], columns()...), write(t, rows[300:], columns()...)
	text, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b, bytes.Replace(text, []byte("key,"), []byte("number,"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	tr := trial(t, Options{In: a, With: b, Truth: "person"})
	if tr.IDs[0] != rows[0][0] || tr.IDs[300] != rows[300][0] {
		t.Errorf("%q and %q are not the ids %q and %q", tr.IDs[0], tr.IDs[300], rows[0][0], rows[300][0])
	}
}

func TestFilesThatHaveNothingInCommonAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv")
	for path, text := range map[string]string{a: "id,name\n1,Ann\n2,Bob\n", b: "key,town\n1,Bonn\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(t.Context(), Options{In: a, With: b}); !errors.Is(err, ErrOptions) {
		t.Errorf("nothing in common: %v", err)
	}
	if _, err := Run(t.Context(), Options{In: b}); !errors.Is(err, match.ErrTooFew) {
		t.Errorf("one row: %v", err)
	}
}

func TestAWaterfallIsDrawnForAnyTwoRows(t *testing.T) {
	t.Parallel()
	tr := trial(t, Options{In: write(t, newCrowd(4, .1, .05).records(300), columns()...), ID: "key", Truth: "person"})
	w, err := tr.Waterfall("r1", "r2")
	if err != nil {
		t.Fatal(err)
	}
	sum := w.Prior
	for _, term := range w.Terms {
		sum += term.Bits + term.FrequencyBits
	}
	if math.Abs(sum-w.Weight) > 1e-12 {
		t.Errorf("%v is not %v", sum, w.Weight)
	}
	if _, err := tr.Waterfall("r1", "nobody"); !errors.Is(err, ErrOptions) {
		t.Errorf("%v", err)
	}
}

func TestItStopsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reader, err := normal.NewFields(normal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, newCrowd(4, .1, .05).records(300), columns()...)
	if _, err := Run(ctx, Options{In: path, Reader: reader, Workers: 2}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}

func TestATruthThatFitsNothingIsRefused(t *testing.T) {
	t.Parallel()
	path := write(t, newCrowd(4, .1, .05).records(50), columns()...)
	for _, truth := range []string{"nobody", "(", "no group", "^elsewhere-(.*)"} {
		if _, err := Run(t.Context(), Options{In: path, Truth: truth}); !errors.Is(err, ErrOptions) {
			t.Errorf("%q: %v", truth, err)
		}
	}
}
