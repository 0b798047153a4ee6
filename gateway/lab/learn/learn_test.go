package learn

import (
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

	"github.com/profferhq/proffer/domain/stat"
	"github.com/profferhq/proffer/gateway/lab"
)

// sheet is a file in the making.
type sheet struct {
	r     *rand.Rand
	names []string
	rows  [][]string
	yes   []bool
}

// shop makes people of whom it is decided by two columns together, one in words and one missing now and then whether they
// leave; the others are noise.
func shop(rows int, seed uint64) *sheet {
	s := &sheet{r: rand.New(rand.NewPCG(seed, 11)), names: []string{"user_id", "plan", "age", "spend", "joined", "noise", "left"}}
	for i := range rows {
		plan := []string{"basic", "plus", "pro"}[s.r.IntN(3)]
		age, spend := s.r.Float64()*60, s.r.ExpFloat64()*50
		z := -1.5
		if plan == "basic" && age < 30 || plan == "pro" && age >= 30 {
			z = 1.5
		}
		z += (spend - 50) / 80
		cost := fmt.Sprintf("%.2f", spend)
		if s.r.IntN(10) == 0 {
			cost = " "
		}
		yes := s.r.Float64() < stat.Sigmoid(z)
		s.yes = append(s.yes, yes)
		s.rows = append(s.rows, []string{fmt.Sprintf("u%05d", i*7919%100003), plan, fmt.Sprintf("%.1f", age), cost,
			fmt.Sprintf("20%02d-%02d-%02d", 10+s.r.IntN(10), 1+s.r.IntN(12), 1+s.r.IntN(28)), fmt.Sprint(s.r.IntN(9)), word2(yes)})
	}
	return s
}

func word2(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// with adds a column before the label.
func (s *sheet) with(name string, cell func(i int, yes bool) string) *sheet {
	last := len(s.names) - 1
	s.names = append(append(append([]string{}, s.names[:last]...), name), s.names[last])
	for i, row := range s.rows {
		s.rows[i] = append(append(append([]string{}, row[:last]...), cell(i, s.yes[i])), row[last])
	}
	return s
}

func (s *sheet) write(t testing.TB, separator string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range append([][]string{s.names}, s.rows...) {
		b.WriteString(strings.Join(row, separator) + "\n")
	}
	return file(t, b.String())
}

func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func try(t testing.TB, path string, o Options) *Trial {
	t.Helper()
	o.In, o.Workers, o.Seed = path, 2, 1
	if o.Label == "" {
		o.Label = "left"
	}
	if o.Folds == 0 {
		o.Folds = 3
	}
	trial, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := trial.Result
	t.Logf("%d rows: AUC %.4f, log loss %.4f, ECE %.4f; baseline %.4f, %.4f, %.4f", trial.Rows, r.AUC, r.LogLoss, r.ECE, r.Baseline.AUC, r.Baseline.LogLoss, r.Baseline.ECE)
	return trial
}

func warned(r Result, about ...string) bool {
	for _, w := range r.Warnings {
		all := true
		for _, a := range about {
			all = all && strings.Contains(w, a)
		}
		if all {
			return true
		}
	}
	return false
}

func TestWhatHoldsOnlyTogetherIsLearnt(t *testing.T) {
	t.Parallel()
	r := try(t, shop(2400, 1).write(t, ","), Options{}).Result
	if r.AUC < .78 || r.AUC < r.Baseline.AUC+.04 || r.LogLoss > r.Baseline.LogLoss || r.ECE > .05 {
		t.Errorf("%+v", r.Scores)
	}
	if !warned(r, `"user_id"`, "left out") {
		t.Errorf("no warning of the id: %q", r.Warnings)
	}
	if warned(r, "leak") {
		t.Errorf("a leak where there is none: %q", r.Warnings)
	}
	top := map[string]bool{r.Importance[0].Feature: true, r.Importance[1].Feature: true}
	if !top["plan"] || !top["age"] {
		t.Errorf("importance: %+v", r.Importance)
	}
	sum := 0.0
	for _, i := range r.Importance {
		sum += i.Gain
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("gains sum to %v", sum)
	}
}

// However a file is written, what it says is the same.
func TestTheSameRowsGiveTheSameFigures(t *testing.T) {
	t.Parallel()
	s := shop(300, 2)
	want := try(t, s.write(t, ","), Options{Folds: 2}).Result
	for _, separator := range []string{";", "\t", "|"} {
		if diff := cmp.Diff(want, try(t, s.write(t, separator), Options{Folds: 2}).Result); diff != "" {
			t.Errorf("separated by %q: %s", separator, diff)
		}
	}
	for _, words := range [][2]string{{"TRUE", "FALSE"}, {"1", "0"}, {"1.0", "0.0"}, {"t", "f"}, {"Y", "N"}, {"churned", "retained"}, {"1", "-1"}, {"bad", "good"}} {
		for i, yes := range s.yes {
			s.rows[i][len(s.names)-1] = words[1]
			if yes {
				s.rows[i][len(s.names)-1] = words[0]
			}
		}
		if diff := cmp.Diff(want, try(t, s.write(t, ","), Options{Label: "LEFT", Folds: 2}).Result); diff != "" {
			t.Errorf("%q: %s", words, diff)
		}
	}
}

func TestLeaksAreNamed(t *testing.T) {
	t.Parallel()
	leaks := map[string]func(r *rand.Rand, yes bool) string{
		"copied": func(_ *rand.Rand, yes bool) string { return map[bool]string{true: "gone", false: "here"}[yes] },
		"nearly": func(r *rand.Rand, yes bool) string {
			return fmt.Sprint(map[bool]int{true: 1}[yes != (r.IntN(40) == 0)])
		},
		"cancel_reason": func(r *rand.Rand, yes bool) string {
			if yes && r.IntN(2) == 0 {
				return []string{"price", "moved"}[r.IntN(2)]
			}
			return ""
		},
		"refunded": func(r *rand.Rand, yes bool) string {
			if yes && r.IntN(2) == 0 {
				return fmt.Sprintf("%.2f", r.ExpFloat64()*20)
			}
			return "0"
		},
		"closed_on": func(r *rand.Rand, yes bool) string {
			if yes {
				return fmt.Sprintf("2024-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28))
			}
			return ""
		},
		"last_state": func(r *rand.Rand, yes bool) string {
			if yes && r.IntN(3) == 0 {
				return "terminated"
			}
			return []string{"a", "b", "c"}[r.IntN(3)]
		},
	}
	for name, cell := range leaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop(500, 3)
			path := s.with(name, func(_ int, yes bool) string { return cell(s.r, yes) }).write(t, ",")
			if r := try(t, path, Options{Folds: 2}).Result; !warned(r, `"`+name+`"`, "leak") {
				t.Errorf("no warning: %q", r.Warnings)
			}
			if r := try(t, path, Options{Folds: 2, Drop: []string{name}}).Result; warned(r, "leak") {
				t.Errorf("dropped, and yet: %q", r.Warnings)
			}
		})
	}
}

// A word's rate among the rows learnt from must not tell a row its own label: with a word for every other row that would
// make noise look like knowledge.
func TestManyWordsTellNothingByThemselves(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	var b strings.Builder
	b.WriteString("city,left\n")
	for range 1500 {
		fmt.Fprintf(&b, "town %d,%s\n", r.IntN(500), word2(r.IntN(3) == 0))
	}
	res := try(t, file(t, b.String()), Options{}).Result
	if math.Abs(res.AUC-.5) > .05 || res.ECE > .05 {
		t.Errorf("noise has an AUC of %.4f, an ECE of %.4f", res.AUC, res.ECE)
	}
	if !warned(res, "next to nothing") {
		t.Errorf("%q", res.Warnings)
	}
}

func TestManyWordsAreLearntFrom(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it trains for many seconds (left out by -short)")
	}
	r := rand.New(rand.NewPCG(5, 5))
	var b strings.Builder
	b.WriteString("city,left\n")
	for range 3000 {
		city := r.IntN(60)
		fmt.Fprintf(&b, "town %d,%s\n", city, word2(r.Float64() < .1+.8*float64(city%2)))
	}
	if res := try(t, file(t, b.String()), Options{}).Result; res.AUC < .87 {
		t.Errorf("AUC %.4f", res.AUC)
	}
}

func TestTheBaselineMayBeBetter(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	var b strings.Builder
	b.WriteString("a,b,c,d,e,left\n")
	for range 250 {
		z := 0.0
		for range 5 {
			x := r.NormFloat64()
			z += x
			fmt.Fprintf(&b, "%.3f,", x)
		}
		fmt.Fprintln(&b, word2(r.Float64() < stat.Sigmoid(z)))
	}
	res := try(t, file(t, b.String()), Options{}).Result
	if res.AUC < res.Baseline.AUC && !warned(res, "baseline is better") {
		t.Errorf("AUC %.4f, baseline %.4f: %q", res.AUC, res.Baseline.AUC, res.Warnings)
	}
	if res.Baseline.AUC < .85 {
		t.Errorf("the baseline has an AUC of %.4f", res.Baseline.AUC)
	}
}

func TestRarePositivesStayRare(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it trains for many seconds (left out by -short)")
	}
	r := rand.New(rand.NewPCG(7, 7))
	var b strings.Builder
	b.WriteString("a;b;left\n")
	for range 6000 {
		x, y := r.NormFloat64(), r.NormFloat64()
		fmt.Fprintf(&b, "%.3f;%.3f;%s\n", x, y, word2(r.Float64() < stat.Sigmoid(-4.3+1.5*x*y)))
	}
	trial := try(t, file(t, b.String()), Options{Folds: 2})
	mean := 0.0
	for _, l := range trial.Lift {
		mean += l.MeanScore / float64(len(trial.Lift))
	}
	if math.Abs(mean-trial.BaseRate) > .005 || trial.Result.ECE > .01 || trial.Result.AUC < trial.Result.Baseline.AUC+.05 {
		t.Errorf("mean score %.4f, base rate %.4f, %+v", mean, trial.BaseRate, trial.Result.Scores)
	}
}

func TestTheSeedDecidesAll(t *testing.T) {
	t.Parallel()
	path := shop(400, 8).write(t, ",")
	a, b := try(t, path, Options{Folds: 2}).Result, try(t, path, Options{Folds: 2}).Result
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

func TestLabelsThatAreNoYesOrNoAreRefused(t *testing.T) {
	t.Parallel()
	rows := func(label func(i int) string) string {
		var b strings.Builder
		b.WriteString("x,outcome\n")
		for i := range 100 {
			fmt.Fprintf(&b, "%d,%s\n", i*i%17, label(i))
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		content string
		o       Options
		say     []string
	}{
		"one class": {rows(func(int) string { return "no" }), Options{}, []string{"outcome", "one class", `"no"`}},
		"three":     {rows(func(i int) string { return string(rune('a' + i%3)) }), Options{}, []string{"outcome", "3 classes", `"a"`, `"b"`, `"c"`}},
		"numbers":   {rows(func(i int) string { return fmt.Sprint(i) }), Options{}, []string{"outcome", "100 different numbers"}},
		"empty":     {rows(func(int) string { return "" }), Options{}, []string{"outcome", "no values"}},
		"too few":   {rows(func(i int) string { return word2(i < 3) }), Options{}, []string{"outcome", "3 rows", "folds"}},
		"no column": {rows(func(i int) string { return word2(i%2 > 0) }), Options{Label: "y"}, []string{`"y"`, `"outcome"`}},
		"drop":      {rows(func(i int) string { return word2(i%2 > 0) }), Options{Drop: []string{"z"}}, []string{`"z"`}},
		"nothing":   {rows(func(i int) string { return word2(i%2 > 0) }), Options{Drop: []string{"x"}}, []string{"no column"}},
		"no folds":  {rows(func(i int) string { return word2(i%2 > 0) }), Options{Folds: 1}, []string{"folds"}},
	} {
		o := c.o
		o.In, o.Seed = file(t, c.content), 1
		if o.Label == "" {
			o.Label = "outcome"
		}
		if o.Folds == 0 {
			o.Folds = 5
		}
		_, err := Run(context.Background(), o)
		if !errors.Is(err, lab.ErrOptions) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, say := range c.say {
			if !strings.Contains(err.Error(), say) {
				t.Errorf("%s: %q does not say %s", name, err, say)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Options{In: shop(200, 1).write(t, ","), Label: "left", Folds: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCellsAreRead(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]float64{
		"12": 12, "-1.5e3": -1500, "$1200.50": 1200.5, "-$3": -3, "45 %": 45, " 7 ": 7, ".5": .5,
		"inf": math.NaN(), "0x10": math.NaN(), "1_000": math.NaN(), "twelve": math.NaN(), "1e400": math.NaN(), "": math.NaN(),
	} {
		if got := plainNumber.parse(cell); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q is %v, want %v", cell, got, want)
		}
	}
	for name, c := range map[string]struct {
		cells []string
		want  []float64
	}{
		"decimal commas": {[]string{"1,5", "2,25", "1.234,5"}, []float64{1.5, 2.25, 1234.5}},
		"groups":         {[]string{"1,234.5", "12,345,678", "7"}, []float64{1234.5, 12345678, 7}},
		"missing":        {[]string{"1", "", "NA", "-"}, []float64{1, math.NaN(), math.NaN(), math.NaN()}},
	} {
		got, odd, ok := numbersOf(c.cells)
		if !ok || odd != 0 || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v (%d odd, %v), want %v", name, got, odd, ok, c.want)
		}
	}
	if _, _, ok := numbersOf([]string{"a", "b", "1"}); ok {
		t.Error("words are numbers")
	}
	for _, cells := range [][]string{{"2024-01-31", ""}, {"31.01.2024"}, {"01/31/2024", "02/01/2024"}, {"2024-01-31T00:00:00Z"}, {"31/01/2024"}} {
		got, ok := datesOf(cells)
		if !ok || got[0].Format("2006-01-02") != "2024-01-31" {
			t.Errorf("%q: %v, %v", cells, got, ok)
		}
	}
}

// No bytes make it panic.
func FuzzRun(f *testing.F) {
	f.Add("a,left\n" + strings.Repeat("1,yes\n2,no\n3,yes\n4,no\n", 5))
	f.Add("d;w;left\n" + strings.Repeat("2024-01-01;a;1\n2024-01-02;b;0\n;;1\n;;0\n", 5))
	f.Fuzz(func(t *testing.T, content string) {
		table, err := lab.Read(strings.NewReader(content))
		if err != nil || len(table.Rows) > 200 {
			return
		}
		s, err := newSubject(table, Options{Label: "left", Folds: 2})
		if err != nil {
			return
		}
		if _, err := s.folds(context.Background(), Options{Folds: 2, Workers: 1}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}
