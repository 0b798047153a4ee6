package projectionstest

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/projections"
)

var _ projections.ModelDays = (*MemoryModelDays)(nil)

// MemoryModelDays keeps model days in memory.
type MemoryModelDays struct {
	mu   sync.Mutex
	days map[watch.Key]projections.ModelDay
}

// StoreModelDays replaces days.
func (m *MemoryModelDays) StoreModelDays(_ context.Context, days []projections.ModelDay) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.days == nil {
		m.days = map[watch.Key]projections.ModelDay{}
	}
	for _, d := range days {
		m.days[d.Key] = d
	}
	return nil
}

// ClearModelDays forgets all.
func (m *MemoryModelDays) ClearModelDays(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.days = nil
	return nil
}

// Days are what is stored, by day.
func (m *MemoryModelDays) Days() []projections.ModelDay {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []projections.ModelDay
	for _, d := range m.days {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b projections.ModelDay) int { return int(a.Day - b.Day) })
	return out
}

// StoredModelDay is what the suite reads back of a day.
type StoredModelDay struct {
	watch.Key
	Decisions, Judged uint64
	// AUC is -1 when it is not defined.
	AUC float64
	// PSI by feature; the score's name is empty.
	PSI map[string]float64
	// Reference is what all of the day is compared with; empty for nothing.
	Reference string
}

// StoredOf reads a day as the suite does.
func StoredOf(d projections.ModelDay) StoredModelDay {
	out := StoredModelDay{Key: d.Key, Decisions: d.Decisions, Judged: d.Judged, AUC: d.Scores.AUC, PSI: map[string]float64{}}
	if math.IsNaN(out.AUC) {
		out.AUC = -1
	}
	for _, drift := range d.Drifts {
		out.PSI[drift.Feature], out.Reference = drift.PSI, drift.Reference
	}
	return out
}

// RunModelDaysSuite checks a store; read reads all days back, by day.
func RunModelDaysSuite(t *testing.T, store projections.ModelDays, read func(t *testing.T) []StoredModelDay) {
	t.Helper()
	day := func(day int64, decisions uint64, drifts ...watch.Drift) projections.ModelDay {
		return projections.ModelDay{
			Key: watch.Key{Model: "churn", Version: 2, Role: "champion", Day: day}, Decisions: decisions, LastMS: day*86_400_000 + 5, Drifts: drifts,
			Judged: 3, Positive: 1, MeanScore: .25, Scores: card.Scores{AUC: .75, Accuracy: .5, LogLoss: .6, Brier: .2, ECE: .1},
		}
	}
	score := watch.Drift{PSI: .1, KS: .05, Missing: math.NaN(), MissingThen: math.NaN(), Rows: 7, Reference: watch.ReferenceFirstDecisions}
	spend := watch.Drift{Feature: "spend_30d", PSI: .3, KS: math.NaN(), Missing: .5, MissingThen: .1, Rows: 7, Reference: watch.ReferenceFirstDecisions}
	nothing := day(20_002, 0)
	nothing.Scores, nothing.Judged, nothing.MeanScore = card.Scores{AUC: math.NaN(), Accuracy: math.NaN(), LogLoss: math.NaN(), Brier: math.NaN(), ECE: math.NaN()}, 0, math.NaN()
	check := func(step string, want ...projections.ModelDay) {
		t.Helper()
		var stored []StoredModelDay
		for _, d := range want {
			stored = append(stored, StoredOf(d))
		}
		if diff := cmp.Diff(stored, read(t)); diff != "" {
			t.Fatalf("%s (-want +stored):\n%s", step, diff)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(store.ClearModelDays(t.Context()))
	check("empty")
	do(store.StoreModelDays(t.Context(), []projections.ModelDay{day(20_000, 7, score, spend), day(20_001, 1, score), nothing}))
	check("stored", day(20_000, 7, score, spend), day(20_001, 1, score), nothing)
	spend.PSI = .4
	do(store.StoreModelDays(t.Context(), []projections.ModelDay{day(20_000, 9, score, spend)}))
	check("replaced", day(20_000, 9, score, spend), day(20_001, 1, score), nothing)
	do(store.ClearModelDays(t.Context()))
	check("cleared")
}
