-- first_sent_at is when a payment could first be sent, on the clock of this server. A
-- payment system forgets keys some time after it. It is NULL for a renewal that no process
-- has sent, and for payments of the previous version, which had no such payment system. review_since is when a payment began to wait for a person, because
-- its payment system may have forgotten it.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE payments
    ADD COLUMN IF NOT EXISTS first_sent_at timestamptz,
    ADD COLUMN IF NOT EXISTS review_since timestamptz;
-- A separate statement: as part of the first, it would give existing rows this moment.
ALTER TABLE payments ALTER COLUMN first_sent_at SET DEFAULT statement_timestamp();
GRANT UPDATE (first_sent_at, review_since) ON payments TO billing_api, billing_renew;
ALTER TABLE renewal_runs ADD COLUMN IF NOT EXISTS waiting bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE renewal_runs DROP COLUMN waiting;
ALTER TABLE payments DROP COLUMN first_sent_at, DROP COLUMN review_since;
