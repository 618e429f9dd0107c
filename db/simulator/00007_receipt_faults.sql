-- A receipt is registered, or fails, at receipt_at on the wall clock. NULL means at once.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE simulator.requests ADD COLUMN IF NOT EXISTS receipt_fails boolean NOT NULL DEFAULT false, ADD COLUMN IF NOT EXISTS receipt_at timestamptz;
ALTER TABLE simulator.refunds ADD COLUMN IF NOT EXISTS receipt_fails boolean NOT NULL DEFAULT false, ADD COLUMN IF NOT EXISTS receipt_at timestamptz;

-- +goose Down
ALTER TABLE simulator.refunds DROP COLUMN receipt_fails, DROP COLUMN receipt_at;
ALTER TABLE simulator.requests DROP COLUMN receipt_fails, DROP COLUMN receipt_at;
