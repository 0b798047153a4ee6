-- +goose Up

CREATE TABLE proffer.policies (
    policy text NOT NULL,
    version bigint NOT NULL,
    description text,
    feature_view text,
    holdout double precision NOT NULL,
    placements integer NOT NULL,
    offers integer NOT NULL,
    contact_limits integer NOT NULL,
    digest bytea NOT NULL,
    document text,
    published_at timestamptz NOT NULL,
    published_by text,
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    PRIMARY KEY (policy, version)
);
COMMENT ON TABLE proffer.policies IS 'Every version of every policy, as published.';
COMMENT ON COLUMN proffer.policies.policy IS 'The policy''s id.';
COMMENT ON COLUMN proffer.policies.version IS 'Counted from 1 for each policy.';
COMMENT ON COLUMN proffer.policies.description IS 'What it is for.';
COMMENT ON COLUMN proffer.policies.feature_view IS 'The feature view its rules read.';
COMMENT ON COLUMN proffer.policies.holdout IS 'Share of profiles that never get an offer.';
COMMENT ON COLUMN proffer.policies.placements IS 'How many spots it serves.';
COMMENT ON COLUMN proffer.policies.offers IS 'How many offers it has.';
COMMENT ON COLUMN proffer.policies.contact_limits IS 'How many contact limits it has.';
COMMENT ON COLUMN proffer.policies.digest IS 'SHA-256 of the canonical policy; decisions.policy_digest names it.';
COMMENT ON COLUMN proffer.policies.document IS 'The document as its author wrote it.';
COMMENT ON COLUMN proffer.policies.published_at IS 'When it took effect.';
COMMENT ON COLUMN proffer.policies.published_by IS 'The source that published it.';
COMMENT ON COLUMN proffer.policies.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.policies.log_index IS 'The event''s index within its envelope, from 0.';

CREATE TABLE proffer.offers (
    offer text NOT NULL,
    policy text NOT NULL,
    policy_version bigint,
    description text,
    category text,
    propensity text,
    value text,
    weight text,
    cost text,
    eligibility jsonb NOT NULL,
    treatments jsonb NOT NULL,
    attributes jsonb NOT NULL,
    validity interval,
    defined_at timestamptz NOT NULL,
    defined_by text,
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    PRIMARY KEY (offer, policy)
);
COMMENT ON TABLE proffer.offers IS 'Every offer as last defined, by a policy or by an import.';
COMMENT ON COLUMN proffer.offers.offer IS 'The offer''s id.';
COMMENT ON COLUMN proffer.offers.policy IS 'The policy that defines it; empty when an import did.';
COMMENT ON COLUMN proffer.offers.policy_version IS 'The last version of the policy that has it.';
COMMENT ON COLUMN proffer.offers.description IS 'What it is.';
COMMENT ON COLUMN proffer.offers.category IS 'What contact limits call it.';
COMMENT ON COLUMN proffer.offers.propensity IS 'How likely it succeeds: a constant or an expression.';
COMMENT ON COLUMN proffer.offers.value IS 'Worth of a success: a constant or an expression.';
COMMENT ON COLUMN proffer.offers.weight IS 'The operator''s weight: a constant or an expression.';
COMMENT ON COLUMN proffer.offers.cost IS 'What giving it costs: a constant or an expression.';
COMMENT ON COLUMN proffer.offers.eligibility IS 'The rules that say who may get it.';
COMMENT ON COLUMN proffer.offers.treatments IS 'Its contents by channel.';
COMMENT ON COLUMN proffer.offers.attributes IS 'Facts about it: type, reward, difficulty, ...';
COMMENT ON COLUMN proffer.offers.validity IS 'How long it can be redeemed. NULL is unknown or for ever.';
COMMENT ON COLUMN proffer.offers.defined_at IS 'When it was last defined.';
COMMENT ON COLUMN proffer.offers.defined_by IS 'The source that defined it.';
COMMENT ON COLUMN proffer.offers.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.offers.log_index IS 'The event''s index within its envelope, from 0.';

CREATE TABLE proffer.feature_views (
    name text NOT NULL,
    fingerprint bytea NOT NULL,
    specs jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    PRIMARY KEY (name, fingerprint)
);
COMMENT ON TABLE proffer.feature_views IS 'Every feature view as published.';
COMMENT ON COLUMN proffer.feature_views.name IS 'For example core@1.';
COMMENT ON COLUMN proffer.feature_views.fingerprint IS 'The view''s fingerprint; decisions name it.';
COMMENT ON COLUMN proffer.feature_views.specs IS 'Its features: names, sources, windows, defaults.';
COMMENT ON COLUMN proffer.feature_views.published_at IS 'When it took effect.';
COMMENT ON COLUMN proffer.feature_views.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.feature_views.log_index IS 'The event''s index within its envelope, from 0.';

CREATE TABLE proffer.quarantine (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    quarantine_id uuid,
    alias uuid,
    reason text,
    field text,
    message text,
    format text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text,
    resolved_at timestamptz,
    replayed boolean,
    note text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.quarantine IS 'What was refused. The original is kept sealed in the log; repair it with "proffer quarantine".';
COMMENT ON COLUMN proffer.quarantine.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.quarantine.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.quarantine.quarantine_id IS 'What repairing it names.';
COMMENT ON COLUMN proffer.quarantine.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.quarantine.reason IS 'Why it was refused, as told to the sender.';
COMMENT ON COLUMN proffer.quarantine.field IS 'The field, in the sender''s terms.';
COMMENT ON COLUMN proffer.quarantine.message IS 'What is wrong with it; free of personal values.';
COMMENT ON COLUMN proffer.quarantine.format IS 'How to read the original: segment, ingest or import:<mapping>.';
COMMENT ON COLUMN proffer.quarantine.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.quarantine.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.quarantine.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';
COMMENT ON COLUMN proffer.quarantine.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';
COMMENT ON COLUMN proffer.quarantine.resolved_at IS 'When it was repaired or discarded. NULL is open.';
COMMENT ON COLUMN proffer.quarantine.replayed IS 'True when it was repaired and accepted, false when a person discarded it.';
COMMENT ON COLUMN proffer.quarantine.note IS 'What the person said.';

CREATE INDEX quarantine_quarantine_id ON proffer.quarantine (quarantine_id);

CREATE TABLE proffer.unknown_events (
    stream text NOT NULL,
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    alias uuid,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text,
    PRIMARY KEY (stream, log_sequence, log_index)
);
COMMENT ON TABLE proffer.unknown_events IS 'Events of a later version in the streams DECISION, POLICY and QUARANTINE. They are kept in the log and read by that version.';
COMMENT ON COLUMN proffer.unknown_events.stream IS 'The stream they stand in.';
COMMENT ON COLUMN proffer.unknown_events.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.unknown_events.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.unknown_events.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.unknown_events.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.unknown_events.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.unknown_events.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';
COMMENT ON COLUMN proffer.unknown_events.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';

-- +goose Down
DROP TABLE proffer.unknown_events, proffer.quarantine, proffer.feature_views, proffer.offers, proffer.policies;
