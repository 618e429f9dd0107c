-- The subject of a user's access tokens. Two subjects may have the same user id, so
-- the API compares it. It is NULL for users that were not seen since this migration.

-- +goose Up
ALTER TABLE users ADD COLUMN subject text;
GRANT UPDATE (subject) ON users TO billing_api;

-- +goose Down
ALTER TABLE users DROP COLUMN subject;
