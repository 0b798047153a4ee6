-- +goose Up

-- What was projected before has no rows of POLICY's events: the contents are dropped, and the projection makes them
-- again from the log when it starts.
TRUNCATE proffer.aliases, proffer.profiles, proffer.identity_events, proffer.identity_history, proffer.identity_pairs,
    proffer.identity_guards, proffer.match_models, proffer.segment_stays, proffer.behaviour_events, proffer.purchase_lines,
    proffer.decisions, proffer.decision_candidates, proffer.outcomes, proffer.policies, proffer.offers,
    proffer.feature_views, proffer.quarantine, proffer.unknown_events;
UPDATE proffer.projection_checkpoints SET sequence = 0 WHERE projection = 'tables';

CREATE TABLE proffer.policy_events (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    PRIMARY KEY (log_sequence, log_index)
);
COMMENT ON TABLE proffer.policy_events IS 'Every event of POLICY: offers, policies, feature views, segments and models defined, published, switched and assigned, alerts raised, limits set.';
COMMENT ON COLUMN proffer.policy_events.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.policy_events.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.policy_events.type IS 'For example policy_published, offer_defined or model_assigned; unknown for an event of a later version.';
COMMENT ON COLUMN proffer.policy_events.occurred_at IS 'When it took effect.';
COMMENT ON COLUMN proffer.policy_events.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.policy_events.source IS 'Who asked for it.';
COMMENT ON TABLE proffer.unknown_events IS 'Events of a later version in the streams DECISION and QUARANTINE. They are kept in the log and read by that version.';

CREATE OR REPLACE VIEW proffer.events_by_type AS
SELECT type, sum(events)::bigint AS events FROM (
    SELECT type, count(*) AS events FROM proffer.behaviour_events GROUP BY type
    UNION ALL SELECT 'segment_entered', count(*) FROM proffer.segment_stays HAVING count(*) > 0
    UNION ALL SELECT 'segment_left', count(*) FROM proffer.segment_stays WHERE left_sequence IS NOT NULL HAVING count(*) > 0
    UNION ALL SELECT type, count(*) FROM proffer.identity_events GROUP BY type
    UNION ALL SELECT CASE WHEN external THEN 'external_decision' ELSE 'decision' END, count(*) FROM proffer.decisions GROUP BY external
    UNION ALL SELECT type, count(*) FROM proffer.outcomes GROUP BY type
    UNION ALL SELECT type, count(*) FROM proffer.policy_events GROUP BY type
    UNION ALL SELECT 'quarantined', count(*) FROM proffer.quarantine HAVING count(*) > 0
    UNION ALL SELECT 'quarantine_resolved', count(DISTINCT quarantine_id) FROM proffer.quarantine WHERE resolved_at IS NOT NULL HAVING count(*) > 0
    UNION ALL SELECT 'unknown', count(*) FROM proffer.unknown_events HAVING count(*) > 0
) AS of_streams GROUP BY type ORDER BY type;
COMMENT ON VIEW proffer.events_by_type IS 'How many events of each type the log holds, as proffer status says; of segment_entered, segment_left and quarantine_resolved those that had an effect.';
COMMENT ON COLUMN proffer.events_by_type.type IS 'The type; external_decision is a decision of another system, unknown an event of a later version.';

-- +goose Down
CREATE OR REPLACE VIEW proffer.events_by_type AS
SELECT type, count(*) AS events FROM proffer.behaviour_events GROUP BY type
UNION ALL SELECT type, count(*) FROM proffer.identity_events GROUP BY type
UNION ALL SELECT CASE WHEN external THEN 'external_decision' ELSE 'decision' END, count(*) FROM proffer.decisions GROUP BY external
UNION ALL SELECT type, count(*) FROM proffer.outcomes GROUP BY type;
COMMENT ON VIEW proffer.events_by_type IS 'How many events of each type the log holds.';
DROP TABLE proffer.policy_events;
