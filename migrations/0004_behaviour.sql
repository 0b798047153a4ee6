-- +goose Up

CREATE TABLE proffer.behaviour_events (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    alias uuid,
    type text NOT NULL,
    name text,
    amount numeric(20,6),
    currency text,
    order_id text,
    coupon boolean NOT NULL,
    items integer NOT NULL,
    item text,
    category text,
    quantity numeric(22,3),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source text,
    channel text
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE proffer.behaviour_events IS 'What people did: every event of BEHAVIOUR, partitioned by the month it happened in.';
COMMENT ON COLUMN proffer.behaviour_events.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.behaviour_events.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.behaviour_events.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.behaviour_events.type IS 'viewed, carted, purchased, refunded, tracked, or unknown for an event of a later version.';
COMMENT ON COLUMN proffer.behaviour_events.name IS 'The page''s or screen''s name, or what the source calls the event.';
COMMENT ON COLUMN proffer.behaviour_events.amount IS 'What was paid or went back; for a single item, its price. NULL when there is none.';
COMMENT ON COLUMN proffer.behaviour_events.currency IS 'The currency of amount, as the source names it.';
COMMENT ON COLUMN proffer.behaviour_events.order_id IS 'The order, as the source calls it.';
COMMENT ON COLUMN proffer.behaviour_events.coupon IS 'Whether a coupon was used.';
COMMENT ON COLUMN proffer.behaviour_events.items IS 'How many lines the basket has.';
COMMENT ON COLUMN proffer.behaviour_events.item IS 'The item seen or put into the cart; baskets are in purchase_lines.';
COMMENT ON COLUMN proffer.behaviour_events.category IS 'The item''s category.';
COMMENT ON COLUMN proffer.behaviour_events.quantity IS 'How much of the item.';
COMMENT ON COLUMN proffer.behaviour_events.occurred_at IS 'When it happened, as far as the source knows.';
COMMENT ON COLUMN proffer.behaviour_events.received_at IS 'When Proffer accepted it.';
COMMENT ON COLUMN proffer.behaviour_events.source IS 'Which source sent it, for example segment:web or import:starbucks/transcript.json.zst.';
COMMENT ON COLUMN proffer.behaviour_events.channel IS 'Where it happened, for example web, mobile or email. NULL is unknown.';

CREATE TABLE proffer.purchase_lines (
    log_sequence bigint NOT NULL,
    log_index integer NOT NULL,
    line integer NOT NULL,
    alias uuid,
    type text NOT NULL,
    order_id text,
    item text,
    category text,
    quantity numeric(22,3) NOT NULL,
    amount numeric(20,6) NOT NULL,
    currency text,
    occurred_at timestamptz NOT NULL
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE proffer.purchase_lines IS 'The lines of purchases and refunds, partitioned by the month they happened in.';
COMMENT ON COLUMN proffer.purchase_lines.log_sequence IS 'The envelope''s sequence in its stream of the log.';
COMMENT ON COLUMN proffer.purchase_lines.log_index IS 'The event''s index within its envelope, from 0.';
COMMENT ON COLUMN proffer.purchase_lines.line IS 'The line in the basket, from 0.';
COMMENT ON COLUMN proffer.purchase_lines.alias IS 'Whom it is about: the random id that stands for one identifier. NULL when about nobody.';
COMMENT ON COLUMN proffer.purchase_lines.type IS 'purchased or refunded.';
COMMENT ON COLUMN proffer.purchase_lines.order_id IS 'The order, as the source calls it.';
COMMENT ON COLUMN proffer.purchase_lines.item IS 'The article.';
COMMENT ON COLUMN proffer.purchase_lines.category IS 'The article''s category.';
COMMENT ON COLUMN proffer.purchase_lines.quantity IS 'How much of it.';
COMMENT ON COLUMN proffer.purchase_lines.amount IS 'For all of the quantity together.';
COMMENT ON COLUMN proffer.purchase_lines.currency IS 'The currency of amount.';
COMMENT ON COLUMN proffer.purchase_lines.occurred_at IS 'When it happened, as far as the source knows.';

CREATE INDEX behaviour_events_alias ON proffer.behaviour_events (alias, occurred_at);

CREATE INDEX behaviour_events_log ON proffer.behaviour_events USING brin (log_sequence) WITH (pages_per_range = 32);

CREATE INDEX purchase_lines_log ON proffer.purchase_lines USING brin (log_sequence) WITH (pages_per_range = 32);

-- Months are made as they come. Times that no month is made for have a partition at either end, so no event is
-- refused for its time and no default partition has to be searched when a month is added.

CREATE TABLE proffer.behaviour_events_before_2000 (LIKE proffer.behaviour_events INCLUDING ALL);
ALTER TABLE proffer.behaviour_events ATTACH PARTITION proffer.behaviour_events_before_2000 FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');
COMMENT ON TABLE proffer.behaviour_events_before_2000 IS 'Rows of behaviour_events before the year 2000.';

CREATE TABLE proffer.behaviour_events_from_2100 (LIKE proffer.behaviour_events INCLUDING ALL);
ALTER TABLE proffer.behaviour_events ATTACH PARTITION proffer.behaviour_events_from_2100 FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);
COMMENT ON TABLE proffer.behaviour_events_from_2100 IS 'Rows of behaviour_events from the year 2100 on.';

CREATE TABLE proffer.purchase_lines_before_2000 (LIKE proffer.purchase_lines INCLUDING ALL);
ALTER TABLE proffer.purchase_lines ATTACH PARTITION proffer.purchase_lines_before_2000 FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');
COMMENT ON TABLE proffer.purchase_lines_before_2000 IS 'Rows of purchase_lines before the year 2000.';

CREATE TABLE proffer.purchase_lines_from_2100 (LIKE proffer.purchase_lines INCLUDING ALL);
ALTER TABLE proffer.purchase_lines ATTACH PARTITION proffer.purchase_lines_from_2100 FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);
COMMENT ON TABLE proffer.purchase_lines_from_2100 IS 'Rows of purchase_lines from the year 2100 on.';

-- +goose Down
DROP TABLE proffer.purchase_lines, proffer.behaviour_events;
