package commands

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// crowded are ids of which many come again, zero among them. Most crowd the first place of a table or the last one.
func crowded(n int) (id [16]byte) {
	switch n % 4 {
	case 0:
		return seenID(n)
	case 1:
		return seenID(-n)
	case 2:
		binary.BigEndian.PutUint64(id[8:], uint64(n))
		return id
	}
	return scattered(n)
}

// scattered is an id as ids are: anything.
func scattered(n int) [16]byte { return seenID(n * -0x61c8864680b583eb) }

func TestIDSetIsASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, want := new(idSet), map[[16]byte]bool{}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 5000).Draw(t, "ids") {
			id := crowded(n)
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
			if id := crowded(n); got.has(id) != want[id] {
				t.Fatalf("at the end has(%d) is %t", n, !want[id])
			}
		}
	})
}

func BenchmarkIDSet(b *testing.B) {
	s := new(idSet)
	for i := 0; b.Loop(); i++ {
		if id := scattered(i); !s.has(id) {
			s.add(id)
		}
	}
	places := 0
	for i := range s.tables {
		places += cap(s.tables[i].ids)
	}
	b.ReportMetric(float64(16*places)/float64(s.len), "B/id")
}
