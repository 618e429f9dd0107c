-- Renewals: pending payments and declined renewals of subscriptions, removed
-- payment methods, runs, and the test clock.

-- +goose Up

ALTER TABLE payment_methods ADD COLUMN removed_at timestamptz;

ALTER TABLE subscriptions
    ADD COLUMN charging       bool NOT NULL DEFAULT false, -- a payment is pending
    ADD COLUMN past_due_since timestamptz,                 -- start of the retry schedule
    ADD COLUMN grace_until    timestamptz;
UPDATE subscriptions s SET charging = true
WHERE EXISTS (SELECT FROM payments p WHERE p.user_id = s.user_id AND p.subscription_id = s.id AND p.sweep_at IS NOT NULL);
ALTER TABLE subscriptions
    ALTER COLUMN charging DROP DEFAULT,
    ADD CONSTRAINT subscriptions_charging
        CHECK (CASE status WHEN 'incomplete' THEN charging WHEN 'ended' THEN NOT charging ELSE true END),
    ADD CONSTRAINT subscriptions_past_due CHECK ((status = 'past_due') = (past_due_since IS NOT NULL)
        AND (status = 'past_due') = (grace_until IS NOT NULL));

ALTER TABLE events ADD COLUMN retry_at timestamptz;

-- The renewal runs, for operators to read.
CREATE TABLE renewal_runs (
    id          uuid PRIMARY KEY, -- UUIDv7: grows with time
    started_at  timestamptz NOT NULL,
    finished_at timestamptz, -- NULL while the run goes on, or if it was killed
    settled     bigint NOT NULL DEFAULT 0,
    due         bigint NOT NULL DEFAULT 0,
    renewed     bigint NOT NULL DEFAULT 0,
    declined    bigint NOT NULL DEFAULT 0,
    unknown     bigint NOT NULL DEFAULT 0,
    ended       bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    error       text NOT NULL DEFAULT ''
);

-- The clock of all processes with BILLING_CLOCK=test. It has one row after its first
-- change: the clock is frozen at stands_at, or follows the wall clock of this
-- server, ahead of it by the interval.
CREATE TABLE test_clock (
    one         bool PRIMARY KEY DEFAULT true CHECK (one),
    stands_at   timestamptz,
    ahead       interval NOT NULL DEFAULT '0'
);

GRANT SELECT, INSERT, UPDATE ON renewal_runs TO billing_app;
GRANT SELECT ON test_clock TO billing_app;

-- +goose Down
DROP TABLE test_clock, renewal_runs;
ALTER TABLE events DROP COLUMN retry_at;
ALTER TABLE subscriptions DROP COLUMN charging, DROP COLUMN past_due_since, DROP COLUMN grace_until;
ALTER TABLE payment_methods DROP COLUMN removed_at;
