-- This adds the family of the browser to a session, so that people recognise it.

-- +goose Up
ALTER TABLE panel_sessions ADD COLUMN browser text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE panel_sessions DROP COLUMN browser;
