-- The history is partitioned by quarter, so that new events go into small indexes,
-- even if the history is long. The id of an event determines its quarter, because
-- it begins with the milliseconds of Unix time. So the primary key does not change.
--
-- The existing events become the first partition, which ends with the current
-- quarter. Postgres scans it once, under a lock that blocks writes. For five million
-- events in memory this takes a third of a second.

-- +goose Up
SET LOCAL TimeZone = 'UTC';

-- Some transactions of the service write a subscription before the history, others
-- after it, so any order of locks can deadlock with one of them. The short timeout
-- lets this migration give way and try again.
-- +goose StatementBegin
DO $$
BEGIN
    FOR try IN 1..50 LOOP
        BEGIN
            SET LOCAL lock_timeout = '100ms';
            LOCK TABLE events, subscriptions, cards IN ACCESS EXCLUSIVE MODE; -- the foreign keys of events have triggers on the other two
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF try = 50 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.1 * random());
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- survives: the same transaction creates a table with the old name
ALTER TABLE events RENAME TO events_before;
-- survives: no query names the constraint
ALTER TABLE events_before RENAME CONSTRAINT events_pkey TO events_before_pkey;
-- survives: no query names the index
ALTER INDEX events_at RENAME TO events_before_at;

CREATE TABLE events (
    user_id         uuid        NOT NULL,
    id              uuid        NOT NULL, -- UUIDv7: grows with time, and orders the history
    type            text        NOT NULL,
    at              timestamptz NOT NULL,
    subscription_id uuid,
    plan_code       text        NOT NULL, -- at that time
    payment_id      uuid,
    amount          bigint,
    currency        text,
    decline_code    text        NOT NULL,
    access_until    timestamptz,
    retry_at        timestamptz,
    card_id         uuid,
    PRIMARY KEY (user_id, id),
    CONSTRAINT events_subscription
        FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id),
    CONSTRAINT events_card FOREIGN KEY (user_id, card_id) REFERENCES cards (user_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_at ON events USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- +goose StatementBegin
DO $$
DECLARE
    -- The current quarter, or the next one if events exist.
    quarter timestamptz := date_trunc('quarter', now(), 'UTC');
    bounds  text[];
BEGIN
    IF EXISTS (SELECT FROM events_before) THEN
        quarter := date_trunc('quarter', now() + interval '3 months', 'UTC');
    END IF;
    FOR i IN 0..16 LOOP -- four years
        bounds := bounds || rpad(lpad(to_hex((1000 * extract(epoch FROM quarter))::bigint), 12, '0'), 32, '0');
        IF i = 0 THEN
            EXECUTE format('ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (MINVALUE) TO (%L)', bounds[1]);
        ELSE
            EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
                to_char(quarter - interval '1 day', '"events_"YYYY"q"Q'), bounds[i], bounds[i + 1]);
        END IF;
        quarter := quarter + interval '3 months';
    END LOOP;
    EXECUTE format('CREATE TABLE events_after PARTITION OF events FOR VALUES FROM (%L) TO (MAXVALUE)', bounds[17]);
END
$$;
-- +goose StatementEnd

GRANT SELECT, INSERT ON events TO billing_app, billing_api;
GRANT INSERT ON events TO billing_renew;
GRANT SELECT (user_id, subscription_id, type, at, plan_code, amount, currency, decline_code) ON events TO billing_renew;
GRANT SELECT ON events TO billing_panel;

-- +goose Down
CREATE TABLE events_whole (LIKE events INCLUDING DEFAULTS);
INSERT INTO events_whole SELECT * FROM events;
DROP TABLE events;
ALTER TABLE events_whole RENAME TO events;
ALTER TABLE events
    ADD PRIMARY KEY (user_id, id),
    ADD CONSTRAINT events_subscription FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id),
    ADD CONSTRAINT events_card FOREIGN KEY (user_id, card_id) REFERENCES cards (user_id, id);
CREATE INDEX events_at ON events USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
GRANT SELECT, INSERT ON events TO billing_app, billing_api;
GRANT INSERT ON events TO billing_renew;
GRANT SELECT (user_id, subscription_id, type, at, plan_code, amount, currency, decline_code) ON events TO billing_renew;
GRANT SELECT ON events TO billing_panel;
