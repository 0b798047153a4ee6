package lab

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain/recommend"
)

// bought is one line of a purchase.
type bought struct {
	person, item uint32
	day          int
}

// lines reads the purchases of online_retail by known customers, in the file's order, and counts people and items.
func lines(t *testing.T) (all []bought, people, items int) {
	t.Helper()
	table, err := ReadFile(dataFile(t, "online_retail/online_retail.csv.zst"))
	if err != nil {
		t.Fatal(err)
	}
	when, err := days(table.values(table.Column("InvoiceDate")), DateAuto)
	if err != nil {
		t.Fatal(err)
	}
	customer, stock, quantity := table.Column("CustomerID"), table.Column("StockCode"), table.Column("Quantity")
	peopleBy, itemsBy := map[string]uint32{}, map[string]uint32{}
	for i, row := range table.Rows {
		code := strings.ToUpper(row[stock])
		// Codes without a figure are postage, fees and manual entries.
		if row[customer] == "" || strings.HasPrefix(row[quantity], "-") || !strings.ContainsAny(code, "0123456789") {
			continue
		}
		all = append(all, bought{idOf(peopleBy, row[customer]), idOf(itemsBy, code), when[i]})
	}
	return all, len(peopleBy), len(itemsBy)
}

func idOf(m map[string]uint32, name string) uint32 {
	id, known := m[name]
	if !known {
		id = uint32(len(m))
		m[name] = id
	}
	return id
}

// What people bought in the last ten weeks of online_retail, against lists made from all that came before, of ten items.
func TestRecommendationsBeatPopularity(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: a whole data set (make e2e)")
	}
	all, people, items := lines(t)
	split := int(time.Date(2011, 10, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	trails, later := make([]recommend.Trail, people), make([][]uint32, people)
	had := make([]map[uint32]bool, people)
	for _, b := range all {
		if had[b.person] == nil {
			had[b.person] = map[uint32]bool{}
		}
		if b.day < split {
			trails[b.person].Add(b.item, int64(b.day)*86_400_000, recommend.Purchased)
			had[b.person][b.item] = true
			continue
		}
		later[b.person] = append(later[b.person], b.item)
	}
	started := time.Now()
	m := recommend.Learn(trails, items, int64(split)*86_400_000, recommend.Options{})
	t.Logf("learned from %d people and %d items in %s", people, items, time.Since(started))
	for _, onlyNew := range []bool{false, true} {
		var ours, popular recommend.Figures
		for p, trail := range trails {
			if len(trail.Entries) == 0 {
				continue
			}
			wanted := slices.Compact(slices.Sorted(slices.Values(later[p])))
			if onlyNew {
				wanted = slices.DeleteFunc(wanted, func(i uint32) bool { return had[p][i] })
			}
			ours.Judge(m.Top(trail, recommend.Ask{N: 10, New: onlyNew}), wanted)
			popular.Judge(mostPopular(m, had[p], onlyNew), wanted)
		}
		t.Logf("only new items: %v", onlyNew)
		t.Logf("  ours       %+v", ours)
		t.Logf("  popularity %+v", popular)
		if ours.HitRate <= popular.HitRate || ours.Recall <= popular.Recall || ours.MRR <= popular.MRR {
			t.Errorf("popularity is as good: %+v, %+v", ours, popular)
		}
	}
}

// mostPopular is the baseline: the items that most people bought lately, without those she has where only new ones count.
func mostPopular(m *recommend.Model, had map[uint32]bool, onlyNew bool) []recommend.Scored {
	var out []recommend.Scored
	for _, s := range m.Popular() {
		if len(out) < 10 && !(onlyNew && had[s.Item]) {
			out = append(out, s)
		}
	}
	return out
}
