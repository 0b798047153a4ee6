package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/segment"
)

// crowds writes rows of three kinds of people: size scales how many of each there are.
func crowds(sizes ...int) string {
	var b strings.Builder
	b.WriteString("id,orders,spend,town\n")
	for kind, n := range sizes {
		for i := range n {
			spend := fmt.Sprint([]int{10, 1000, 100}[kind] + i%9)
			if i%50 == 7 {
				spend = "NA"
			}
			fmt.Fprintf(&b, "%c%d,%d,%s,town %d\n", 'a'+kind, i, []int{1, 9, 30}[kind]+i%2, spend, i%4)
		}
	}
	return b.String()
}

func TestRowsFallIntoTheirGroups(t *testing.T) {
	t.Parallel()
	r, err := Segments(t.Context(), SegmentOptions{TransactionOptions: TransactionOptions{In: file(t, crowds(100, 60, 30))}, Least: 2, Most: 6, Seed: 1, Log: true})
	if err != nil {
		t.Fatal(err)
	}
	// Two of the second kind whose spend is missing are nearer to the third by their orders.
	if diff := cmp.Diff([]int{100, 58, 32}, r.Sizes); diff != "" || r.K != 3 || *r.Silhouette < .6 || r.Missing != 5 || len(r.Warnings) != 1 {
		t.Fatalf("%s %d groups, %d missing, %v", diff, r.K, r.Missing, r.Warnings)
	}
	if c := r.Centres[1]; c[1] < 800 || c[1] > 1100 {
		t.Errorf("centres in the units of the file: %v", r.Centres)
	}
	compiled, err := segment.Compile(r.Definition, r.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if got := compiled.Of([]float64{30, 102}); !slices.Equal(got, r.Segments[2:]) {
		t.Errorf("the definition puts one of the third kind into %v", got)
	}
}

func TestGroupsKeepTheirNames(t *testing.T) {
	t.Parallel()
	o := SegmentOptions{TransactionOptions: TransactionOptions{In: file(t, crowds(100, 60, 30))}, K: 3, Seed: 1}
	one, err := Segments(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	o.Previous = filepath.Join(t.TempDir(), "previous.json")
	if err := os.WriteFile(o.Previous, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// The third kind has become the largest.
	o.In = file(t, crowds(50, 60, 90))
	two, err := Segments(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"group 3", "group 2", "group 1"}, two.Segments); diff != "" {
		t.Error(diff)
	}
	o.K = 4
	if four, err := Segments(t.Context(), o); err != nil || !slices.Contains(four.Segments, "group 4") {
		t.Errorf("%v %v", four.Segments, err)
	}
	o.Log = true
	if _, err := Segments(t.Context(), o); !errors.Is(err, ErrOptions) {
		t.Errorf("other logarithms: %v", err)
	}
}

func TestWhatCannotBeGroupedIsRefused(t *testing.T) {
	t.Parallel()
	in := TransactionOptions{In: file(t, crowds(10, 10, 10))}
	for name, c := range map[string]struct {
		o    SegmentOptions
		want error
	}{
		"no such column": {SegmentOptions{TransactionOptions: in, Columns: []string{"age"}, K: 2}, ErrOptions},
		"text":           {SegmentOptions{TransactionOptions: in, Columns: []string{"town"}, K: 2}, ErrOptions},
		"nothing left":   {SegmentOptions{TransactionOptions: in, Drop: []string{"orders", "spend"}, K: 2}, ErrOptions},
		"no such id":     {SegmentOptions{TransactionOptions: in, ID: "key", K: 2}, ErrOptions},
		"too many":       {SegmentOptions{TransactionOptions: in, K: 65}, segment.ErrOptions},
		"more than rows": {SegmentOptions{TransactionOptions: in, K: 31}, segment.ErrRows},
		"no rows":        {SegmentOptions{TransactionOptions: TransactionOptions{In: file(t, "a,b\n")}, K: 2}, ErrFile},
		"previous":       {SegmentOptions{TransactionOptions: in, K: 2, Previous: in.In}, ErrOptions},
	} {
		if _, err := Segments(t.Context(), c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlineRetailSegments(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: a whole data set (make e2e)")
	}
	r, err := Segments(t.Context(), SegmentOptions{RFM: true, TransactionOptions: TransactionOptions{
		In: dataFile(t, "online_retail/online_retail.csv.zst"), Customer: "CustomerID", Date: "InvoiceDate", Value: "Quantity*UnitPrice", Until: "2011-12-09"}})
	if err != nil {
		t.Fatal(err)
	}
	sum, money := 0, 0.0
	for i, n := range r.Sizes {
		sum += n
		t.Logf("%-20s %5d %v", r.Segments[i], n, r.Centres[i])
	}
	for _, a := range r.Assignments {
		money += *a.Money
	}
	if sum != 4339 || len(r.Assignments) != 4339 || r.K != 10 || money < 8_911_407.8 || money > 8_911_408 {
		t.Errorf("%d people in %d groups, %.3f pounds", sum, r.K, money)
	}
}
