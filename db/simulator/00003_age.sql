-- When the request was stored, on the clock of this server. Lookups can lag behind it, and
-- keys can be forgotten some time after it.

-- +goose Up
ALTER TABLE simulator.requests ADD COLUMN stored_at timestamptz NOT NULL DEFAULT statement_timestamp();

-- +goose Down
ALTER TABLE simulator.requests DROP COLUMN stored_at;
