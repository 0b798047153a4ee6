-- +goose Up

CREATE VIEW proffer.events_by_type AS
SELECT type, count(*) AS events FROM proffer.behaviour_events GROUP BY type
UNION ALL SELECT type, count(*) FROM proffer.identity_events GROUP BY type
UNION ALL SELECT CASE WHEN external THEN 'external_decision' ELSE 'decision' END, count(*) FROM proffer.decisions GROUP BY external
UNION ALL SELECT type, count(*) FROM proffer.outcomes GROUP BY type;
COMMENT ON VIEW proffer.events_by_type IS 'How many events of each type the log holds.';
COMMENT ON COLUMN proffer.events_by_type.type IS 'The type; external_decision is a decision of another system.';
COMMENT ON COLUMN proffer.events_by_type.events IS 'How many.';

CREATE VIEW proffer.purchases AS
SELECT e.alias, a.profile_id, e.occurred_at, e.amount, e.currency, e.order_id, e.coupon, e.items, e.channel, e.source
FROM proffer.behaviour_events e
LEFT JOIN proffer.aliases a USING (alias)
WHERE e.type = 'purchased';
COMMENT ON VIEW proffer.purchases IS 'Every completed order.';
COMMENT ON COLUMN proffer.purchases.alias IS 'Who bought.';
COMMENT ON COLUMN proffer.purchases.profile_id IS 'The profile of the alias now.';
COMMENT ON COLUMN proffer.purchases.occurred_at IS 'When.';
COMMENT ON COLUMN proffer.purchases.amount IS 'What was paid.';
COMMENT ON COLUMN proffer.purchases.currency IS 'In which currency.';
COMMENT ON COLUMN proffer.purchases.order_id IS 'The order.';
COMMENT ON COLUMN proffer.purchases.coupon IS 'Whether a coupon was used.';
COMMENT ON COLUMN proffer.purchases.items IS 'Lines of the basket.';
COMMENT ON COLUMN proffer.purchases.channel IS 'Where.';
COMMENT ON COLUMN proffer.purchases.source IS 'Which source sent it.';

CREATE VIEW proffer.offers_made AS
SELECT d.decision_id, d.alias, a.profile_id, d.decided_at, d.placement, d.channel, d.offer, d.treatment, d.category, d.external, d.policy, d.policy_version
FROM proffer.decisions d
LEFT JOIN proffer.aliases a USING (alias)
WHERE d.offer IS NOT NULL;
COMMENT ON VIEW proffer.offers_made IS 'Every decision that gave an offer, here or in another system.';
COMMENT ON COLUMN proffer.offers_made.decision_id IS 'The decision.';
COMMENT ON COLUMN proffer.offers_made.alias IS 'Whom the offer reached.';
COMMENT ON COLUMN proffer.offers_made.profile_id IS 'The profile of the alias now.';
COMMENT ON COLUMN proffer.offers_made.decided_at IS 'When.';
COMMENT ON COLUMN proffer.offers_made.placement IS 'The spot.';
COMMENT ON COLUMN proffer.offers_made.channel IS 'The channel.';
COMMENT ON COLUMN proffer.offers_made.offer IS 'The offer.';
COMMENT ON COLUMN proffer.offers_made.treatment IS 'Its content.';
COMMENT ON COLUMN proffer.offers_made.category IS 'Its category.';
COMMENT ON COLUMN proffer.offers_made.external IS 'Made by another system.';
COMMENT ON COLUMN proffer.offers_made.policy IS 'The policy that decided.';
COMMENT ON COLUMN proffer.offers_made.policy_version IS 'Its version.';

CREATE VIEW proffer.decisions_by_reason AS
SELECT (decided_at AT TIME ZONE 'UTC')::date AS day, policy, policy_version, placement, reason, count(*) AS decisions
FROM proffer.decisions
WHERE NOT external
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW proffer.decisions_by_reason IS 'How many decisions had each answer, by day, policy and placement.';
COMMENT ON COLUMN proffer.decisions_by_reason.day IS 'The day (UTC).';
COMMENT ON COLUMN proffer.decisions_by_reason.policy IS 'The policy.';
COMMENT ON COLUMN proffer.decisions_by_reason.policy_version IS 'Its version.';
COMMENT ON COLUMN proffer.decisions_by_reason.placement IS 'The spot.';
COMMENT ON COLUMN proffer.decisions_by_reason.reason IS 'Why: OFFERED, HELD_OUT, NO_ELIGIBLE_OFFER, ...';
COMMENT ON COLUMN proffer.decisions_by_reason.decisions IS 'How many.';

CREATE VIEW proffer.candidates_by_stage AS
SELECT offer, stage, rule, reason, count(*) AS candidates
FROM proffer.decision_candidates
GROUP BY offer, stage, rule, reason;
COMMENT ON VIEW proffer.candidates_by_stage IS 'Where candidates left, and by which rule, over all decisions.';
COMMENT ON COLUMN proffer.candidates_by_stage.offer IS 'The offer.';
COMMENT ON COLUMN proffer.candidates_by_stage.stage IS 'Where it left; NULL is the winner.';
COMMENT ON COLUMN proffer.candidates_by_stage.rule IS 'The rule or limit that refused it.';
COMMENT ON COLUMN proffer.candidates_by_stage.reason IS 'Why it left.';
COMMENT ON COLUMN proffer.candidates_by_stage.candidates IS 'How often.';

CREATE VIEW proffer.redemptions AS
SELECT o.alias, a.profile_id, o.occurred_at, o.offer, o.decision_id, o.value, o.cost, o.channel
FROM proffer.outcomes o
LEFT JOIN proffer.aliases a USING (alias)
WHERE o.type = 'converted';
COMMENT ON VIEW proffer.redemptions IS 'Every conversion of an offer.';
COMMENT ON COLUMN proffer.redemptions.alias IS 'Who converted.';
COMMENT ON COLUMN proffer.redemptions.profile_id IS 'The profile of the alias now.';
COMMENT ON COLUMN proffer.redemptions.occurred_at IS 'When.';
COMMENT ON COLUMN proffer.redemptions.offer IS 'The offer.';
COMMENT ON COLUMN proffer.redemptions.decision_id IS 'The decision, where the source names it.';
COMMENT ON COLUMN proffer.redemptions.value IS 'What it was worth.';
COMMENT ON COLUMN proffer.redemptions.cost IS 'What it cost (a reward).';
COMMENT ON COLUMN proffer.redemptions.channel IS 'Where.';

CREATE VIEW proffer.offer_funnel AS
SELECT offer,
       coalesce(g.given, 0) AS given,
       coalesce(o.delivered, 0) AS delivered,
       coalesce(o.exposed, 0) AS exposed,
       coalesce(o.clicked, 0) AS clicked,
       coalesce(o.converted, 0) AS converted,
       coalesce(o.value, 0) AS value,
       coalesce(o.cost, 0) AS cost
FROM (SELECT offer, count(*) AS given FROM proffer.decisions WHERE offer IS NOT NULL GROUP BY offer) g
FULL JOIN (
    SELECT offer,
           count(*) FILTER (WHERE type = 'delivered') AS delivered,
           count(*) FILTER (WHERE type = 'exposed') AS exposed,
           count(*) FILTER (WHERE type = 'clicked') AS clicked,
           count(*) FILTER (WHERE type = 'converted') AS converted,
           sum(value) AS value,
           sum(cost) AS cost
    FROM proffer.outcomes WHERE offer IS NOT NULL GROUP BY offer) o USING (offer);
COMMENT ON VIEW proffer.offer_funnel IS 'What became of each offer: given, delivered, seen, acted on, converted.';
COMMENT ON COLUMN proffer.offer_funnel.offer IS 'The offer.';
COMMENT ON COLUMN proffer.offer_funnel.given IS 'Decisions that gave it.';
COMMENT ON COLUMN proffer.offer_funnel.delivered IS 'Times it arrived.';
COMMENT ON COLUMN proffer.offer_funnel.exposed IS 'Times it was seen.';
COMMENT ON COLUMN proffer.offer_funnel.clicked IS 'Times it was acted on.';
COMMENT ON COLUMN proffer.offer_funnel.converted IS 'Times it did what it was for.';
COMMENT ON COLUMN proffer.offer_funnel.value IS 'Worth of the conversions.';
COMMENT ON COLUMN proffer.offer_funnel.cost IS 'Cost of the conversions.';

CREATE VIEW proffer.quarantine_open AS
SELECT quarantine_id, received_at, source, format, reason, field, message
FROM proffer.quarantine
WHERE resolved_at IS NULL;
COMMENT ON VIEW proffer.quarantine_open IS 'What was refused and is neither repaired nor discarded yet.';
COMMENT ON COLUMN proffer.quarantine_open.quarantine_id IS 'What repairing it names.';
COMMENT ON COLUMN proffer.quarantine_open.received_at IS 'When it came.';
COMMENT ON COLUMN proffer.quarantine_open.source IS 'Who sent it.';
COMMENT ON COLUMN proffer.quarantine_open.format IS 'How to read it.';
COMMENT ON COLUMN proffer.quarantine_open.reason IS 'Why it was refused.';
COMMENT ON COLUMN proffer.quarantine_open.field IS 'The field.';
COMMENT ON COLUMN proffer.quarantine_open.message IS 'What is wrong with it.';

CREATE VIEW proffer.daily_activity AS
SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, type, count(*) AS events, count(DISTINCT alias) AS people, sum(amount) AS amount
FROM proffer.behaviour_events
GROUP BY 1, 2;
COMMENT ON VIEW proffer.daily_activity IS 'What people did, by day and type.';
COMMENT ON COLUMN proffer.daily_activity.day IS 'The day (UTC).';
COMMENT ON COLUMN proffer.daily_activity.type IS 'The type of event.';
COMMENT ON COLUMN proffer.daily_activity.events IS 'How many.';
COMMENT ON COLUMN proffer.daily_activity.people IS 'How many aliases.';
COMMENT ON COLUMN proffer.daily_activity.amount IS 'Money in all, whatever the currency.';

-- +goose Down
DROP VIEW proffer.daily_activity, proffer.quarantine_open, proffer.offer_funnel, proffer.redemptions, proffer.candidates_by_stage, proffer.decisions_by_reason, proffer.offers_made, proffer.purchases, proffer.events_by_type;
