package projections_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func TestMemoryCountsAreACountStore(t *testing.T) {
	t.Parallel()
	projectionstest.RunCountStoreSuite(t, &projectionstest.MemoryCounts{})
}

// plainCounts counts the log one event after another.
func plainCounts(t interface{ Fatal(...any) }, log *projectionstest.StreamLog) projections.Counts {
	counts := projections.Counts{Events: map[string]uint64{}}
	for _, s := range domain.AllStreams() {
		counts.Cut[s], _ = log.Last(context.Background(), s)
		for envelope, err := range log.Read(context.Background(), s, 1, counts.Cut[s]) {
			if err != nil {
				t.Fatal(err)
			}
			events, err := envelope.Events()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				counts.Events[domain.TypeOf(e)]++
			}
		}
	}
	return counts
}

func TestCountsAreThoseOfTheLogWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, store := projectionstest.NewStreamLog(), &projectionstest.MemoryCounts{}
		p := projections.NewCountsProjector(log, store)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			var err error
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				appendSome(t, log, 4)
			case 2:
				err = p.CatchUp(context.Background(), nil)
			case 3:
				p = projections.NewCountsProjector(log, store)
			case 4:
				err = p.Rebuild(context.Background(), nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := p.CatchUp(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		want := plainCounts(t, log)
		if diff := cmp.Diff(want, p.Counts()); diff != "" {
			t.Fatalf("counts (-plain +projected):\n%s", diff)
		}
		stored, err := store.LoadCounts(context.Background())
		if diff := cmp.Diff(want, stored); diff != "" || err != nil {
			t.Fatalf("stored (-plain +stored): %v\n%s", err, diff)
		}
		cut, digest, err := p.Digest(context.Background())
		_, fresh, freshErr := projections.NewCountsProjector(log, &projectionstest.MemoryCounts{}).Digest(context.Background())
		if err != nil || freshErr != nil || cut != want.Cut || digest != fresh {
			t.Fatalf("digest: got %x at %v, %v, want %x at %v, as counted at one go (%v)", digest, cut, err, fresh, want.Cut, freshErr)
		}
	})
}

func TestRunCountsWhatArrivesAndStoresItAtTheEnd(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), &projectionstest.MemoryCounts{}
	p := projections.NewCountsProjector(log, store)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, viewed(1), viewed(2))
	log.Append(domain.Lane{Stream: domain.Decision, Key: "1"},
		&event.Event{Body: &event.Event_Decision{Decision: &event.Decision{External: true}}},
		&event.Event{Body: &event.Event_Decision{Decision: &event.Decision{}}})
	log.Append(domain.QuarantineLane("web"), &event.Event{Body: &event.Event_Quarantined{Quarantined: &event.Quarantined{}}})
	eventually(t, "everything is counted", func() bool {
		lag, err := p.Lag(ctx)
		return err == nil && lag == 0
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stored, err := store.LoadCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plainCounts(t, log), stored); diff != "" {
		t.Error(diff)
	}
	if stored.Decisions() != 1 || stored.ExternalDecisions() != 1 || stored.Quarantined() != 1 || stored.Outcomes() != 0 {
		t.Errorf("totals are wrong: %+v", stored)
	}
}
