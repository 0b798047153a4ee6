package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/projections"
)

// ModelDays are the tables of how models did; it implements projections.ModelDays.
type ModelDays struct{ pool *pgxpool.Pool }

// NewModelDays makes the store over a pool whose database has been migrated, or will be before the first use.
func NewModelDays(pool *pgxpool.Pool) *ModelDays { return &ModelDays{pool} }

var _ projections.ModelDays = (*ModelDays)(nil)

// StoreModelDays replaces days, all or none.
func (m *ModelDays) StoreModelDays(ctx context.Context, days []projections.ModelDay) error {
	batch := &pgx.Batch{}
	for _, d := range days {
		on := dateOf(d.Day)
		batch.Queue(`DELETE FROM proffer.model_days WHERE model = $1 AND version = $2 AND role = $3 AND day = $4`, d.Model, int64(d.Version), d.Role, on)
		batch.Queue(`DELETE FROM proffer.model_drift_days WHERE model = $1 AND version = $2 AND role = $3 AND day = $4`, d.Model, int64(d.Version), d.Role, on)
		batch.Queue(`INSERT INTO proffer.model_days (model, version, role, day, decisions, failures, last_at, judged, positive, mean_score, auc, accuracy, log_loss, brier, ece,
				judged_as, mean_outcome, mae, rmse, r2, r2_baseline, bias, calibration_error, mae_ratio, rmse_ratio)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, nullif($16, ''), $17, $18, $19, $20, $21, $22, $23, $24, $25)`,
			d.Model, int64(d.Version), d.Role, on, int64(d.Decisions), int64(d.Failures), time.UnixMilli(d.LastMS), int64(d.Judged), int64(d.Positive),
			orNull(d.MeanScore), orNull(d.Scores.AUC), orNull(d.Scores.Accuracy), orNull(d.Scores.LogLoss), orNull(d.Scores.Brier), orNull(d.Scores.ECE),
			d.JudgedAs, orNull(d.Errors.MeanOutcome), orNull(d.Errors.MAE), orNull(d.Errors.RMSE), orNull(d.Errors.R2), orNull(d.Errors.Baseline),
			orNull(d.Errors.Bias), orNull(d.Errors.Calibration), orNull(d.Errors.MAERatio), orNull(d.Errors.RMSERatio))
		for _, f := range d.Drifts {
			batch.Queue(`INSERT INTO proffer.model_drift_days (model, version, role, day, feature, decisions, psi, ks, missing, missing_then, reference)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
				d.Model, int64(d.Version), d.Role, on, f.Feature, int64(f.Rows), orNull(f.PSI), orNull(f.KS), orNull(f.Missing), orNull(f.MissingThen), f.Reference)
		}
	}
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	if err != nil {
		return fmt.Errorf("postgres: store how models did: %w", err)
	}
	return nil
}

// ClearModelDays empties the tables.
func (m *ModelDays) ClearModelDays(ctx context.Context) error {
	if _, err := m.pool.Exec(ctx, `TRUNCATE proffer.model_days, proffer.model_drift_days`); err != nil {
		return fmt.Errorf("postgres: forget how models did: %w", err)
	}
	return nil
}

// dateOf is a day counted from 1970-01-01.
func dateOf(day int64) time.Time { return time.Unix(day*24*3600, 0).UTC() }

// orNull is a figure, or NULL when it is not defined.
func orNull(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
