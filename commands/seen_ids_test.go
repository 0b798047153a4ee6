package commands

import (
	"testing"

	"pgregory.net/rapid"
)

// The ids are drawn from few values, zero among them, so that many come again and tables wrap around.
func TestIDSetIsASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, want := newIDSet(), map[[16]byte]bool{}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 5000).Draw(t, "ids") {
			id := seenID(n)
			if got.has(id) != want[id] {
				t.Fatalf("has(%d) is %t", n, !want[id])
			}
			if !want[id] {
				got.add(id)
				want[id] = true
			}
		}
		if got.len != len(want) {
			t.Fatalf("%d ids, want %d", got.len, len(want))
		}
		for n := range 3001 {
			if id := seenID(n); got.has(id) != want[id] {
				t.Fatalf("at the end has(%d) is %t", n, !want[id])
			}
		}
	})
}

func BenchmarkIDSet(b *testing.B) {
	s := newIDSet()
	for i := 0; b.Loop(); i++ {
		if id := seenID(i); !s.has(id) {
			s.add(id)
		}
	}
	places := 0
	for i := range s.tables {
		places += cap(s.tables[i].ids)
	}
	b.ReportMetric(float64(16*places)/float64(s.len), "B/id")
}
