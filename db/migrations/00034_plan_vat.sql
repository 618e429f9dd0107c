-- The rate of value-added tax on receipts of payments for a plan: see billing.VAT. A plan of
-- the previous version has none.

-- +goose Up
ALTER TABLE plans ADD COLUMN vat text NOT NULL DEFAULT 'none';

-- +goose Down
ALTER TABLE plans DROP COLUMN vat;
