-- This migration does nothing. It used to create the schema simulator, which now
-- has its own migrations in db/simulator. The number stays because databases have
-- recorded it, and because the previous version's programs require it.

-- +goose Up

-- +goose Down
