-- The receipts that the simulated payment system received, as "item|vat|mode|tax system", with
-- a digest of the contact. NULL means that a request had none.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE simulator.requests ADD COLUMN IF NOT EXISTS receipt text, ADD COLUMN IF NOT EXISTS receipt_contact bytea;
ALTER TABLE simulator.refunds ADD COLUMN IF NOT EXISTS receipt text, ADD COLUMN IF NOT EXISTS receipt_contact bytea;

-- +goose Down
ALTER TABLE simulator.refunds DROP COLUMN receipt, DROP COLUMN receipt_contact;
ALTER TABLE simulator.requests DROP COLUMN receipt, DROP COLUMN receipt_contact;
