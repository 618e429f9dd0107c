-- Payments are found by an index that grows at its end: their ids grow with time.
-- Led by the user, it was touched all over by every run, and each year of history
-- made a run dearer. A viewer's own are found by payments_paid_once, and by the
-- index of the few that were not paid.

-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- survives: it is what a try of this step left that was broken off
DROP INDEX CONCURRENTLY IF EXISTS payments_by_id;
CREATE UNIQUE INDEX CONCURRENTLY payments_by_id ON payments (id, user_id);
-- survives: likewise
DROP INDEX CONCURRENTLY IF EXISTS payments_unpaid;
CREATE INDEX CONCURRENTLY payments_unpaid ON payments (user_id, id) WHERE status IN ('declined', 'abandoned');
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS payments_by_id;
DROP INDEX payments_unpaid;
