-- The panel finds users by the subject of their access tokens, and by the display claim of the
-- tokens, such as an e-mail address, if the installation stores one. A change of last_seen_at
-- touches neither index, and no renewal writes this table.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE users ADD COLUMN IF NOT EXISTS display text;
GRANT UPDATE (display) ON users TO billing_api;
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS users_subject;
CREATE INDEX CONCURRENTLY users_subject ON users USING hash (subject);
-- survives: as above
DROP INDEX CONCURRENTLY IF EXISTS users_display;
CREATE INDEX CONCURRENTLY users_display ON users (lower(display) COLLATE "C") WHERE display IS NOT NULL;
RESET lock_timeout;

-- +goose Down
DROP INDEX users_display, users_subject;
ALTER TABLE users DROP COLUMN display;
