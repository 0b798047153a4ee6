-- +goose Up

CREATE TABLE proffer.consents (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    alias uuid NOT NULL,
    purpose text NOT NULL,
    state text NOT NULL,
    rule text,
    actor text,
    reason text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.consents IS 'Every statement about consent: who said yes or no to which purpose, and when. The last of a profile''s aliases counts: see profile_consents.';
COMMENT ON COLUMN proffer.consents.log_sequence IS 'Where it was said: the envelope''s sequence in IDENTITY.';
COMMENT ON COLUMN proffer.consents.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.consents.alias IS 'Who said it: the random id that stands for one identifier.';
COMMENT ON COLUMN proffer.consents.purpose IS 'To what: marketing, marketing.email.';
COMMENT ON COLUMN proffer.consents.state IS 'given or withdrawn; withdrawn is also an objection to what was never asked.';
COMMENT ON COLUMN proffer.consents.rule IS 'operator, or source: the person''s own statement, as a source sent it.';
COMMENT ON COLUMN proffer.consents.actor IS 'Who entered it: the name of a key. NULL for sources.';
COMMENT ON COLUMN proffer.consents.reason IS 'Why, in the words of who entered it.';
COMMENT ON COLUMN proffer.consents.occurred_at IS 'When it was said, as far as the source knows.';
COMMENT ON COLUMN proffer.consents.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.consents.source IS 'Which source sent it.';
COMMENT ON COLUMN proffer.consents.channel IS 'Where it was said: web, mobile, email, ... NULL is unknown.';

CREATE INDEX consents_alias ON proffer.consents (alias, purpose);

CREATE VIEW proffer.profile_consents AS
SELECT DISTINCT ON (1, 2) coalesce(a.profile_id, c.alias) AS profile_id, c.purpose, c.state, c.occurred_at AS since, c.alias,
       c.rule, c.actor, c.reason, c.log_sequence, c.log_index
FROM proffer.consents c
LEFT JOIN proffer.aliases a ON a.alias = c.alias
ORDER BY 1, 2, c.log_sequence DESC, c.log_index DESC;
COMMENT ON VIEW proffer.profile_consents IS 'What every profile consents to now: of each purpose the last statement of any of its aliases.';
COMMENT ON COLUMN proffer.profile_consents.profile_id IS 'The profile, as known now.';
COMMENT ON COLUMN proffer.profile_consents.purpose IS 'To what: marketing, marketing.email.';
COMMENT ON COLUMN proffer.profile_consents.state IS 'given or withdrawn. A purpose about which nothing was ever said has no row.';
COMMENT ON COLUMN proffer.profile_consents.since IS 'When that was said, as far as the source knows.';
COMMENT ON COLUMN proffer.profile_consents.alias IS 'Which of the profile''s identifiers said it.';
COMMENT ON COLUMN proffer.profile_consents.rule IS 'operator, or source: the person''s own statement, as a source sent it.';
COMMENT ON COLUMN proffer.profile_consents.actor IS 'Who entered it: the name of a key. NULL for sources.';
COMMENT ON COLUMN proffer.profile_consents.reason IS 'Why, in the words of who entered it.';
COMMENT ON COLUMN proffer.profile_consents.log_sequence IS 'Where it was said: the envelope''s sequence in IDENTITY.';
COMMENT ON COLUMN proffer.profile_consents.log_index IS 'The event''s index within its envelope, from 0.';

COMMENT ON TABLE proffer.identity_events IS 'Every event of IDENTITY: links made, withheld and taken back, aliases marked and barred, matches proposed and reviewed, guards and models changed, consents stated (see consents), traits changed, groups joined.';
COMMENT ON COLUMN proffer.identity_events.type IS 'identity_linked, identity_unlinked, identity_withheld, alias_marked, identity_barred, guards_changed, match_proposed, match_reviewed, match_model_changed, consent_stated, traits_changed, group_joined, or unknown for an event of a later version.';
COMMENT ON COLUMN proffer.identity_events.rule IS 'The rule behind it: identify, alias, import, operator, match, review, guards, source.';
COMMENT ON COLUMN proffer.decision_candidates.stage IS 'Where it left: CONSENT, ELIGIBILITY, CONTACT_LIMIT, SCORE, ARBITRATION, ... NULL is the winner.';

-- +goose Down
DROP VIEW proffer.profile_consents;
DROP TABLE proffer.consents;
