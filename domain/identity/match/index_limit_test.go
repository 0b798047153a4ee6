package match

import (
	"fmt"
	"testing"

	"github.com/profferhq/proffer/domain"
)

// A value that many records share gives candidates only while its block stays within 8 pairs a record.
func TestTheIndexLimitsWhatABlockGives(t *testing.T) {
	t.Parallel()
	m, err := NewMatcher(Model{
		Name: "towns", Prior: .001, Records: 100, Fields: []Field{{"town", Text}, {"code", Text}},
		Comparisons: []Comparison{{Name: "town", Field: "town", Levels: []Level{{Level: "exact", M: .9, U: .1}, {Level: Else, M: .1, U: .9}}}},
		Blocks:      [][]string{{"town"}, {"code"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := NewIndex(m)
	record := func(i int) Prepared {
		return m.Prepare(Record{ID: domain.Alias{byte(i >> 8), byte(i)}, Values: [][]string{{fmt.Sprint("town", i%20)}, {fmt.Sprint("code", i/2)}}}, Plain{})
	}
	for i := range 8000 {
		x.Put(record(i)) // 20 towns of 400: 1.6 million pairs
	}
	p := record(7)
	if ids, skipped := x.Candidates(&p); len(ids) != 1 || skipped != 1 {
		t.Errorf("%d candidates, %d keys left out; want the one of the same code", len(ids), skipped)
	}
	for i := 200; i < 8000; i++ {
		x.Remove(domain.Alias{byte(i >> 8), byte(i)})
	}
	x.Put(record(200))
	if ids, skipped := x.Candidates(&p); len(ids) != 10 || skipped != 0 {
		t.Errorf("%d candidates, %d keys left out among few records; want 10", len(ids), skipped)
	}
}
