-- +goose Up

CREATE TABLE proffer.aliases (
    alias uuid PRIMARY KEY,
    type text,
    profile_id uuid NOT NULL,
    events bigint NOT NULL,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    behaviours bigint NOT NULL,
    last_active_at timestamptz,
    views bigint NOT NULL,
    carts bigint NOT NULL,
    purchases bigint NOT NULL,
    refunds bigint NOT NULL,
    tracked bigint NOT NULL,
    spent numeric(20,6) NOT NULL,
    refunded numeric(20,6) NOT NULL,
    currency text,
    decisions bigint NOT NULL,
    external_decisions bigint NOT NULL,
    offers bigint NOT NULL,
    deliveries bigint NOT NULL,
    exposures bigint NOT NULL,
    clicks bigint NOT NULL,
    conversions bigint NOT NULL,
    converted numeric(20,6) NOT NULL,
    conversion_cost numeric(20,6) NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE proffer.aliases IS 'One row an alias: the random id that stands for one identifier of a person. No identifier is here.';
COMMENT ON COLUMN proffer.aliases.alias IS 'The alias; time-ordered, so the smallest is the earliest seen.';
COMMENT ON COLUMN proffer.aliases.type IS 'The kind of identifier it stands for: user_id, anonymous_id, phone, ...';
COMMENT ON COLUMN proffer.aliases.profile_id IS 'The profile it belongs to now.';
COMMENT ON COLUMN proffer.aliases.events IS 'Events of every kind.';
COMMENT ON COLUMN proffer.aliases.first_seen_at IS 'When the first of them happened.';
COMMENT ON COLUMN proffer.aliases.last_seen_at IS 'When the last of them happened.';
COMMENT ON COLUMN proffer.aliases.behaviours IS 'Of these, what the person did: the rows of behaviour_events.';
COMMENT ON COLUMN proffer.aliases.last_active_at IS 'When the person last did something. NULL is never.';
COMMENT ON COLUMN proffer.aliases.views IS 'Pages, screens and items seen.';
COMMENT ON COLUMN proffer.aliases.carts IS 'Items put into the cart.';
COMMENT ON COLUMN proffer.aliases.purchases IS 'Orders completed.';
COMMENT ON COLUMN proffer.aliases.refunds IS 'Refunds.';
COMMENT ON COLUMN proffer.aliases.tracked IS 'Other events that a source calls by a name.';
COMMENT ON COLUMN proffer.aliases.spent IS 'Sum of the purchases, refunds not deducted.';
COMMENT ON COLUMN proffer.aliases.refunded IS 'Sum of the refunds.';
COMMENT ON COLUMN proffer.aliases.currency IS 'The currency of spent and refunded; MIXED when they add up several. NULL when the sources name none.';
COMMENT ON COLUMN proffer.aliases.decisions IS 'Decisions made here.';
COMMENT ON COLUMN proffer.aliases.external_decisions IS 'Decisions made by other systems, as imported.';
COMMENT ON COLUMN proffer.aliases.offers IS 'Decisions of both kinds that gave an offer.';
COMMENT ON COLUMN proffer.aliases.deliveries IS 'Offers that arrived.';
COMMENT ON COLUMN proffer.aliases.exposures IS 'Offers that were seen.';
COMMENT ON COLUMN proffer.aliases.clicks IS 'Offers that were acted on.';
COMMENT ON COLUMN proffer.aliases.conversions IS 'Offers that did what they were for.';
COMMENT ON COLUMN proffer.aliases.converted IS 'Worth of the conversions.';
COMMENT ON COLUMN proffer.aliases.conversion_cost IS 'Cost of the conversions (rewards).';

CREATE INDEX aliases_profile_id ON proffer.aliases (profile_id);

CREATE TABLE proffer.profiles (
    profile_id uuid PRIMARY KEY,
    type text,
    aliases integer NOT NULL,
    events bigint NOT NULL,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    behaviours bigint NOT NULL,
    last_active_at timestamptz,
    views bigint NOT NULL,
    carts bigint NOT NULL,
    purchases bigint NOT NULL,
    refunds bigint NOT NULL,
    tracked bigint NOT NULL,
    spent numeric(20,6) NOT NULL,
    refunded numeric(20,6) NOT NULL,
    currency text,
    decisions bigint NOT NULL,
    external_decisions bigint NOT NULL,
    offers bigint NOT NULL,
    deliveries bigint NOT NULL,
    exposures bigint NOT NULL,
    clicks bigint NOT NULL,
    conversions bigint NOT NULL,
    converted numeric(20,6) NOT NULL,
    conversion_cost numeric(20,6) NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE proffer.profiles IS 'One row a profile: the aliases that the active links join, counted together.';
COMMENT ON COLUMN proffer.profiles.profile_id IS 'The earliest seen of its aliases.';
COMMENT ON COLUMN proffer.profiles.type IS 'The kind of identifier that its id stands for.';
COMMENT ON COLUMN proffer.profiles.aliases IS 'How many aliases it consists of.';
COMMENT ON COLUMN proffer.profiles.events IS 'Events of every kind.';
COMMENT ON COLUMN proffer.profiles.first_seen_at IS 'When the first of them happened.';
COMMENT ON COLUMN proffer.profiles.last_seen_at IS 'When the last of them happened.';
COMMENT ON COLUMN proffer.profiles.behaviours IS 'Of these, what the person did: the rows of behaviour_events.';
COMMENT ON COLUMN proffer.profiles.last_active_at IS 'When the person last did something. NULL is never.';
COMMENT ON COLUMN proffer.profiles.views IS 'Pages, screens and items seen.';
COMMENT ON COLUMN proffer.profiles.carts IS 'Items put into the cart.';
COMMENT ON COLUMN proffer.profiles.purchases IS 'Orders completed.';
COMMENT ON COLUMN proffer.profiles.refunds IS 'Refunds.';
COMMENT ON COLUMN proffer.profiles.tracked IS 'Other events that a source calls by a name.';
COMMENT ON COLUMN proffer.profiles.spent IS 'Sum of the purchases, refunds not deducted.';
COMMENT ON COLUMN proffer.profiles.refunded IS 'Sum of the refunds.';
COMMENT ON COLUMN proffer.profiles.currency IS 'The currency of spent and refunded; MIXED when they add up several. NULL when the sources name none.';
COMMENT ON COLUMN proffer.profiles.decisions IS 'Decisions made here.';
COMMENT ON COLUMN proffer.profiles.external_decisions IS 'Decisions made by other systems, as imported.';
COMMENT ON COLUMN proffer.profiles.offers IS 'Decisions of both kinds that gave an offer.';
COMMENT ON COLUMN proffer.profiles.deliveries IS 'Offers that arrived.';
COMMENT ON COLUMN proffer.profiles.exposures IS 'Offers that were seen.';
COMMENT ON COLUMN proffer.profiles.clicks IS 'Offers that were acted on.';
COMMENT ON COLUMN proffer.profiles.conversions IS 'Offers that did what they were for.';
COMMENT ON COLUMN proffer.profiles.converted IS 'Worth of the conversions.';
COMMENT ON COLUMN proffer.profiles.conversion_cost IS 'Cost of the conversions (rewards).';

CREATE TABLE proffer.identity_events (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    alias uuid,
    type text NOT NULL,
    other uuid,
    other_type text,
    rule text,
    posterior double precision,
    reason text,
    names jsonb,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.identity_events IS 'Every event of IDENTITY: links made and taken back, traits changed, groups joined.';
COMMENT ON COLUMN proffer.identity_events.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.identity_events.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.identity_events.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.identity_events.type IS 'identity_linked, identity_unlinked, traits_changed, group_joined, or unknown for an event of a later version.';
COMMENT ON COLUMN proffer.identity_events.other IS 'The other alias of a link, or the group joined.';
COMMENT ON COLUMN proffer.identity_events.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_events.rule IS 'The rule that made the link, or took it back: identify, alias, import, operator.';
COMMENT ON COLUMN proffer.identity_events.posterior IS 'How sure the link is; 1 for deterministic rules. NULL when it is no link.';
COMMENT ON COLUMN proffer.identity_events.reason IS 'Why a link was taken back.';
COMMENT ON COLUMN proffer.identity_events.names IS 'The names of the traits that changed; never their values.';
COMMENT ON COLUMN proffer.identity_events.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.identity_events.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_events.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';
COMMENT ON COLUMN proffer.identity_events.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';

CREATE INDEX identity_events_alias ON proffer.identity_events (alias);

CREATE VIEW proffer.links AS
SELECT log_sequence, log_index, alias, other, type = 'identity_linked' AS linked, rule, posterior, reason, occurred_at
FROM proffer.identity_events
WHERE type IN ('identity_linked', 'identity_unlinked');
COMMENT ON VIEW proffer.links IS 'Every link between two aliases, made or taken back, in the order of the log. What they add up to is aliases.profile_id.';
COMMENT ON COLUMN proffer.links.log_sequence IS 'As in identity_events.';
COMMENT ON COLUMN proffer.links.log_index IS 'As in identity_events.';
COMMENT ON COLUMN proffer.links.alias IS 'One of the two aliases.';
COMMENT ON COLUMN proffer.links.other IS 'The other alias.';
COMMENT ON COLUMN proffer.links.linked IS 'True when the link was made, false when it was taken back.';
COMMENT ON COLUMN proffer.links.rule IS 'The rule that made it or took it back.';
COMMENT ON COLUMN proffer.links.posterior IS 'How sure it is.';
COMMENT ON COLUMN proffer.links.reason IS 'Why it was taken back.';
COMMENT ON COLUMN proffer.links.occurred_at IS 'When.';

-- +goose Down
DROP VIEW proffer.links;
DROP TABLE proffer.identity_events, proffer.profiles, proffer.aliases;
