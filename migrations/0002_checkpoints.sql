-- +goose Up

CREATE TABLE proffer.projection_checkpoints (
    projection text NOT NULL,
    stream text NOT NULL,
    sequence bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (projection, stream)
);
COMMENT ON TABLE proffer.projection_checkpoints IS 'How far each projection has applied each stream; written in the transaction of the rows.';
COMMENT ON COLUMN proffer.projection_checkpoints.projection IS 'The projection: tables.';
COMMENT ON COLUMN proffer.projection_checkpoints.stream IS 'The stream of the log.';
COMMENT ON COLUMN proffer.projection_checkpoints.sequence IS 'Everything up to this envelope is in the tables.';

INSERT INTO proffer.projection_checkpoints (projection, stream)
SELECT 'tables', unnest(ARRAY['BEHAVIOUR', 'IDENTITY', 'DECISION', 'OUTCOME', 'POLICY', 'QUARANTINE']);

-- +goose Down
DROP TABLE proffer.projection_checkpoints;
