package lab

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/value"
)

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDatesAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	want := int(time.Date(2010, 12, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	for _, cell := range []string{
		"2010-12-01", "2010/12/1", "20101201", "2010-12-01 23:59:59", "2010-12-01T23:59:59+09:00", "1 Dec 2010", "1-December-10", "Dec 1, 2010",
		"1st Dec 2010", "2010年12月1日", "1291161600", "1291161600000", "20101201 08:26",
	} {
		got, err := days([]string{cell}, DateAuto)
		if err != nil || got[0] != want {
			t.Errorf("%s: %v %v", cell, got, err)
		}
	}
	for _, c := range []struct {
		cells []string
		order DateOrder
	}{
		{[]string{"01/12/2010", "13/12/2010"}, DateAuto}, {[]string{"12/1/10 8:26", "12/13/10 9:00"}, DateAuto},
		{[]string{"01.12.2010"}, DateDMY}, {[]string{"12/01/2010"}, DateMDY},
	} {
		got, err := days(c.cells, c.order)
		if err != nil || got[0] != want {
			t.Errorf("%v: %v %v", c.cells, got, err)
		}
	}
	if _, err := days([]string{"01/12/2010", "02/11/2010"}, DateAuto); !errors.Is(err, ErrOptions) {
		t.Errorf("either way round: %v", err)
	}
	got, err := days([]string{"", "2010-13-01", "2010-02-30", "yesterday", "7", "99999999"}, DateAuto)
	if diff := cmp.Diff([]int{noDay, noDay, noDay, noDay, noDay, noDay}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func FuzzReadDate(f *testing.F) {
	for _, s := range []string{"2010-12-01", "1/2/3", "Dec 1, 2010", "1291161600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		w, err := readDate(cell)
		if err == nil && w.known && (w.day < -719528 || w.day > 2932896) && len(strings.TrimSpace(cell)) == 10 && strings.Count(cell, "-") == 2 {
			t.Fatalf("day %d", w.day)
		}
	})
}

func TestAmountsAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cells []string
		want  []float64
	}{
		{[]string{"1,234.50", "3", "$7"}, []float64{1234.5, 3, 7}},
		{[]string{"1.234,50", "3", "12,5 €"}, []float64{1234.5, 3, 12.5}},
		{[]string{"1,234", "(5.25)"}, []float64{1234, -5.25}},
		{[]string{"0.001", "-2"}, []float64{.001, -2}},
		{[]string{"", "x", "1e3"}, []float64{math.NaN(), math.NaN(), 1000}},
	} {
		for i, a := range amountsOf(c.cells) {
			if a.known == math.IsNaN(c.want[i]) || a.known && a.micros != int64(math.Round(c.want[i]*1e6)) {
				t.Errorf("%q: %+v", c.cells[i], a)
			}
		}
	}
	if p := product(amount{-74_215_000_000, true}, amount{1_040_000, true}); p.micros != -77_183_600_000 {
		t.Errorf("product %+v", p)
	}
	if p := product(amount{math.MaxInt64, true}, amount{2_000_000, true}); p.known {
		t.Errorf("a product that does not fit: %+v", p)
	}
}

func FuzzReadAmount(f *testing.F) {
	f.Add("1.234,5", true)
	f.Add("(3)", false)
	f.Fuzz(func(t *testing.T, cell string, comma bool) {
		if m, err := readAmount(cell, comma); err != nil && m != 0 {
			t.Fatal("a value beside an error")
		}
	})
}

const shop = `who;when;paid
a;2020-01-01;10
a;2020-01-01;5
a;2020-01-08;7,50
a;2020-01-08;2,50
a;2020-01-15;20
a;2020-02-26;99
b;2020-01-15;0
b;2020-01-16;-3
;2020-01-16;3
c;soon;3
c;2020-01-17;lots
`

func TestTheEndIsWrittenAsTheDatesAre(t *testing.T) {
	t.Parallel()
	for until, order := range map[string]DateOrder{"2020-01-29": DateAuto, "29/01/2020": DateAuto, "1/2/2020": DateDMY, "2/1/2020": DateMDY} {
		got, err := readTransactions(TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Until: until, Order: order})
		if err != nil || got.left.AfterUntil != 1 {
			t.Errorf("%s: %v", until, err)
		}
	}
	if _, err := readTransactions(TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Until: "1/2/2020"}); !errors.Is(err, ErrOptions) {
		t.Errorf("either way round: %v", err)
	}
}

func TestADayIsOneOccasionAndTheFirstIsNoRepeat(t *testing.T) {
	t.Parallel()
	got, err := readTransactions(TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Value: "paid", Until: "2020-01-29"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(LeftOut{NoCustomer: 1, BadDate: 1, BadValue: 1, Refunds: 1, AfterUntil: 1}, got.left); diff != "" || got.zeros != 1 || len(got.buyers) != 2 {
		t.Fatal(diff, got)
	}
	h := value.HistoryOf(got.buyers[0].occasions, got.end, 7)
	if want := (value.History{Repeats: 2, Last: 2, Observed: 4, Mean: 15}); h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
	if h := value.HistoryOf(got.buyers[1].occasions, got.end, 7); h.Repeats != 0 || h.Last != 0 || h.Observed != 2 {
		t.Errorf("got %+v", h)
	}
}

// purchases writes what people of the models' kind bought in a year.
func purchases(people int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("customer,date,quantity,price\n")
	start := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range people {
		rate, leave := r.ExpFloat64()/20, r.Float64()*.5
		for at := r.Float64() * 90; at < 360; at += r.ExpFloat64() / rate {
			fmt.Fprintf(&b, "c%d,%s,2,%.2f\n", i, start.AddDate(0, 0, int(at)).Format(time.DateOnly), 1+r.ExpFloat64()*float64(1+i%9))
			if r.Float64() < leave {
				break
			}
		}
	}
	return b.String()
}

func TestASummaryGivesWhatTheTransactionsGive(t *testing.T) {
	t.Parallel()
	o := LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, purchases(800)), Customer: "customer", Date: "date", Value: "quantity*price", Until: "2021-12-31"}, Unit: "week"}
	one, err := Lifetime(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("id\tfrequency\trecency\tT\tvalue\n")
	for _, c := range one.Customers {
		mean := ""
		if c.Mean != nil {
			mean = fmt.Sprint(*c.Mean)
		}
		fmt.Fprintf(&b, "%s\t%d\t%v\t%v\t%s\n", c.ID, c.Frequency, c.Recency, c.T, mean)
	}
	two, err := Lifetime(t.Context(), LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, b.String())}, Summary: true, Unit: "week"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one.Customers, two.Customers); diff != "" || one.BGNBD != two.BGNBD || *one.GammaGamma != *two.GammaGamma {
		t.Error(diff)
	}
	if one.Horizon != 52 || one.Customers[0].ExpectedValue == nil || one.BGNBD.LogLikelihood >= 0 {
		t.Errorf("%+v", one.Customers[0])
	}
	o.Value = ""
	three, err := Lifetime(t.Context(), o)
	if err != nil || three.GammaGamma != nil || three.Customers[0].ExpectedValue != nil || len(three.Warnings) == 0 || three.BGNBD != one.BGNBD {
		t.Errorf("without values: %+v %v", three, err)
	}
}

func TestWhatCannotBeLearnedFromIsRefused(t *testing.T) {
	t.Parallel()
	once := strings.Builder{}
	once.WriteString("c,d\n")
	for i := range 100 {
		fmt.Fprintf(&once, "p%d,2020-01-%02d\n", i, 1+i%28)
	}
	tooFar := 1e300
	for name, c := range map[string]struct {
		o    LifetimeOptions
		want error
	}{
		"nobody buys again":   {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, once.String()), Customer: "c", Date: "d"}}, value.ErrHopeless},
		"few":                 {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Value: "paid"}}, value.ErrHopeless},
		"no column":           {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop), Customer: "whom", Date: "when"}}, ErrOptions},
		"no value column":     {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Value: "a*b"}}, ErrOptions},
		"no end":              {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Until: "then"}}, ErrOptions},
		"nothing before end":  {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop), Customer: "who", Date: "when", Until: "2019-01-01"}}, ErrFile},
		"no summary":          {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, shop)}, Summary: true}, ErrOptions},
		"a summary that lies": {LifetimeOptions{TransactionOptions: TransactionOptions{In: file(t, "frequency,recency,T\n1,5,4\n")}, Summary: true}, value.ErrHistory},
		"horizon of nothing":  {LifetimeOptions{Horizon: new(float64)}, ErrOptions},
		"horizon too far":     {LifetimeOptions{Horizon: &tooFar}, ErrOptions},
		"unit":                {LifetimeOptions{Unit: "fortnight"}, ErrOptions},
	} {
		if _, err := Lifetime(t.Context(), c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The parameters that the usual Python library finds on these very rows, by day: r 0.83, alpha 68.89, a 0.00, b 6.75;
// p 2.10, q 3.45, v 485.57.
func TestOnlineRetailLifetimes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: a whole data set (make e2e)")
	}
	r, err := Lifetime(t.Context(), LifetimeOptions{TransactionOptions: TransactionOptions{
		In: dataFile(t, "online_retail/online_retail.csv.zst"), Customer: "CustomerID", Date: "InvoiceDate", Value: "Quantity*UnitPrice", Until: "2011-12-09"}, Unit: "day"})
	if err != nil {
		t.Fatal(err)
	}
	if r.People != 4339 || r.Repeating != 2790 || r.LeftOut != (LeftOut{NoCustomer: 135080, Refunds: 8905}) {
		t.Errorf("%d people, %d again, %+v", r.People, r.Repeating, r.LeftOut)
	}
	for _, c := range [][3]float64{
		{r.BGNBD.R, .83, .005}, {r.BGNBD.Alpha, 68.89, .05}, {r.BGNBD.A, 0, .005}, {r.BGNBD.B, 6.75, .02},
		{r.GammaGamma.P, 2.10, .005}, {r.GammaGamma.Q, 3.45, .005}, {r.GammaGamma.V, 485.57, .02},
	} {
		if math.Abs(c[0]-c[1]) > c[2] {
			t.Errorf("got %g, want %g", c[0], c[1])
		}
	}
}
