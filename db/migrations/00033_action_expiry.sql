-- The page on which a viewer confirms a payment may have an end, which its payment system
-- says. A payment of the previous version has none until its next lookup.

-- +goose Up
ALTER TABLE payments ADD COLUMN action_expires_at timestamptz;
GRANT UPDATE (action_expires_at) ON payments TO billing_api, billing_renew;

-- +goose Down
ALTER TABLE payments DROP COLUMN action_expires_at;
