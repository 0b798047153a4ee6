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
	JudgedAs          string
	// AUC, Bias and the others of the kind are -1 when they are not defined.
	AUC, MeanScore, MeanOutcome, MAE, RMSE, R2, Baseline, Bias, Calibration, MAERatio, RMSERatio float64
	// PSI by feature; the score's name is empty.
	PSI map[string]float64
	// Reference is what all of the day is compared with; empty for nothing.
	Reference string
}

// StoredOf reads a day as the suite does.
func StoredOf(d projections.ModelDay) StoredModelDay {
	or := func(v float64) float64 {
		if math.IsNaN(v) {
			return -1
		}
		return v
	}
	e := d.Errors
	out := StoredModelDay{
		Key: d.Key, Decisions: d.Decisions, Judged: d.Judged, JudgedAs: d.JudgedAs, AUC: or(d.Scores.AUC), MeanScore: or(d.MeanScore),
		MeanOutcome: or(e.MeanOutcome), MAE: or(e.MAE), RMSE: or(e.RMSE), R2: or(e.R2), Baseline: or(e.Baseline), Bias: or(e.Bias),
		Calibration: or(e.Calibration), MAERatio: or(e.MAERatio), RMSERatio: or(e.RMSERatio), PSI: map[string]float64{},
	}
	for _, drift := range d.Drifts {
		out.PSI[drift.Feature], out.Reference = drift.PSI, drift.Reference
	}
	return out
}

// RunModelDaysSuite checks a store; read reads all days back, by day.
func RunModelDaysSuite(t *testing.T, store projections.ModelDays, read func(t *testing.T) []StoredModelDay) {
	t.Helper()
	nan := math.NaN()
	noScores, noErrors := card.Scores{AUC: nan, Accuracy: nan, LogLoss: nan, Brier: nan, ECE: nan}, (&watch.Amounts{}).Errors(&card.Card{})
	day := func(day int64, decisions uint64, drifts ...watch.Drift) projections.ModelDay {
		return projections.ModelDay{
			Key: watch.Key{Model: "churn", Version: 2, Role: "champion", Day: day}, Decisions: decisions, LastMS: day*86_400_000 + 5, Drifts: drifts,
			Judged: 3, Positive: 1, JudgedAs: watch.AsChance, MeanScore: .25, Scores: card.Scores{AUC: .75, Accuracy: .5, LogLoss: .6, Brier: .2, ECE: .1},
			Errors: noErrors,
		}
	}
	score := watch.Drift{PSI: .1, KS: .05, Missing: math.NaN(), MissingThen: math.NaN(), Rows: 7, Reference: watch.ReferenceFirstDecisions}
	spend := watch.Drift{Feature: "spend_30d", PSI: .3, KS: math.NaN(), Missing: .5, MissingThen: .1, Rows: 7, Reference: watch.ReferenceFirstDecisions}
	nothing := day(20_002, 0)
	nothing.Scores, nothing.Judged, nothing.JudgedAs, nothing.MeanScore = noScores, 0, "", nan
	amounts := day(20_003, 4)
	amounts.Scores, amounts.Positive, amounts.JudgedAs, amounts.MeanScore = noScores, 0, watch.AsAmount, 1250.5
	amounts.Errors = watch.Errors{
		MeanScore: 1250.5, MeanOutcome: -3, MAE: 1300, RMSE: 2e9, R2: -.5, Baseline: .25, Bias: .125, Calibration: 7, MAERatio: 1.5, RMSERatio: nan,
	}
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
	do(store.StoreModelDays(t.Context(), []projections.ModelDay{day(20_000, 7, score, spend), day(20_001, 1, score), nothing, amounts}))
	check("stored", day(20_000, 7, score, spend), day(20_001, 1, score), nothing, amounts)
	spend.PSI = .4
	do(store.StoreModelDays(t.Context(), []projections.ModelDay{day(20_000, 9, score, spend)}))
	check("replaced", day(20_000, 9, score, spend), day(20_001, 1, score), nothing, amounts)
	do(store.ClearModelDays(t.Context()))
	check("cleared")
}
