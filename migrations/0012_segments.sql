-- +goose Up

CREATE TABLE proffer.segment_stays (
    alias uuid NOT NULL,
    definition text NOT NULL,
    segment text NOT NULL,
    version bigint,
    entered_sequence bigint NOT NULL,
    entered_index integer NOT NULL,
    entered_at timestamptz NOT NULL,
    left_sequence bigint,
    left_index integer,
    left_at timestamptz,
    left_version bigint,
    PRIMARY KEY (alias, definition, segment, entered_sequence, entered_index)
) WITH (fillfactor = 80);
COMMENT ON TABLE proffer.segment_stays IS 'Who was in which segment, from when to when: one row a stay, by the alias that was the profile''s id when it was found there.';
COMMENT ON COLUMN proffer.segment_stays.alias IS 'The profile''s id when it entered; its profile may be another now.';
COMMENT ON COLUMN proffer.segment_stays.definition IS 'The segment definition.';
COMMENT ON COLUMN proffer.segment_stays.segment IS 'The segment.';
COMMENT ON COLUMN proffer.segment_stays.version IS 'The version of the definition by which it was found there.';
COMMENT ON COLUMN proffer.segment_stays.entered_sequence IS 'Entered: the sequence in BEHAVIOUR.';
COMMENT ON COLUMN proffer.segment_stays.entered_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.segment_stays.entered_at IS 'When it was found there.';
COMMENT ON COLUMN proffer.segment_stays.left_sequence IS 'Left: the sequence in BEHAVIOUR. NULL as long as it is there.';
COMMENT ON COLUMN proffer.segment_stays.left_index IS 'The index within the envelope.';
COMMENT ON COLUMN proffer.segment_stays.left_at IS 'When it was found to have left.';
COMMENT ON COLUMN proffer.segment_stays.left_version IS 'The version of the definition by which it was found to have left.';

CREATE INDEX segment_stays_open ON proffer.segment_stays (definition, segment) WHERE left_sequence IS NULL;

CREATE VIEW proffer.segment_members AS
SELECT s.definition, s.segment, coalesce(a.profile_id, s.alias) AS profile_id, min(s.entered_at) AS since, max(s.version) AS version
FROM proffer.segment_stays s
LEFT JOIN proffer.aliases a ON a.alias = s.alias
WHERE s.left_sequence IS NULL
GROUP BY 1, 2, 3;
COMMENT ON VIEW proffer.segment_members IS 'Who is in which segment now: each profile once, as last looked at (people who did something at once, everybody within the hour).';
COMMENT ON COLUMN proffer.segment_members.definition IS 'The segment definition.';
COMMENT ON COLUMN proffer.segment_members.segment IS 'The segment.';
COMMENT ON COLUMN proffer.segment_members.profile_id IS 'The profile, as known now.';
COMMENT ON COLUMN proffer.segment_members.since IS 'Since when any of its aliases has been there.';
COMMENT ON COLUMN proffer.segment_members.version IS 'The version of the definition by which it was found there.';

CREATE VIEW proffer.segment_history AS
SELECT s.definition, s.segment, coalesce(a.profile_id, s.alias) AS profile_id, s.entered_at AS entered, s.left_at AS "left", s.version, s.left_version
FROM proffer.segment_stays s
LEFT JOIN proffer.aliases a ON a.alias = s.alias;
COMMENT ON VIEW proffer.segment_history IS 'Every stay in a segment, with the profile it belongs to now.';
COMMENT ON COLUMN proffer.segment_history.definition IS 'The segment definition.';
COMMENT ON COLUMN proffer.segment_history.segment IS 'The segment.';
COMMENT ON COLUMN proffer.segment_history.profile_id IS 'The profile, as known now.';
COMMENT ON COLUMN proffer.segment_history.entered IS 'When it was found there.';
COMMENT ON COLUMN proffer.segment_history."left" IS 'When it was found to have left. NULL as long as it is there.';
COMMENT ON COLUMN proffer.segment_history.version IS 'The version of the definition by which it entered.';
COMMENT ON COLUMN proffer.segment_history.left_version IS 'The version of the definition by which it left.';

-- +goose Down
DROP VIEW proffer.segment_history, proffer.segment_members;
DROP TABLE proffer.segment_stays;
