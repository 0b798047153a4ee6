-- +goose Up

-- From as many decisions on as alerts are raised from, where nothing else is set: below that PSI is chance.
CREATE OR REPLACE VIEW proffer.model_drift AS
SELECT model, version, role, day, nullif(feature, '') AS feature, decisions, psi,
       CASE WHEN decisions < 500 THEN 'too few' WHEN psi < 0.1 THEN 'fine' WHEN psi < 0.25 THEN 'watch' WHEN psi >= 0.25 THEN 'act' END AS band,
       ks, missing, missing_then, reference
FROM proffer.model_drift_days;
COMMENT ON COLUMN proffer.model_drift.band IS 'The usual bands of PSI: fine below 0.1, act from 0.25; too few below 500 decisions, from which on alerts are raised.';

-- +goose Down
CREATE OR REPLACE VIEW proffer.model_drift AS
SELECT model, version, role, day, nullif(feature, '') AS feature, decisions, psi,
       CASE WHEN psi < 0.1 THEN 'fine' WHEN psi < 0.25 THEN 'watch' WHEN psi >= 0.25 THEN 'act' END AS band,
       ks, missing, missing_then, reference
FROM proffer.model_drift_days;
COMMENT ON COLUMN proffer.model_drift.band IS 'The usual bands of PSI: fine below 0.1, act from 0.25.';
