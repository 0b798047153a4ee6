-- +goose Up

CREATE TABLE proffer.decisions (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    decision_id uuid NOT NULL,
    alias uuid,
    profile_id uuid,
    external boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    placement text,
    channel text,
    context jsonb NOT NULL,
    policy text,
    policy_version bigint,
    policy_digest bytea,
    feature_view text,
    feature_view_fingerprint bytea,
    held_out boolean NOT NULL,
    offer text,
    treatment text,
    category text,
    reason text,
    logged_propensity double precision,
    propensity_estimated boolean NOT NULL,
    candidates integer NOT NULL,
    contacts integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.decisions IS 'Every decision, also when the answer was nothing, and those that other systems made.';
COMMENT ON COLUMN proffer.decisions.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.decisions.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.decisions.decision_id IS 'The decision''s id, as the answer carries it.';
COMMENT ON COLUMN proffer.decisions.alias IS 'The alias that asked, which a contact stays with.';
COMMENT ON COLUMN proffer.decisions.profile_id IS 'The profile as it was known then; aliases.profile_id tells which it is now.';
COMMENT ON COLUMN proffer.decisions.external IS 'Made by another system and only recorded here.';
COMMENT ON COLUMN proffer.decisions.decided_at IS 'The decision''s time.';
COMMENT ON COLUMN proffer.decisions.placement IS 'The spot that asked.';
COMMENT ON COLUMN proffer.decisions.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';
COMMENT ON COLUMN proffer.decisions.context IS 'The facts of the request.';
COMMENT ON COLUMN proffer.decisions.policy IS 'The policy that decided.';
COMMENT ON COLUMN proffer.decisions.policy_version IS 'Its version.';
COMMENT ON COLUMN proffer.decisions.policy_digest IS 'SHA-256 of the canonical policy.';
COMMENT ON COLUMN proffer.decisions.feature_view IS 'The feature view it read.';
COMMENT ON COLUMN proffer.decisions.feature_view_fingerprint IS 'The view''s fingerprint.';
COMMENT ON COLUMN proffer.decisions.held_out IS 'The profile is in the hold-out: it gets no offer, for comparison.';
COMMENT ON COLUMN proffer.decisions.offer IS 'The offer given. NULL when none was.';
COMMENT ON COLUMN proffer.decisions.treatment IS 'The offer''s content.';
COMMENT ON COLUMN proffer.decisions.category IS 'The offer''s category.';
COMMENT ON COLUMN proffer.decisions.reason IS 'Why: OFFERED, HELD_OUT, NO_ELIGIBLE_OFFER, ...';
COMMENT ON COLUMN proffer.decisions.logged_propensity IS 'The probability with which this answer was given; 0 is unknown.';
COMMENT ON COLUMN proffer.decisions.propensity_estimated IS 'The propensity was estimated afterwards.';
COMMENT ON COLUMN proffer.decisions.candidates IS 'How many offers were considered: rows of decision_candidates.';
COMMENT ON COLUMN proffer.decisions.contacts IS 'How many earlier contacts were known and counted.';
COMMENT ON COLUMN proffer.decisions.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.decisions.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.decisions.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';

CREATE INDEX decisions_decision_id ON proffer.decisions (decision_id);
CREATE INDEX decisions_alias ON proffer.decisions (alias, decided_at);
CREATE INDEX decisions_decided_at ON proffer.decisions USING brin (decided_at);

CREATE TABLE proffer.decision_candidates (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    candidate integer NOT NULL,
    decision_id uuid NOT NULL,
    decided_at timestamptz NOT NULL,
    offer text,
    treatment text,
    stage text,
    rule text,
    reason text,
    propensity double precision NOT NULL,
    value double precision NOT NULL,
    weight double precision NOT NULL,
    cost double precision NOT NULL,
    expected_value double precision NOT NULL,
    draw double precision NOT NULL
);
COMMENT ON TABLE proffer.decision_candidates IS 'What each decision considered, and where it left. Rows stand in the order of the log: find those of one decision by its log_sequence and log_index.';
COMMENT ON COLUMN proffer.decision_candidates.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.decision_candidates.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.decision_candidates.candidate IS 'The candidate''s number within the decision, from 0.';
COMMENT ON COLUMN proffer.decision_candidates.decision_id IS 'The decision.';
COMMENT ON COLUMN proffer.decision_candidates.decided_at IS 'The decision''s time.';
COMMENT ON COLUMN proffer.decision_candidates.offer IS 'The offer considered.';
COMMENT ON COLUMN proffer.decision_candidates.treatment IS 'Its content.';
COMMENT ON COLUMN proffer.decision_candidates.stage IS 'Where it left: ELIGIBILITY, CONTACT_LIMIT, SCORE, ARBITRATION, ... NULL is the winner.';
COMMENT ON COLUMN proffer.decision_candidates.rule IS 'The rule or limit that refused it.';
COMMENT ON COLUMN proffer.decision_candidates.reason IS 'Why it left.';
COMMENT ON COLUMN proffer.decision_candidates.propensity IS 'How likely it is to succeed.';
COMMENT ON COLUMN proffer.decision_candidates.value IS 'What a success is worth.';
COMMENT ON COLUMN proffer.decision_candidates.weight IS 'The operator''s weight.';
COMMENT ON COLUMN proffer.decision_candidates.cost IS 'What giving it costs.';
COMMENT ON COLUMN proffer.decision_candidates.expected_value IS 'propensity * value * weight - cost.';
COMMENT ON COLUMN proffer.decision_candidates.draw IS 'The draw that breaks ties, from 0 to 1.';

CREATE INDEX decision_candidates_log ON proffer.decision_candidates USING brin (log_sequence) WITH (pages_per_range = 32);

CREATE TABLE proffer.outcomes (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    alias uuid,
    type text NOT NULL,
    decision_id uuid,
    offer text,
    treatment text,
    placement text,
    value numeric(20,6) NOT NULL,
    cost numeric(20,6) NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.outcomes IS 'What happened after offers: every event of OUTCOME.';
COMMENT ON COLUMN proffer.outcomes.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.outcomes.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.outcomes.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.outcomes.type IS 'delivered, exposed, clicked, converted, or unknown for an event of a later version.';
COMMENT ON COLUMN proffer.outcomes.decision_id IS 'The decision it belongs to. NULL when the source does not say.';
COMMENT ON COLUMN proffer.outcomes.offer IS 'The offer.';
COMMENT ON COLUMN proffer.outcomes.treatment IS 'Its content.';
COMMENT ON COLUMN proffer.outcomes.placement IS 'The spot.';
COMMENT ON COLUMN proffer.outcomes.value IS 'What a conversion was worth.';
COMMENT ON COLUMN proffer.outcomes.cost IS 'What it cost (a reward).';
COMMENT ON COLUMN proffer.outcomes.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.outcomes.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.outcomes.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';
COMMENT ON COLUMN proffer.outcomes.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';

CREATE INDEX outcomes_alias ON proffer.outcomes (alias, occurred_at);
CREATE INDEX outcomes_decision_id ON proffer.outcomes (decision_id) WHERE decision_id IS NOT NULL;

-- +goose Down
DROP TABLE proffer.outcomes, proffer.decision_candidates, proffer.decisions;
