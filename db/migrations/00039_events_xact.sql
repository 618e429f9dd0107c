-- The place of an event in the feed: see the migration before. Events of earlier versions
-- have none, and come before all others, by id. The default is set after the column was
-- added: Postgres would compute it for each existing row, and rewrite the table.

-- +goose Up
ALTER TABLE events ADD COLUMN xact bigint;
SELECT feed_new_epoch();

-- +goose Down
ALTER TABLE events DROP COLUMN xact;
