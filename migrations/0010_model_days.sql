-- +goose Up

CREATE TABLE proffer.model_days (
    model text NOT NULL,
    version bigint NOT NULL,
    role text NOT NULL,
    day date NOT NULL,
    decisions bigint NOT NULL,
    failures bigint NOT NULL,
    last_at timestamptz NOT NULL,
    judged bigint NOT NULL,
    positive bigint NOT NULL,
    mean_score double precision,
    auc double precision,
    accuracy double precision,
    log_loss double precision,
    brier double precision,
    ece double precision,
    PRIMARY KEY (model, version, role, day)
);
COMMENT ON TABLE proffer.model_days IS 'How each version of each model did, by day and role. Folded anew from the log at every start.';
COMMENT ON COLUMN proffer.model_days.model IS 'The model''s name.';
COMMENT ON COLUMN proffer.model_days.version IS 'Its version.';
COMMENT ON COLUMN proffer.model_days.role IS 'champion, challenger or shadow: what it was when it answered.';
COMMENT ON COLUMN proffer.model_days.day IS 'The day of the decisions (UTC).';
COMMENT ON COLUMN proffer.model_days.decisions IS 'How many it gave a score.';
COMMENT ON COLUMN proffer.model_days.failures IS 'How many it should have given a score and did not.';
COMMENT ON COLUMN proffer.model_days.last_at IS 'When it answered last on that day.';
COMMENT ON COLUMN proffer.model_days.judged IS 'Of how many decisions it is known what became of them: their windows have closed.';
COMMENT ON COLUMN proffer.model_days.positive IS 'How many of these were positive.';
COMMENT ON COLUMN proffer.model_days.mean_score IS 'Mean score of the judged. NULL as long as there are none, as are the figures that follow.';
COMMENT ON COLUMN proffer.model_days.auc IS 'Area under the ROC curve; NULL while there is one outcome only.';
COMMENT ON COLUMN proffer.model_days.accuracy IS 'Share on the right side of one half.';
COMMENT ON COLUMN proffer.model_days.log_loss IS 'Log loss in nats.';
COMMENT ON COLUMN proffer.model_days.brier IS 'Mean squared error of the score.';
COMMENT ON COLUMN proffer.model_days.ece IS 'Expected calibration error, ten bins of equal width.';

CREATE TABLE proffer.model_drift_days (
    model text NOT NULL,
    version bigint NOT NULL,
    role text NOT NULL,
    day date NOT NULL,
    feature text NOT NULL,
    decisions bigint NOT NULL,
    psi double precision,
    ks double precision,
    missing double precision,
    missing_then double precision,
    PRIMARY KEY (model, version, role, day, feature)
);
COMMENT ON TABLE proffer.model_drift_days IS 'How far the score and the features of each version lay from where they lay in training, by day and role.';
COMMENT ON COLUMN proffer.model_drift_days.model IS 'The model''s name.';
COMMENT ON COLUMN proffer.model_drift_days.version IS 'Its version.';
COMMENT ON COLUMN proffer.model_drift_days.role IS 'champion, challenger or shadow: what it was when it answered.';
COMMENT ON COLUMN proffer.model_drift_days.day IS 'The day of the decisions (UTC).';
COMMENT ON COLUMN proffer.model_drift_days.feature IS 'The feature; empty for the score.';
COMMENT ON COLUMN proffer.model_drift_days.decisions IS 'How many decisions were counted.';
COMMENT ON COLUMN proffer.model_drift_days.psi IS 'Population stability index against training; NULL when nothing was counted.';
COMMENT ON COLUMN proffer.model_drift_days.ks IS 'Kolmogorov-Smirnov distance of the present values, by bins: a lower bound; NULL when none was present.';
COMMENT ON COLUMN proffer.model_drift_days.missing IS 'Share of missing values.';
COMMENT ON COLUMN proffer.model_drift_days.missing_then IS 'Share of missing values in training.';

CREATE VIEW proffer.model_accuracy AS
SELECT model, version, role, day, judged, positive, positive::double precision / judged AS rate, mean_score, auc, accuracy, log_loss, brier, ece
FROM proffer.model_days
WHERE judged > 0;
COMMENT ON VIEW proffer.model_accuracy IS 'How right each version was, by the day of its decisions, as far as it is known what became of them.';
COMMENT ON COLUMN proffer.model_accuracy.model IS 'The model''s name.';
COMMENT ON COLUMN proffer.model_accuracy.version IS 'Its version.';
COMMENT ON COLUMN proffer.model_accuracy.role IS 'What it was when it answered.';
COMMENT ON COLUMN proffer.model_accuracy.day IS 'The day of the decisions (UTC).';
COMMENT ON COLUMN proffer.model_accuracy.judged IS 'Of how many it is known what became of them.';
COMMENT ON COLUMN proffer.model_accuracy.positive IS 'How many of these were positive.';
COMMENT ON COLUMN proffer.model_accuracy.rate IS 'Their share.';
COMMENT ON COLUMN proffer.model_accuracy.mean_score IS 'What the model said, on average: beside rate.';
COMMENT ON COLUMN proffer.model_accuracy.auc IS 'How well it ordered them; .5 is chance.';
COMMENT ON COLUMN proffer.model_accuracy.accuracy IS 'Share on the right side of one half.';
COMMENT ON COLUMN proffer.model_accuracy.log_loss IS 'Log loss in nats.';
COMMENT ON COLUMN proffer.model_accuracy.brier IS 'Mean squared error.';
COMMENT ON COLUMN proffer.model_accuracy.ece IS 'Expected calibration error.';

CREATE VIEW proffer.model_drift AS
SELECT model, version, role, day, nullif(feature, '') AS feature, decisions, psi,
       CASE WHEN psi < 0.1 THEN 'fine' WHEN psi < 0.25 THEN 'watch' WHEN psi >= 0.25 THEN 'act' END AS band,
       ks, missing, missing_then
FROM proffer.model_drift_days;
COMMENT ON VIEW proffer.model_drift IS 'How far scores and features have moved since training, by day.';
COMMENT ON COLUMN proffer.model_drift.model IS 'The model''s name.';
COMMENT ON COLUMN proffer.model_drift.version IS 'Its version.';
COMMENT ON COLUMN proffer.model_drift.role IS 'What it was when it answered.';
COMMENT ON COLUMN proffer.model_drift.day IS 'The day of the decisions (UTC).';
COMMENT ON COLUMN proffer.model_drift.feature IS 'The feature; NULL for the score.';
COMMENT ON COLUMN proffer.model_drift.decisions IS 'How many were counted: few make PSI large by chance.';
COMMENT ON COLUMN proffer.model_drift.psi IS 'Population stability index.';
COMMENT ON COLUMN proffer.model_drift.band IS 'The usual bands of PSI: fine below 0.1, act from 0.25.';
COMMENT ON COLUMN proffer.model_drift.ks IS 'Kolmogorov-Smirnov distance.';
COMMENT ON COLUMN proffer.model_drift.missing IS 'Share of missing values.';
COMMENT ON COLUMN proffer.model_drift.missing_then IS 'The same in training.';

-- +goose Down
DROP VIEW proffer.model_drift, proffer.model_accuracy;
DROP TABLE proffer.model_drift_days, proffer.model_days;
