package projections_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

var behaviourLane = domain.Lane{Stream: domain.Behaviour, Key: "0"}

// within ends what should have ended long before.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wantEndLost checks that an error names what a log has lost.
func wantEndLost(t *testing.T, what string, err error, names string) {
	t.Helper()
	if !errors.Is(err, domain.ErrEndLost) || !strings.Contains(err.Error(), names) {
		t.Errorf("%s: got %v, want the lost end named: %q", what, err, names)
	}
}

func TestViewsOfALogThatLostItsEndAreNotGoneOnWith(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	for i := range 5 {
		log.Append(behaviourLane, viewed(i))
	}
	if err := projections.NewViewsProjector(log, store, nil).CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	log.LoseEnd(domain.Behaviour, 3)
	before := contents(store)
	p := projections.NewViewsProjector(log, store, nil)
	const lost = "BEHAVIOUR was folded up to 5 and ends at 3"
	wantEndLost(t, "catching up", p.CatchUp(t.Context(), nil), lost)
	wantEndLost(t, "running", p.Run(within(t)), lost)
	if diff := cmp.Diff(before, contents(store)); diff != "" {
		t.Errorf("the views were changed:\n%s", diff)
	}
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	log.Append(behaviourLane, viewed(7))
	if err := projections.NewViewsProjector(log, store, nil).CatchUp(t.Context(), nil); err != nil {
		t.Errorf("after a rebuild: %v", err)
	}
	if diff := cmp.Diff(straight(t, log), contents(store)); diff != "" {
		t.Errorf("after a rebuild:\n%s", diff)
	}
}

// TestCountsOfALogThatLostItsEndAreNotGoneOnWith: the counts know of every stream.
func TestCountsOfALogThatLostItsEndAreNotGoneOnWith(t *testing.T) {
	t.Parallel()
	log, store := projectionstest.NewStreamLog(), &projectionstest.MemoryCounts{}
	lane := domain.QuarantineLane("web")
	for range 2 {
		log.Append(lane, &event.Event{Body: &event.Event_Quarantined{Quarantined: &event.Quarantined{}}})
	}
	if err := projections.NewCountsProjector(log, store).CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := projections.NewCountsProjector(log, store).Resume(t.Context()); err != nil {
		t.Errorf("the log is whole: %v", err)
	}
	log.LoseEnd(domain.Quarantine, 1)
	p := projections.NewCountsProjector(log, store)
	const lost = "QUARANTINE was folded up to 2 and ends at 1"
	wantEndLost(t, "resuming", p.Resume(t.Context()), lost)
	wantEndLost(t, "catching up", p.CatchUp(t.Context(), nil), lost)
	wantEndLost(t, "running", p.Run(within(t)), lost)
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := projections.NewCountsProjector(log, store).Resume(t.Context()); err != nil {
		t.Errorf("after a rebuild: %v", err)
	}
	if diff := cmp.Diff(plainCounts(t, log), p.Counts()); diff != "" {
		t.Errorf("after a rebuild (-plain +projected):\n%s", diff)
	}
}

// TestTablesAheadOfTheLogStandStill until they are rebuilt, also when the log has become as long again.
func TestTablesAheadOfTheLogStandStill(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	sample := projectionstest.NewSample(3, 20)
	sample.Fill(log, 300)
	if err := projections.NewTablesProjector(log, tables, quick()).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	end := endOf(t, log)
	log.LoseEnd(domain.Behaviour, end[domain.Behaviour]-1)
	p := projections.NewTablesProjector(log, tables, quick())
	stop := startTables(t, p)
	eventually(t, "trouble is told", func() bool { return p.Trouble() != nil })
	wantEndLost(t, "trouble", p.Trouble(), "rebuild them")

	sample.Fill(log, 300)
	ctx := within(t)
	wantEndLost(t, "waiting", p.WaitFor(ctx, end), "BEHAVIOUR was folded up to")
	wantEndLost(t, "catching up", p.CatchUp(ctx), "BEHAVIOUR was folded up to")
	if cut, err := tables.Checkpoint(ctx); cut != end || err != nil {
		t.Errorf("they went on to %v, %v", cut, err)
	}

	if err := p.Rebuild(ctx, nil); err != nil {
		t.Fatal(err)
	}
	sample.Fill(log, 100)
	waitFor(t, p, endOf(t, log))
	eventually(t, "the trouble is over", func() bool { return p.Trouble() == nil })
	if err := stop(); err != nil {
		t.Errorf("a run that is ended: %v", err)
	}
	if _, digest, err := p.Digest(t.Context()); err != nil || digest != digestOfLog(t, log) {
		t.Errorf("the tables differ from those of the log (%v)", err)
	}
}
