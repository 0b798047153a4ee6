package match

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
)

func TestTheIndexFindsWhatBlockingFinds(t *testing.T) {
	t.Parallel()
	records := plant(40, 2, [4]float64{.8, .8, .8, .8})
	m, all := prepared(t, planted(), records)
	rapid.Check(t, func(t *rapid.T) {
		x := NewIndex(m)
		known := map[domain.Alias]Prepared{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			p := all[rapid.IntRange(0, len(all)-1).Draw(t, "record")]
			if rapid.IntRange(0, 3).Draw(t, "action") == 0 {
				x.Remove(p.ID)
				delete(known, p.ID)
				continue
			}
			p.forms = all[rapid.IntRange(0, len(all)-1).Draw(t, "values")].forms
			x.Put(p)
			known[p.ID] = p
		}
		if x.Len() != len(known) {
			t.Fatalf("%d records known, want %d", x.Len(), len(known))
		}
		checkIndex(t, m, x, known)
	})
}

// checkIndex compares the index with blocking all records at once, and with frequencies counted anew.
func checkIndex(t *rapid.T, m *Matcher, x *Index, known map[domain.Alias]Prepared) {
	var records []Prepared
	for _, p := range known {
		records = append(records, p)
	}
	slices.SortFunc(records, func(a, b Prepared) int { return a.ID.Compare(b.ID) })
	want := map[domain.Alias][]domain.Alias{}
	for pair := range NewBlocking(m, records, 0).Pairs() {
		a, b := records[pair.A].ID, records[pair.B].ID
		want[a], want[b] = append(want[a], b), append(want[b], a)
	}
	counts := m.NewFrequencies()
	for i := range records {
		got, skipped := x.Candidates(&records[i])
		slices.SortFunc(want[records[i].ID], domain.Alias.Compare)
		if diff := cmp.Diff(want[records[i].ID], got); diff != "" || skipped != 0 {
			t.Fatalf("%d skipped; %s", skipped, diff)
		}
		counts.Add(records[i])
	}
	if diff := cmp.Diff(counts.counts, x.frequencies.counts); diff != "" || counts.records != x.frequencies.records {
		t.Fatal(diff)
	}
}

func TestMatchesAsksForEachCandidateOnce(t *testing.T) {
	t.Parallel()
	m, p, _ := fittedPeople(t)
	x := NewIndex(m)
	byID := map[domain.Alias]Prepared{}
	for _, r := range p {
		x.Put(r)
		byID[r.ID] = r
	}
	asked := map[domain.Alias]int{}
	found, _, err := x.Matches(&p[0], 0.8, func(id domain.Alias) (Prepared, bool, error) {
		asked[id]++
		return byID[id], true, nil
	})
	if err != nil || len(found) == 0 || found[0].ID != p[1].ID {
		t.Fatalf("%v, %v", found, err)
	}
	for id, n := range asked {
		if n != 1 || id == p[0].ID {
			t.Fatalf("asked %d times", n)
		}
	}
	failed := errors.New("away")
	if _, _, err := x.Matches(&p[0], 0.8, func(domain.Alias) (Prepared, bool, error) { return Prepared{}, false, failed }); !errors.Is(err, failed) {
		t.Fatalf("%v", err)
	}
}
