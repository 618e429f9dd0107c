-- An index on the ids of payments, which grow with time, so that new entries go to
-- its end. Each run changed pages all over the index that began with user_id, so
-- runs became slower with each year of history. payments_paid_once finds the
-- payments of a viewer, and payments_unpaid the few that failed.

-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS payments_by_id;
CREATE UNIQUE INDEX CONCURRENTLY payments_by_id ON payments (id, user_id);
-- survives: as above
DROP INDEX CONCURRENTLY IF EXISTS payments_unpaid;
CREATE INDEX CONCURRENTLY payments_unpaid ON payments (user_id, id) WHERE status IN ('declined', 'abandoned');
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS payments_by_id;
DROP INDEX payments_unpaid;
