package projections_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func stepped(n byte, entered bool, segment string, version uint64, at int64) *event.Event {
	a := alias(n)
	e := &event.Event{Alias: a[:], OccurredMs: at, ReceivedMs: at}
	if entered {
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: "tags", Segment: segment, Version: version}}
	} else {
		e.Body = &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{Definition: "tags", Segment: segment, Version: version}}
	}
	return e
}

// Whatever the batches are, the stays are those of the log.
func TestStaysInSegmentsAreTables(t *testing.T) {
	t.Parallel()
	log := projectionstest.NewStreamLog()
	lane := domain.Lane{Stream: domain.Behaviour, Key: "0"}
	log.Append(lane, bought(1, noon, 0, 1e6).Event)
	for i, e := range []*event.Event{
		stepped(1, true, "rich", 1, noon), stepped(2, true, "rich", 1, noon), stepped(1, false, "rich", 1, noon+1),
		stepped(1, true, "rich", 2, noon+2), stepped(1, true, "late", 2, noon+2), stepped(2, true, "rich", 2, noon+3),
		stepped(3, false, "rich", 2, noon+4), stepped(1, false, "late", 3, noon+5),
		// What two servers found at once says nothing new the second time: entered twice above, left twice here.
		stepped(2, false, "rich", 3, noon+6), stepped(2, false, "rich", 3, noon+7), stepped(2, true, "rich", 4, noon+8),
	} {
		if seq := log.Append(lane, e); seq != uint64(i+2) {
			t.Fatal(seq)
		}
	}
	at := func(sequence uint64, ms int64) projections.Moment {
		return projections.Moment{At: domain.Position{Sequence: sequence}, Ms: ms}
	}
	want := []projections.SegmentStay{
		{Alias: alias(1), Definition: "tags", Segment: "rich", Version: 1, LeftVersion: 1, Entered: at(2, noon), Left: at(4, noon+1)},
		{Alias: alias(2), Definition: "tags", Segment: "rich", Version: 1, LeftVersion: 3, Entered: at(3, noon), Left: at(10, noon+6)},
		{Alias: alias(1), Definition: "tags", Segment: "rich", Version: 2, Entered: at(5, noon+2)},
		{Alias: alias(1), Definition: "tags", Segment: "late", Version: 2, LeftVersion: 3, Entered: at(6, noon+2), Left: at(9, noon+5)},
		{Alias: alias(2), Definition: "tags", Segment: "rich", Version: 4, Entered: at(12, noon+8)},
	}
	for _, batch := range []int{1, 2, 3, 5, 100} {
		tables := projectionstest.NewMemoryTables()
		p := projections.NewTablesProjector(log, tables, projections.TablesOptions{RebuildEvents: batch})
		if err := p.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := slices.SortedFunc(slices.Values(tables.Stays()), func(a, b projections.SegmentStay) int {
			return cmp.Compare(a.Entered.At.Sequence, b.Entered.At.Sequence)
		})
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("in batches of %d: %s", batch, diff)
		}
		// It is no deed: nothing of it is in the totals or among the events of people.
		if row := tables.Aliases()[alias(1)]; row.Totals.Behaviours != 1 || row.Totals.LastActiveMs != noon || len(tables.Happened().Behaviour) != 1 {
			t.Errorf("%+v", row)
		}
	}
}
