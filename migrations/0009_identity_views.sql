-- +goose Up

COMMENT ON VIEW proffer.links IS 'Every link between two aliases, made or taken back, in the order of the log. With the marks of aliases they add up to aliases.profile_id; identity_links shows what became of each pair.';

CREATE VIEW proffer.identity_links AS
SELECT p.alias, p.other, p.alias_type, p.other_type,
       CASE WHEN p.links = 0 AND p.withheld THEN 'withheld'
            WHEN p.links = 0 THEN 'taken_back'
            WHEN 'blocked' IN (a.mark, o.mark) THEN 'blocked'
            WHEN 'shared' IN (a.mark, o.mark) THEN 'household'
            ELSE 'active' END AS state,
       p.links, p.rule, p.posterior, p.model, p.model_version, p.weight_bits, p.waterfall, p.evidence, p.message,
       p.guard, p.guard_type, p.changed_by, p.actor, p.reason,
       p.claimed_sequence, p.claimed_index, p.claimed_at, p.changed_sequence, p.changed_index, p.changed_at
FROM proffer.identity_pairs p
LEFT JOIN proffer.aliases a ON a.alias = p.alias
LEFT JOIN proffer.aliases o ON o.alias = p.other
WHERE p.claimed_sequence IS NOT NULL;
COMMENT ON VIEW proffer.identity_links IS 'One row for any two aliases that something claims to be one person, with its evidence and what became of it.';
COMMENT ON COLUMN proffer.identity_links.alias IS 'One of the two, the smaller and so the earlier seen.';
COMMENT ON COLUMN proffer.identity_links.other IS 'The other.';
COMMENT ON COLUMN proffer.identity_links.alias_type IS 'The kind of identifier the first stands for.';
COMMENT ON COLUMN proffer.identity_links.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_links.state IS 'active: it joins the two. household: an end is shared, so it joins nobody. blocked: an end means nobody. withheld: a guard forbids it. taken_back: all its links were taken back.';
COMMENT ON COLUMN proffer.identity_links.links IS 'How many links between the two are active.';
COMMENT ON COLUMN proffer.identity_links.rule IS 'What claimed it last.';
COMMENT ON COLUMN proffer.identity_links.posterior IS 'How sure it is; 1 for deterministic rules.';
COMMENT ON COLUMN proffer.identity_links.model IS 'The model that weighed it. NULL for deterministic rules.';
COMMENT ON COLUMN proffer.identity_links.model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_links.weight_bits IS 'The weight of the match: the prior and the terms of the waterfall, added.';
COMMENT ON COLUMN proffer.identity_links.waterfall IS 'How it was weighed, in bits: prior, one term a comparison with the level it reached, weight. Levels, never values.';
COMMENT ON COLUMN proffer.identity_links.evidence IS 'The places in the log that were compared or speak for it.';
COMMENT ON COLUMN proffer.identity_links.message IS 'The first event of the message that named both identifiers. NULL for other rules.';
COMMENT ON COLUMN proffer.identity_links.guard IS 'Which guard forbids it: TYPE_LIMIT, BARRED, PROFILE_TOO_LARGE.';
COMMENT ON COLUMN proffer.identity_links.guard_type IS 'Of TYPE_LIMIT: the type whose limit it is.';
COMMENT ON COLUMN proffer.identity_links.changed_by IS 'The rule of the last event: operator, guards, or as rule.';
COMMENT ON COLUMN proffer.identity_links.actor IS 'Who asked for the last event: the name of a key. NULL for rules.';
COMMENT ON COLUMN proffer.identity_links.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.identity_links.claimed_sequence IS 'The first claim: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_links.claimed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_links.claimed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_links.changed_sequence IS 'The last event about the claim: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_links.changed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_links.changed_at IS 'When Proffer accepted it.';

CREATE VIEW proffer.identity_reviews AS
SELECT alias, other, alias_type, other_type,
       CASE WHEN proposal_open THEN 'open'
            WHEN confirmed THEN 'confirmed'
            WHEN NOT confirmed THEN 'rejected'
            ELSE 'linked' END AS state,
       coalesce(proposed_posterior, reviewed_posterior) AS posterior,
       coalesce(proposed_model, reviewed_model) AS model,
       coalesce(proposed_model_version, reviewed_model_version) AS model_version,
       proposed_weight_bits AS weight_bits, proposed_waterfall AS waterfall, proposed_evidence AS evidence,
       proposed_sequence, proposed_index, proposed_at,
       confirmed, reviewed_posterior, reviewer, review_reason AS reason, reviewed_sequence, reviewed_index, reviewed_at
FROM proffer.identity_pairs
WHERE proposed_sequence IS NOT NULL OR reviewed_sequence IS NOT NULL;
COMMENT ON VIEW proffer.identity_reviews IS 'Every match that was put up for review or answered by a person.';
COMMENT ON COLUMN proffer.identity_reviews.alias IS 'One of the two, the smaller and so the earlier seen.';
COMMENT ON COLUMN proffer.identity_reviews.other IS 'The other.';
COMMENT ON COLUMN proffer.identity_reviews.alias_type IS 'The kind of identifier the first stands for.';
COMMENT ON COLUMN proffer.identity_reviews.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_reviews.state IS 'open: waits for an answer. confirmed or rejected: the answer. linked: the two were linked before anybody answered.';
COMMENT ON COLUMN proffer.identity_reviews.posterior IS 'How sure the match is, as last proposed.';
COMMENT ON COLUMN proffer.identity_reviews.model IS 'The model that weighed it.';
COMMENT ON COLUMN proffer.identity_reviews.model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_reviews.weight_bits IS 'The weight of the match: the prior and the terms of the waterfall, added.';
COMMENT ON COLUMN proffer.identity_reviews.waterfall IS 'How it was weighed, in bits: prior, one term a comparison with the level it reached, weight. Levels, never values.';
COMMENT ON COLUMN proffer.identity_reviews.evidence IS 'The places in the log that were compared or speak for it.';
COMMENT ON COLUMN proffer.identity_reviews.proposed_sequence IS 'The last time the match was put up for review: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_reviews.proposed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_reviews.proposed_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.identity_reviews.confirmed IS 'The last answer, also when the match was proposed again since.';
COMMENT ON COLUMN proffer.identity_reviews.reviewed_posterior IS 'How sure the match was when it was reviewed.';
COMMENT ON COLUMN proffer.identity_reviews.reviewer IS 'Who answered: the name of a key.';
COMMENT ON COLUMN proffer.identity_reviews.reason IS 'Why it was answered so.';
COMMENT ON COLUMN proffer.identity_reviews.reviewed_sequence IS 'The last answer of a person: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_reviews.reviewed_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_reviews.reviewed_at IS 'When Proffer accepted it.';

CREATE VIEW proffer.identity_review_queue AS
SELECT r.alias, r.other, r.alias_type, r.other_type, coalesce(a.profile_id, r.alias) AS profile_id, coalesce(o.profile_id, r.other) AS other_profile_id,
       r.posterior, r.model, r.model_version, r.weight_bits, r.waterfall, r.evidence, r.proposed_at
FROM proffer.identity_reviews r
JOIN proffer.identity_pairs p USING (alias, other)
LEFT JOIN proffer.aliases a ON a.alias = r.alias
LEFT JOIN proffer.aliases o ON o.alias = r.other
WHERE r.state = 'open' AND p.bar_lifted IS NOT FALSE AND coalesce(a.profile_id, r.alias) <> coalesce(o.profile_id, r.other)
ORDER BY r.posterior DESC, r.alias, r.other;
COMMENT ON VIEW proffer.identity_review_queue IS 'Matches that wait for a person, the most probable first. Left out are those that became one profile in another way, and those that are barred from each other.';
COMMENT ON COLUMN proffer.identity_review_queue.alias IS 'One of the two, the smaller and so the earlier seen.';
COMMENT ON COLUMN proffer.identity_review_queue.other IS 'The other.';
COMMENT ON COLUMN proffer.identity_review_queue.alias_type IS 'The kind of identifier the first stands for.';
COMMENT ON COLUMN proffer.identity_review_queue.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_review_queue.profile_id IS 'The first one''s profile now.';
COMMENT ON COLUMN proffer.identity_review_queue.other_profile_id IS 'The other one''s profile now.';
COMMENT ON COLUMN proffer.identity_review_queue.posterior IS 'How sure the match is.';
COMMENT ON COLUMN proffer.identity_review_queue.model IS 'The model that weighed it.';
COMMENT ON COLUMN proffer.identity_review_queue.model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_review_queue.weight_bits IS 'The weight of the match: the prior and the terms of the waterfall, added.';
COMMENT ON COLUMN proffer.identity_review_queue.waterfall IS 'How it was weighed, in bits: prior, one term a comparison with the level it reached, weight. Levels, never values.';
COMMENT ON COLUMN proffer.identity_review_queue.evidence IS 'The places in the log that were compared or speak for it.';
COMMENT ON COLUMN proffer.identity_review_queue.proposed_at IS 'When Proffer accepted it.';

CREATE VIEW proffer.identity_bars AS
SELECT alias, other, alias_type, other_type, NOT bar_lifted AS stands, bar_rule AS rule, bar_actor AS actor, bar_reason AS reason,
       bar_sequence, bar_index, bar_at
FROM proffer.identity_pairs
WHERE bar_sequence IS NOT NULL;
COMMENT ON VIEW proffer.identity_bars IS 'Aliases that were ever barred from each other.';
COMMENT ON COLUMN proffer.identity_bars.alias IS 'One of the two, the smaller and so the earlier seen.';
COMMENT ON COLUMN proffer.identity_bars.other IS 'The other.';
COMMENT ON COLUMN proffer.identity_bars.alias_type IS 'The kind of identifier the first stands for.';
COMMENT ON COLUMN proffer.identity_bars.other_type IS 'The kind of identifier the other stands for.';
COMMENT ON COLUMN proffer.identity_bars.stands IS 'True while the two may never be joined, whatever the evidence.';
COMMENT ON COLUMN proffer.identity_bars.rule IS 'operator or review.';
COMMENT ON COLUMN proffer.identity_bars.actor IS 'Who: the name of a key.';
COMMENT ON COLUMN proffer.identity_bars.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN proffer.identity_bars.bar_sequence IS 'The last event about a bar: the sequence in IDENTITY.';
COMMENT ON COLUMN proffer.identity_bars.bar_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.identity_bars.bar_at IS 'When Proffer accepted it.';

CREATE VIEW proffer.identity_mapping AS
SELECT a.alias, a.type, a.profile_id, a.mark, p.aliases AS profile_aliases, coalesce(h.from_sequence, 0) AS since_sequence, h.from_index AS since_index, h.from_at AS since_at
FROM proffer.aliases a
LEFT JOIN proffer.profiles p USING (profile_id)
LEFT JOIN proffer.identity_history h ON h.alias = a.alias AND h.to_sequence IS NULL;
COMMENT ON VIEW proffer.identity_mapping IS 'The current mapping: which profile every alias belongs to, and since when.';
COMMENT ON COLUMN proffer.identity_mapping.alias IS 'The alias.';
COMMENT ON COLUMN proffer.identity_mapping.type IS 'The kind of identifier it stands for.';
COMMENT ON COLUMN proffer.identity_mapping.profile_id IS 'The profile it belongs to now.';
COMMENT ON COLUMN proffer.identity_mapping.mark IS 'shared or blocked: its links join nobody. NULL when they count.';
COMMENT ON COLUMN proffer.identity_mapping.profile_aliases IS 'How many aliases the profile consists of.';
COMMENT ON COLUMN proffer.identity_mapping.since_sequence IS 'Since this envelope of IDENTITY; 0 since ever.';
COMMENT ON COLUMN proffer.identity_mapping.since_index IS 'And this event in it. NULL since ever.';
COMMENT ON COLUMN proffer.identity_mapping.since_at IS 'When Proffer accepted that event. NULL since ever.';

CREATE VIEW proffer.identity_households AS
SELECT s.alias AS shared, s.type AS shared_type, m.alias, m.type, m.profile_id, p.links, p.changed_at AS linked_at
FROM proffer.aliases s
JOIN LATERAL (
    SELECT other AS member, links, changed_at FROM proffer.identity_pairs WHERE alias = s.alias
    UNION ALL SELECT alias, links, changed_at FROM proffer.identity_pairs WHERE other = s.alias) p ON p.links > 0
JOIN proffer.aliases m ON m.alias = p.member
WHERE s.mark = 'shared' AND m.mark IS DISTINCT FROM 'blocked';
COMMENT ON VIEW proffer.identity_households IS 'Who is linked to a shared identifier, such as a family''s tablet or a kiosk: people of one household, never one person.';
COMMENT ON COLUMN proffer.identity_households.shared IS 'The shared alias: which household.';
COMMENT ON COLUMN proffer.identity_households.shared_type IS 'The kind of identifier it stands for.';
COMMENT ON COLUMN proffer.identity_households.alias IS 'A member: an alias linked to it.';
COMMENT ON COLUMN proffer.identity_households.type IS 'The kind of identifier the member stands for.';
COMMENT ON COLUMN proffer.identity_households.profile_id IS 'The member''s profile now: which person.';
COMMENT ON COLUMN proffer.identity_households.links IS 'How many links there are between the two.';
COMMENT ON COLUMN proffer.identity_households.linked_at IS 'When the last event about them was accepted.';

CREATE VIEW proffer.identity_quality AS
SELECT coalesce(model, '') AS model, model_version, band, reviewed, confirmed, rejected,
       round(confirmed::numeric / reviewed, 4) AS precision,
       round(sum(right_at) OVER of_model / nullif(sum(confirmed) OVER of_model, 0), 4) AS recall_at_80,
       round(sum(right_at) OVER of_model / nullif(sum(reviewed_at) OVER of_model, 0), 4) AS precision_at_80
FROM (
    SELECT reviewed_model AS model, reviewed_model_version AS model_version,
           CASE WHEN reviewed_posterior < 0.2 THEN '0.00-0.20'
                WHEN reviewed_posterior < 0.5 THEN '0.20-0.50'
                WHEN reviewed_posterior < 0.8 THEN '0.50-0.80'
                WHEN reviewed_posterior < 0.95 THEN '0.80-0.95'
                ELSE '0.95-1.00' END AS band,
           count(*) AS reviewed,
           count(*) FILTER (WHERE confirmed) AS confirmed,
           count(*) FILTER (WHERE NOT confirmed) AS rejected,
           count(*) FILTER (WHERE reviewed_posterior >= 0.8) AS reviewed_at,
           count(*) FILTER (WHERE confirmed AND reviewed_posterior >= 0.8) AS right_at
    FROM proffer.identity_pairs
    WHERE reviewed_sequence IS NOT NULL
    GROUP BY 1, 2, 3) AS bands
WINDOW of_model AS (PARTITION BY model, model_version)
ORDER BY model, model_version, band;
COMMENT ON VIEW proffer.identity_quality IS 'How good matches were, by what people answered: per model version and band of posterior. Precision is of the pairs reviewed, which are not a random draw: below the threshold they came through the queue, above it somebody looked into a link.';
COMMENT ON COLUMN proffer.identity_quality.model IS 'The model that weighed the matches; empty when a review names none.';
COMMENT ON COLUMN proffer.identity_quality.model_version IS 'Its version.';
COMMENT ON COLUMN proffer.identity_quality.band IS 'The posterior when reviewed: from, included, to, excluded; the last band includes 1.';
COMMENT ON COLUMN proffer.identity_quality.reviewed IS 'Pairs that a person answered, each once, by the last answer.';
COMMENT ON COLUMN proffer.identity_quality.confirmed IS 'Of these, one person indeed.';
COMMENT ON COLUMN proffer.identity_quality.rejected IS 'Of these, two persons.';
COMMENT ON COLUMN proffer.identity_quality.precision IS 'Share of the reviewed that were confirmed, in this band.';
COMMENT ON COLUMN proffer.identity_quality.recall_at_80 IS 'Of all confirmed pairs of this model version: the share that its threshold of 0.8 would have linked.';
COMMENT ON COLUMN proffer.identity_quality.precision_at_80 IS 'Of all reviewed pairs of this model version at 0.8 or above: the share that was confirmed.';

-- +goose Down
DROP VIEW proffer.identity_quality, proffer.identity_households, proffer.identity_mapping, proffer.identity_bars,
    proffer.identity_review_queue, proffer.identity_reviews, proffer.identity_links;
