-- +goose Up

CREATE TABLE proffer.definitions (
    kind text NOT NULL,
    name text NOT NULL,
    version bigint,
    withdrawn boolean NOT NULL,
    since timestamptz NOT NULL,
    reason text,
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE proffer.definitions IS 'What has been defined under POLICY: each policy, version of a feature view, segment definition and version of a model, and whether it is withdrawn.';
COMMENT ON COLUMN proffer.definitions.kind IS 'policy, feature_view, segments or model.';
COMMENT ON COLUMN proffer.definitions.name IS 'The id; of feature views and models with the version.';
COMMENT ON COLUMN proffer.definitions.version IS 'The version in effect, or the one that was when it was withdrawn. NULL for a feature view.';
COMMENT ON COLUMN proffer.definitions.withdrawn IS 'It is in effect no more; defining it again brings it back.';
COMMENT ON COLUMN proffer.definitions.since IS 'From when on it has been defined, or withdrawn.';
COMMENT ON COLUMN proffer.definitions.reason IS 'Why, as far as somebody said.';
COMMENT ON COLUMN proffer.definitions.log_sequence IS 'The envelope''s sequence in POLICY.';
COMMENT ON COLUMN proffer.definitions.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON TABLE proffer.policy_events IS 'Every event of POLICY: offers, policies, feature views, segments and models defined, published, withdrawn, switched and assigned, alerts raised, limits set.';

-- POLICY is small: what was projected of it before has no definitions, and is made again when the projection starts.
TRUNCATE proffer.policy_events, proffer.policies, proffer.offers, proffer.feature_views;
UPDATE proffer.projection_checkpoints SET sequence = 0 WHERE projection = 'tables' AND stream = 'POLICY';

-- +goose Down
DROP TABLE proffer.definitions;
