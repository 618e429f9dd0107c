-- Finds the given periods and the long periods that end soon. Grants and long periods are few,
-- so that renewals by the month do not write to these indexes.

-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS grants_end;
CREATE INDEX CONCURRENTLY grants_end ON grants (period_end);
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_long_due;
CREATE INDEX CONCURRENTLY subscriptions_long_due ON subscriptions (next_charge_at)
    WHERE interval_months >= 6 AND next_charge_at IS NOT NULL;
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS subscriptions_long_due;
DROP INDEX IF EXISTS grants_end;
