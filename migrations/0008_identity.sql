-- +goose Up

-- What was projected before knew nothing of the tables below: the contents are dropped, and the projection makes them
-- again from the log when it starts.
TRUNCATE proffer.aliases, proffer.profiles, proffer.identity_events, proffer.behaviour_events, proffer.purchase_lines,
    proffer.decisions, proffer.decision_candidates, proffer.outcomes, proffer.policies, proffer.offers,
    proffer.feature_views, proffer.quarantine, proffer.unknown_events;
UPDATE proffer.projection_checkpoints SET sequence = 0 WHERE projection = 'tables';

ALTER TABLE proffer.aliases ADD COLUMN mark text;
COMMENT ON COLUMN proffer.aliases.mark IS 'shared: seen with too many people, so that its links tell a household and join nobody. blocked: its value means nobody. NULL when its links count.';

ALTER TABLE proffer.identity_events
    ADD COLUMN guard text,
    ADD COLUMN guard_type text,
    ADD COLUMN mark text,
    ADD COLUMN confirmed boolean,
    ADD COLUMN lifted boolean,
    ADD COLUMN version bigint,
    ADD COLUMN actor text;
COMMENT ON TABLE proffer.identity_events IS 'Every event of IDENTITY: links made, withheld and taken back, aliases marked and barred, matches proposed and reviewed, guards and models changed, traits changed, groups joined.';
COMMENT ON COLUMN proffer.identity_events.type IS 'identity_linked, identity_unlinked, identity_withheld, alias_marked, identity_barred, guards_changed, match_proposed, match_reviewed, match_model_changed, traits_changed, group_joined, or unknown for an event of a later version.';
COMMENT ON COLUMN proffer.identity_events.other IS 'The other alias of an event about two, or the group joined.';
COMMENT ON COLUMN proffer.identity_events.rule IS 'The rule behind it: identify, alias, import, operator, match, review, guards.';
COMMENT ON COLUMN proffer.identity_events.posterior IS 'How sure it is that two are one person; 1 for deterministic rules. NULL where the event does not say.';
COMMENT ON COLUMN proffer.identity_events.guard IS 'Of a link that was withheld: which guard forbids it, TYPE_LIMIT, BARRED or PROFILE_TOO_LARGE.';
COMMENT ON COLUMN proffer.identity_events.guard_type IS 'Of TYPE_LIMIT: the type whose limit it is.';
COMMENT ON COLUMN proffer.identity_events.mark IS 'Of an alias that was marked: none, shared or blocked; unknown for a mark of a later version.';
COMMENT ON COLUMN proffer.identity_events.confirmed IS 'Of a review: whether the match holds.';
COMMENT ON COLUMN proffer.identity_events.lifted IS 'Of a bar: whether it was taken away.';
COMMENT ON COLUMN proffer.identity_events.version IS 'Of guards or a model: the version.';
COMMENT ON COLUMN proffer.identity_events.actor IS 'Who asked for it: the name of a key. NULL for rules.';
COMMENT ON COLUMN proffer.identity_events.reason IS 'Why, in the words of who asked for it.';

CREATE TABLE proffer.identity_pairs (
    alias uuid NOT NULL,
    other uuid NOT NULL,
    alias_type text,
    other_type text,
    links integer NOT NULL,
    withheld boolean,
    rule text,
    changed_by text,
    actor text,
    reason text,
    guard text,
    guard_type text,
    claimed_sequence bigint,
    claimed_index integer,
    claimed_at timestamptz,
    changed_sequence bigint,
    changed_index integer,
    changed_at timestamptz,
    posterior double precision,
    message uuid,
    evidence jsonb,
    model text,
    model_version bigint,
    weight_bits double precision,
    waterfall jsonb,
    proposed_sequence bigint,
    proposed_index integer,
    proposed_at timestamptz,
    proposal_open boolean,
    proposed_posterior double precision,
    proposed_message uuid,
    proposed_evidence jsonb,
    proposed_model text,
    proposed_model_version bigint,
    proposed_weight_bits double precision,
    proposed_waterfall jsonb,
    reviewed_sequence bigint,
    reviewed_index integer,
    reviewed_at timestamptz,
    confirmed boolean,
    reviewed_posterior double precision,
    reviewed_model text,
    reviewed_model_version bigint,
    reviewer text,
    review_reason text,
    bar_sequence bigint,
    bar_index integer,
    bar_at timestamptz,
    bar_lifted boolean,
    bar_rule text,
    bar_actor text,
    bar_reason text,
    PRIMARY KEY (alias, other)
) WITH (fillfactor = 80);
COMMENT ON TABLE proffer.identity_pairs IS 'One row for any two aliases that IDENTITY says something about: claims that they are one person, matches, reviews, bars. The views identity_links, identity_reviews and identity_bars show one of these each.';
COMMENT ON COLUMN proffer.identity_pairs.alias IS 'One of the two, the smaller and so the earlier seen.';
COMMENT ON COLUMN proffer.identity_pairs.other IS 'The other.';
COMMENT ON COLUMN proffer.identity_pairs.alias_type IS 'The kind of identifier the first stands for.';
COMMENT ON COLUMN proffer.identity_pairs.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_pairs.links IS 'How many links between the two are active. They join only when neither end is marked: see identity_links.state.';
COMMENT ON COLUMN proffer.identity_pairs.withheld IS 'Whether guards keep the claim from becoming a link. NULL when nothing claims that the two are one person.';
COMMENT ON COLUMN proffer.identity_pairs.rule IS 'What claimed it last.';
COMMENT ON COLUMN proffer.identity_pairs.changed_by IS 'The rule of the last event: operator, guards, or as rule.';
COMMENT ON COLUMN proffer.identity_pairs.actor IS 'Who asked for the last event: the name of a key. NULL for rules.';
COMMENT ON COLUMN proffer.identity_pairs.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.identity_pairs.guard IS 'Which guard forbids it: TYPE_LIMIT, BARRED, PROFILE_TOO_LARGE.';
COMMENT ON COLUMN proffer.identity_pairs.guard_type IS 'Of TYPE_LIMIT: the type whose limit it is.';
COMMENT ON COLUMN proffer.identity_pairs.claimed_sequence IS 'The first claim: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_pairs.claimed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_pairs.claimed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_pairs.changed_sequence IS 'The last event about the claim: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_pairs.changed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_pairs.changed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_pairs.posterior IS 'How sure it is; 1 for deterministic rules.';
COMMENT ON COLUMN proffer.identity_pairs.message IS 'The first event of the message that named both identifiers. NULL for other rules.';
COMMENT ON COLUMN proffer.identity_pairs.evidence IS 'The places in the log that were compared or speak for it.';
COMMENT ON COLUMN proffer.identity_pairs.model IS 'The model that weighed it. NULL for deterministic rules.';
COMMENT ON COLUMN proffer.identity_pairs.model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_pairs.weight_bits IS 'The weight of the match: the prior and the terms of the waterfall, added.';
COMMENT ON COLUMN proffer.identity_pairs.waterfall IS 'How it was weighed, in bits: prior, one term a comparison with the level it reached, weight. Levels, never values.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_sequence IS 'The last time the match was put up for review: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_pairs.proposal_open IS 'Whether it waits for an answer: nobody answered it, and the two were not linked since.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_posterior IS 'Of the proposal. How sure it is; 1 for deterministic rules.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_message IS 'Of the proposal. The first event of the message that named both identifiers. NULL for other rules.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_evidence IS 'Of the proposal. The places in the log that were compared or speak for it.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_model IS 'Of the proposal. The model that weighed it. NULL for deterministic rules.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_model_version IS 'Of the proposal. Its version.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_weight_bits IS 'Of the proposal. The weight of the match: the prior and the terms of the waterfall, added.';
COMMENT ON COLUMN proffer.identity_pairs.proposed_waterfall IS 'Of the proposal. How it was weighed, in bits: prior, one term a comparison with the level it reached, weight. Levels, never values.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_sequence IS 'The last answer of a person: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_pairs.confirmed IS 'The answer: whether the two are one person.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_posterior IS 'How sure the match was when it was reviewed.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_model IS 'The model that had weighed it.';
COMMENT ON COLUMN proffer.identity_pairs.reviewed_model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_pairs.reviewer IS 'Who answered: the name of a key.';
COMMENT ON COLUMN proffer.identity_pairs.review_reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.identity_pairs.bar_sequence IS 'The last event about a bar: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_pairs.bar_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_pairs.bar_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_pairs.bar_lifted IS 'False while the two may never be joined, true when they may again. NULL when nobody barred them.';
COMMENT ON COLUMN proffer.identity_pairs.bar_rule IS 'operator or review.';
COMMENT ON COLUMN proffer.identity_pairs.bar_actor IS 'Who: the name of a key.';
COMMENT ON COLUMN proffer.identity_pairs.bar_reason IS 'Why, in the words of who asked for it.';

CREATE INDEX identity_pairs_other ON proffer.identity_pairs (other);
CREATE INDEX identity_pairs_open ON proffer.identity_pairs (proposed_posterior) WHERE proposal_open;
CREATE INDEX identity_pairs_reviewed ON proffer.identity_pairs (reviewed_model, reviewed_model_version) WHERE reviewed_sequence IS NOT NULL;
CREATE INDEX identity_pairs_barred ON proffer.identity_pairs (alias) WHERE NOT bar_lifted;

CREATE TABLE proffer.identity_history (
    alias uuid NOT NULL,
    profile_id uuid NOT NULL,
    from_sequence bigint NOT NULL,
    from_index integer NOT NULL,
    from_at timestamptz,
    to_sequence bigint,
    to_index integer,
    to_at timestamptz,
    PRIMARY KEY (alias, from_sequence, from_index)
) WITH (fillfactor = 80);
COMMENT ON TABLE proffer.identity_history IS 'Which profile each alias belonged to, and when: the mapping as of any cut. An alias that never belonged to another profile than its own is not here; profile_at() knows them all.';
COMMENT ON COLUMN proffer.identity_history.alias IS 'The alias.';
COMMENT ON COLUMN proffer.identity_history.profile_id IS 'The profile it belonged to.';
COMMENT ON COLUMN proffer.identity_history.from_sequence IS 'From this envelope of IDENTITY on; 0 from the start of the log.';
COMMENT ON COLUMN proffer.identity_history.from_index IS 'And this event in it, included.';
COMMENT ON COLUMN proffer.identity_history.from_at IS 'When Proffer accepted that event. NULL for the start of the log.';
COMMENT ON COLUMN proffer.identity_history.to_sequence IS 'Up to this envelope of IDENTITY. NULL is now.';
COMMENT ON COLUMN proffer.identity_history.to_index IS 'And this event in it, excluded.';
COMMENT ON COLUMN proffer.identity_history.to_at IS 'When Proffer accepted that event.';

CREATE INDEX identity_history_profile ON proffer.identity_history (profile_id);

-- +goose StatementBegin
CREATE FUNCTION proffer.profile_at(alias uuid, sequence bigint, index integer DEFAULT 2147483647) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((
        SELECT h.profile_id FROM proffer.identity_history h
        WHERE h.alias = profile_at.alias AND (h.from_sequence, h.from_index) <= (profile_at.sequence, profile_at.index)
        ORDER BY h.from_sequence DESC, h.from_index DESC LIMIT 1), profile_at.alias)
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION proffer.profile_at IS 'The profile of an alias as known at a place in IDENTITY, for example at a decision''s cut; without an index, at the end of that envelope.';

CREATE TABLE proffer.identity_guards (
    version bigint NOT NULL,
    document text,
    types jsonb NOT NULL,
    profile_most bigint,
    actor text,
    reason text,
    since_sequence bigint NOT NULL,
    since_index integer NOT NULL,
    since_at timestamptz NOT NULL,
    PRIMARY KEY (version)
);
COMMENT ON TABLE proffer.identity_guards IS 'Every version of the guards: the rules that hold on the graph of links. Version 0, the default, has no row.';
COMMENT ON COLUMN proffer.identity_guards.version IS 'Counted from 1; the largest is in effect.';
COMMENT ON COLUMN proffer.identity_guards.document IS 'What its author wrote; blocked values are not in it.';
COMMENT ON COLUMN proffer.identity_guards.types IS 'The guards of each type of identifier, strongest type first.';
COMMENT ON COLUMN proffer.identity_guards.profile_most IS 'How many aliases a profile may have. NULL is the default, 1,000.';
COMMENT ON COLUMN proffer.identity_guards.actor IS 'Who set them: the name of a key.';
COMMENT ON COLUMN proffer.identity_guards.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.identity_guards.since_sequence IS 'In effect from here on: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_guards.since_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_guards.since_at IS 'When Proffer accepted it.';

CREATE TABLE proffer.match_models (
    name text NOT NULL,
    version bigint NOT NULL,
    digest bytea,
    document jsonb,
    actor text,
    reason text,
    since_sequence bigint NOT NULL,
    since_index integer NOT NULL,
    since_at timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE proffer.match_models IS 'Every version of the models by which records are compared.';
COMMENT ON COLUMN proffer.match_models.name IS 'The model.';
COMMENT ON COLUMN proffer.match_models.version IS 'Counted from 1; the largest is in effect.';
COMMENT ON COLUMN proffer.match_models.digest IS 'SHA-256 of the document as the log has it.';
COMMENT ON COLUMN proffer.match_models.document IS 'Its parameters. NULL when this version turned matching off.';
COMMENT ON COLUMN proffer.match_models.actor IS 'Who set it: the name of a key.';
COMMENT ON COLUMN proffer.match_models.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.match_models.since_sequence IS 'In effect from here on: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.match_models.since_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.match_models.since_at IS 'When Proffer accepted it.';

-- +goose Down
DROP FUNCTION proffer.profile_at;
DROP TABLE proffer.match_models, proffer.identity_guards, proffer.identity_history, proffer.identity_pairs;
ALTER TABLE proffer.identity_events DROP COLUMN guard, DROP COLUMN guard_type, DROP COLUMN mark, DROP COLUMN confirmed,
    DROP COLUMN lifted, DROP COLUMN version, DROP COLUMN actor;
ALTER TABLE proffer.aliases DROP COLUMN mark;
