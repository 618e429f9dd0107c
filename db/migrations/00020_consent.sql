-- The signature of the terms that the viewer agreed to: see billing.Subscription.ConsentText. It is
-- NULL in rows of earlier versions, until billingctl vault rewrap signs them. No role
-- may update it: it changes with the terms, which only the owner can change.

-- +goose Up
ALTER TABLE subscriptions ADD COLUMN consent_mac bytea;

-- +goose Down
ALTER TABLE subscriptions DROP COLUMN consent_mac;
