-- A subscription on hold is past due and has no next charge, so the previous version never charges
-- it. The hold is the decline code of its renewal. It counts only while the subscription
-- is past due without a next charge: the previous version does not clear it.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE subscriptions ADD COLUMN IF NOT EXISTS hold text;
-- the signature of the terms that a viewer's own payment brings if it succeeds
ALTER TABLE payments ADD COLUMN IF NOT EXISTS consent_mac bytea;
ALTER TABLE renewal_runs ADD COLUMN IF NOT EXISTS held bigint NOT NULL DEFAULT 0;

-- survives: the previous version keeps the rule that was stricter
ALTER TABLE subscriptions
    DROP CONSTRAINT IF EXISTS subscriptions_schedule,
    ADD CONSTRAINT subscriptions_schedule CHECK (CASE status
        WHEN 'active' THEN next_charge_at IS NOT NULL
        WHEN 'past_due' THEN next_charge_at IS NOT NULL OR hold IS NOT NULL
        ELSE next_charge_at IS NULL END) NOT VALID;

SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_held;
CREATE INDEX CONCURRENTLY subscriptions_held ON subscriptions (grace_until)
    WHERE hold IS NOT NULL AND next_charge_at IS NULL AND grace_until IS NOT NULL;
RESET lock_timeout;

-- The viewer's own payment may bring another method, with the viewer's consent to it. A first
-- payment that settles late begins its period then. Both settle in either program.
GRANT UPDATE (hold, payment_system, consent_mac, anchor_at) ON subscriptions TO billing_api, billing_renew;
GRANT UPDATE (period_start, period_end) ON payments TO billing_api, billing_renew;

-- +goose Down
REVOKE UPDATE (period_start, period_end) ON payments FROM billing_api, billing_renew;
REVOKE UPDATE (payment_system, consent_mac, anchor_at) ON subscriptions FROM billing_api, billing_renew;
DROP INDEX IF EXISTS subscriptions_held;
UPDATE subscriptions SET next_charge_at = grace_until WHERE status = 'past_due' AND next_charge_at IS NULL;
ALTER TABLE subscriptions
    DROP CONSTRAINT subscriptions_schedule,
    ADD CONSTRAINT subscriptions_schedule CHECK ((status IN ('active', 'past_due')) = (next_charge_at IS NOT NULL));
ALTER TABLE renewal_runs DROP COLUMN held;
ALTER TABLE payments DROP COLUMN consent_mac;
ALTER TABLE subscriptions DROP COLUMN hold;
