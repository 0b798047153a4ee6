-- +goose Up

ALTER TABLE proffer.model_drift_days ADD COLUMN reference text NOT NULL DEFAULT 'training';
ALTER TABLE proffer.model_drift_days ALTER COLUMN reference DROP DEFAULT;
COMMENT ON COLUMN proffer.model_drift_days.reference IS 'What it is compared with: training, or first_decisions for a model that came without.';
COMMENT ON TABLE proffer.model_drift_days IS 'How far the score and the features of each version lay from where they lay in the reference, by day and role.';
COMMENT ON COLUMN proffer.model_drift_days.psi IS 'Population stability index against the reference; NULL when nothing was counted.';
COMMENT ON COLUMN proffer.model_drift_days.missing_then IS 'Share of missing values in the reference.';

CREATE OR REPLACE VIEW proffer.model_drift AS
SELECT model, version, role, day, nullif(feature, '') AS feature, decisions, psi,
       CASE WHEN psi < 0.1 THEN 'fine' WHEN psi < 0.25 THEN 'watch' WHEN psi >= 0.25 THEN 'act' END AS band,
       ks, missing, missing_then, reference
FROM proffer.model_drift_days;
COMMENT ON VIEW proffer.model_drift IS 'How far scores and features have moved since the reference, by day.';
COMMENT ON COLUMN proffer.model_drift.missing_then IS 'The same in the reference.';
COMMENT ON COLUMN proffer.model_drift.reference IS 'training: the rows the model learnt from. first_decisions: it came without, and its first thousand decisions stand for them.';

-- +goose Down
DROP VIEW proffer.model_drift;
ALTER TABLE proffer.model_drift_days DROP COLUMN reference;
CREATE VIEW proffer.model_drift AS
SELECT model, version, role, day, nullif(feature, '') AS feature, decisions, psi,
       CASE WHEN psi < 0.1 THEN 'fine' WHEN psi < 0.25 THEN 'watch' WHEN psi >= 0.25 THEN 'act' END AS band,
       ks, missing, missing_then
FROM proffer.model_drift_days;
