-- A viewer can pay on a page of the payment system. The method of such a payment has no
-- token until the payment has succeeded. Then it has no fingerprint, because another
-- method of the viewer may have the same token.
--
-- The previous version stores no token for such methods: use pages after the upgrade.

-- +goose Up
-- survives: it allows more than the constraint before
ALTER TABLE payment_methods
    ADD COLUMN from_page boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT payment_methods_token,
    ADD CONSTRAINT payment_methods_token CHECK (
        CASE WHEN removed_with IS NOT NULL THEN token IS NULL AND token_ct IS NULL AND token_fingerprint IS NULL
             WHEN card_id IS NOT NULL OR from_page THEN token IS NULL OR token_ct IS NULL
             ELSE (token IS NULL) <> (token_ct IS NULL) END) NOT VALID;

-- +goose Down
ALTER TABLE payment_methods
    DROP CONSTRAINT payment_methods_token,
    ADD CONSTRAINT payment_methods_token CHECK (
        CASE WHEN removed_with IS NOT NULL THEN token IS NULL AND token_ct IS NULL AND token_fingerprint IS NULL
             WHEN card_id IS NOT NULL THEN token IS NULL OR token_ct IS NULL
             ELSE (token IS NULL) <> (token_ct IS NULL) END),
    DROP COLUMN from_page;
