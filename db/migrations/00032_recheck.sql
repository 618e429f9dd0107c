-- A payment that was abandoned without an answer of its payment system is looked up again,
-- at recheck_at, on the clock of this server: see billing.RecheckAfter. Payments of the
-- previous version have no recheck. Payments are found by their reference, for refunds that
-- were made in the payment system's own panel.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE payments
    ADD COLUMN IF NOT EXISTS recheck_at timestamptz,
    ADD COLUMN IF NOT EXISTS rechecks   smallint NOT NULL DEFAULT 0; -- that have had an answer
GRANT UPDATE (recheck_at, rechecks) ON payments TO billing_api, billing_renew;
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS payments_to_recheck;
CREATE INDEX CONCURRENTLY payments_to_recheck ON payments (recheck_at) WHERE recheck_at IS NOT NULL;
-- survives: as above
DROP INDEX CONCURRENTLY IF EXISTS payments_by_ref;
CREATE INDEX CONCURRENTLY payments_by_ref ON payments USING hash (provider_ref) WHERE provider_ref <> '';
RESET lock_timeout;

-- +goose Down
DROP INDEX payments_by_ref;
ALTER TABLE payments DROP COLUMN recheck_at, DROP COLUMN rechecks;
