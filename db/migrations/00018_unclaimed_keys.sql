-- Marks the responses to requests that changed nothing. They are kept for a day, all
-- others for 30 days. Rows from before this migration are kept for 30 days.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE idempotency_answers ADD COLUMN IF NOT EXISTS unclaimed boolean NOT NULL DEFAULT false;
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS idempotency_answers_unclaimed;
CREATE INDEX CONCURRENTLY idempotency_answers_unclaimed ON idempotency_answers (made_at) WHERE unclaimed;
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS idempotency_answers_unclaimed;
ALTER TABLE idempotency_answers DROP COLUMN unclaimed;
