-- +goose Up

ALTER TABLE proffer.model_days
    ADD COLUMN judged_as text,
    ADD COLUMN mean_outcome double precision,
    ADD COLUMN mae double precision,
    ADD COLUMN rmse double precision,
    ADD COLUMN r2 double precision,
    ADD COLUMN r2_baseline double precision,
    ADD COLUMN bias double precision,
    ADD COLUMN calibration_error double precision,
    ADD COLUMN mae_ratio double precision,
    ADD COLUMN rmse_ratio double precision;
COMMENT ON COLUMN proffer.model_days.positive IS 'How many of these were positive, where scores are chances; else 0.';
COMMENT ON COLUMN proffer.model_days.judged_as IS 'chance: scores from 0 to 1 against a label of yes or no. amount: against the label''s number. NULL: not judged, as proffer model show explains.';
COMMENT ON COLUMN proffer.model_days.mean_outcome IS 'Mean of what came of the judged. NULL, as are the figures that follow, as long as there are none, and where scores are chances.';
COMMENT ON COLUMN proffer.model_days.mae IS 'Mean absolute error, in units of the label.';
COMMENT ON COLUMN proffer.model_days.rmse IS 'Root mean squared error, in units of the label.';
COMMENT ON COLUMN proffer.model_days.r2 IS '1 less the squared error over that of the outcomes'' own mean; NULL when all outcomes are the same.';
COMMENT ON COLUMN proffer.model_days.r2_baseline IS '1 less the squared error over that of the baseline in the model''s card; NULL when the card has none.';
COMMENT ON COLUMN proffer.model_days.bias IS 'Mean score less mean outcome, in standard deviations of the outcomes; NULL when all outcomes are the same.';
COMMENT ON COLUMN proffer.model_days.calibration_error IS 'Mean distance between mean score and mean outcome within each tenth of the scores, in units of the label.';
COMMENT ON COLUMN proffer.model_days.mae_ratio IS 'MAE over that in the model''s card; NULL when the card has none.';
COMMENT ON COLUMN proffer.model_days.rmse_ratio IS 'RMSE over that in the model''s card; NULL when the card has none.';

CREATE OR REPLACE VIEW proffer.model_accuracy AS
SELECT model, version, role, day, judged, positive, positive::double precision / judged AS rate, mean_score, auc, accuracy, log_loss, brier, ece
FROM proffer.model_days
WHERE judged > 0 AND judged_as = 'chance';
COMMENT ON VIEW proffer.model_accuracy IS 'How right each version was whose scores are chances, by the day of its decisions, as far as it is known what became of them.';

CREATE VIEW proffer.model_errors AS
SELECT model, version, role, day, judged, mean_score, mean_outcome, mae, mae_ratio, rmse, rmse_ratio, r2, r2_baseline, bias, calibration_error
FROM proffer.model_days
WHERE judged > 0 AND judged_as = 'amount';
COMMENT ON VIEW proffer.model_errors IS 'How far off each version was whose scores are amounts, by the day of its decisions, as far as it is known what became of them.';
COMMENT ON COLUMN proffer.model_errors.model IS 'The model''s name.';
COMMENT ON COLUMN proffer.model_errors.version IS 'Its version.';
COMMENT ON COLUMN proffer.model_errors.role IS 'What it was when it answered.';
COMMENT ON COLUMN proffer.model_errors.day IS 'The day of the decisions (UTC).';
COMMENT ON COLUMN proffer.model_errors.judged IS 'Of how many it is known what became of them.';
COMMENT ON COLUMN proffer.model_errors.mean_score IS 'What the model said, on average, in units of the label: beside mean_outcome.';
COMMENT ON COLUMN proffer.model_errors.mean_outcome IS 'What came, on average.';
COMMENT ON COLUMN proffer.model_errors.mae IS 'Mean absolute error, in units of the label.';
COMMENT ON COLUMN proffer.model_errors.mae_ratio IS 'MAE over that in the model''s card: 1 is as good as it was on rows that it had not seen.';
COMMENT ON COLUMN proffer.model_errors.rmse IS 'Root mean squared error, in units of the label.';
COMMENT ON COLUMN proffer.model_errors.rmse_ratio IS 'RMSE over that in the model''s card.';
COMMENT ON COLUMN proffer.model_errors.r2 IS 'Against the outcomes'' own mean: 1 is exact, below 0 the mean would have been better.';
COMMENT ON COLUMN proffer.model_errors.r2_baseline IS 'Against the baseline in the model''s card.';
COMMENT ON COLUMN proffer.model_errors.bias IS 'By how much the scores are too high, in standard deviations of the outcomes.';
COMMENT ON COLUMN proffer.model_errors.calibration_error IS 'Mean distance between mean score and mean outcome within each tenth of the scores.';

-- +goose Down
DROP VIEW proffer.model_errors;
CREATE OR REPLACE VIEW proffer.model_accuracy AS
SELECT model, version, role, day, judged, positive, positive::double precision / judged AS rate, mean_score, auc, accuracy, log_loss, brier, ece
FROM proffer.model_days
WHERE judged > 0;
COMMENT ON VIEW proffer.model_accuracy IS 'How right each version was, by the day of its decisions, as far as it is known what became of them.';
ALTER TABLE proffer.model_days
    DROP COLUMN judged_as, DROP COLUMN mean_outcome, DROP COLUMN mae, DROP COLUMN rmse, DROP COLUMN r2, DROP COLUMN r2_baseline,
    DROP COLUMN bias, DROP COLUMN calibration_error, DROP COLUMN mae_ratio, DROP COLUMN rmse_ratio;
