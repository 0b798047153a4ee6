//go:build unix

package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// The panel of drift says nothing of fewer decisions than alerts need.
func TestDriftOfFewDecisionsHasNoBand(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	least := int64(watch.DefaultLimits().Least)
	for psi, decisions := range map[float64]int64{9: least - 1, .05: least, .2: least, .3: least} {
		if _, err := pool.Exec(t.Context(), `INSERT INTO proffer.model_drift_days (model, version, role, day, feature, decisions, psi, reference)
			VALUES ('m', 1, 'champion', '2026-11-27', $1, $2, $3, 'training')`, fmt.Sprint(psi), decisions, psi); err != nil {
			t.Fatal(err)
		}
	}
	type row struct {
		PSI  float64
		Band string
	}
	got := read[row](t, pool, "SELECT psi, band FROM proffer.model_drift ORDER BY psi")
	want := []row{{.05, "fine"}, {.2, "watch"}, {.3, "act"}, {9, "too few"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestModelDays(t *testing.T) {
	t.Parallel()
	pool := machine(t).database(t)
	projectionstest.RunModelDaysSuite(t, postgres.NewModelDays(pool), func(t *testing.T) []projectionstest.StoredModelDay {
		t.Helper()
		rows, err := pool.Query(t.Context(), `SELECT d.model, d.version, d.role, d.day, d.decisions, d.judged, coalesce(d.judged_as, ''),
				coalesce(a.auc, -1), coalesce(d.mean_score, -1), coalesce(e.mean_outcome, -1), coalesce(e.mae, -1), coalesce(e.rmse, -1), coalesce(e.r2, -1),
				coalesce(e.r2_baseline, -1), coalesce(e.bias, -1), coalesce(e.calibration_error, -1), coalesce(e.mae_ratio, -1), coalesce(e.rmse_ratio, -1),
				coalesce(f.feature, ''), f.psi, coalesce(f.reference, '')
			FROM proffer.model_days d LEFT JOIN proffer.model_accuracy a USING (model, version, role, day)
				LEFT JOIN proffer.model_errors e USING (model, version, role, day) LEFT JOIN proffer.model_drift f USING (model, version, role, day) ORDER BY d.day`)
		if err != nil {
			t.Fatal(err)
		}
		var out []projectionstest.StoredModelDay
		var s projectionstest.StoredModelDay
		var day time.Time
		var version, decisions, judged int64
		var feature string
		var psi *float64
		_, err = pgx.ForEachRow(rows, []any{&s.Model, &version, &s.Role, &day, &decisions, &judged, &s.JudgedAs, &s.AUC, &s.MeanScore,
			&s.MeanOutcome, &s.MAE, &s.RMSE, &s.R2, &s.Baseline, &s.Bias, &s.Calibration, &s.MAERatio, &s.RMSERatio, &feature, &psi, &s.Reference}, func() error {
			s.Version, s.Decisions, s.Judged, s.Day = uint64(version), uint64(decisions), uint64(judged), day.Unix()/(24*3600)
			if n := len(out); n == 0 || out[n-1].Key != s.Key {
				next := s
				next.PSI = map[string]float64{}
				out = append(out, next)
			}
			if psi != nil {
				out[len(out)-1].PSI[feature] = *psi
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
}
