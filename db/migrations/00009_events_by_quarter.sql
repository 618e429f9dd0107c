-- The history is kept by the quarter, so that what is added now goes into small
-- indexes, however long it has become. The quarter is that of the event's id,
-- which begins with the milliseconds of Unix time: the key stays what it was.
--
-- What there is becomes the first part, up to the next quarter. It is looked
-- through once while nobody can add to it: a third of a second for five million
-- events in memory.

-- +goose Up
SET LOCAL TimeZone = 'UTC';

-- Some of what the service does writes a subscription before the history, some
-- after it: whatever the order here, each may wait for the other. So nobody waits
-- long, and this gives way and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    FOR try IN 1..50 LOOP
        BEGIN
            SET LOCAL lock_timeout = '100ms';
            LOCK TABLE events, subscriptions, cards IN ACCESS EXCLUSIVE MODE; -- the keys of events are triggers of the others
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

-- survives: in this same transaction there is a table of that name again
ALTER TABLE events RENAME TO events_before;
-- survives: nobody names it
ALTER TABLE events_before RENAME CONSTRAINT events_pkey TO events_before_pkey;
-- survives: likewise
ALTER INDEX events_at RENAME TO events_before_at;

CREATE TABLE events (
    user_id         uuid        NOT NULL,
    id              uuid        NOT NULL, -- UUIDv7: grows with time, and orders the history
    type            text        NOT NULL,
    at              timestamptz NOT NULL,
    subscription_id uuid,
    plan_code       text        NOT NULL, -- as it was then
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
    -- The one that is running, unless there are events of it already.
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
