-- Subscriptions that operators gave to viewers: see billing.Subscription.Given. They have no
-- payment method and no payment, are never due, and end with their period.
--
-- The previous version works for all other viewers, and makes no such rows. It cannot read
-- them: the viewer of one is told that there is no subscription and cannot subscribe, until
-- the new version serves. The panel's list of subscriptions and its export, and billingctl
-- give and vault rewrap for many viewers, fail in the previous version if they meet one. It
-- refuses an instruction to give a plan, which the operator then repeats.
--
-- The index for the end of these subscriptions does not contain the end of the period. If an
-- index contained it, Postgres would write all indexes at each renewal.

-- +goose NO TRANSACTION
-- +goose Up
-- survives: the previous version always writes the columns, and keeps the rule that was stricter
ALTER TABLE subscriptions
    ALTER COLUMN payment_method_id DROP NOT NULL,
    ALTER COLUMN latest_payment_id DROP NOT NULL,
    DROP CONSTRAINT IF EXISTS subscriptions_schedule,
    ADD CONSTRAINT subscriptions_schedule CHECK (CASE status
        WHEN 'active' THEN next_charge_at IS NOT NULL OR payment_method_id IS NULL
        WHEN 'past_due' THEN next_charge_at IS NOT NULL OR hold IS NOT NULL
        ELSE next_charge_at IS NULL END) NOT VALID,
    DROP CONSTRAINT IF EXISTS subscriptions_given,
    ADD CONSTRAINT subscriptions_given CHECK (CASE WHEN payment_method_id IS NULL
        THEN latest_payment_id IS NULL AND consent_mac IS NULL AND payment_system = '' AND status IN ('active', 'ended')
            AND cancel_at_period_end AND next_charge_at IS NULL AND NOT charging
        ELSE latest_payment_id IS NOT NULL END) NOT VALID;

SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_given_live;
CREATE INDEX CONCURRENTLY subscriptions_given_live ON subscriptions (user_id, id) WHERE payment_method_id IS NULL AND ended_at IS NULL;
RESET lock_timeout;

-- +goose Down
-- It fails if there is such a row: the previous version cannot read it.
DROP INDEX IF EXISTS subscriptions_given_live;
ALTER TABLE subscriptions
    DROP CONSTRAINT subscriptions_given,
    DROP CONSTRAINT subscriptions_schedule,
    ADD CONSTRAINT subscriptions_schedule CHECK (CASE status
        WHEN 'active' THEN next_charge_at IS NOT NULL
        WHEN 'past_due' THEN next_charge_at IS NOT NULL OR hold IS NOT NULL
        ELSE next_charge_at IS NULL END),
    ALTER COLUMN latest_payment_id SET NOT NULL,
    ALTER COLUMN payment_method_id SET NOT NULL;
