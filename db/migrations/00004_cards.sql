-- The viewers' bank cards, and encrypted payment tokens. The keys that decrypt them
-- are not in this database.

-- +goose Up

CREATE TABLE cards (
    user_id     uuid        NOT NULL CONSTRAINT cards_user REFERENCES users,
    id          uuid        NOT NULL, -- UUIDv7: grows with time
    brand       text        NOT NULL,
    last4       text        NOT NULL CONSTRAINT cards_last4 CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month   int         NOT NULL CONSTRAINT cards_month CHECK (exp_month BETWEEN 1 AND 12),
    exp_year    int         NOT NULL,
    holder      text        NOT NULL,
    number_ct   bytea,  -- the encrypted number
    key_id      bigint, -- of the key that encrypts it
    fingerprint bytea,  -- of the number, computed with a key that is not in the database
    created_at  timestamptz NOT NULL,
    removed_at  timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT cards_once UNIQUE (user_id, fingerprint),
    -- A removed card has no number, and no data that could reveal it.
    CONSTRAINT cards_removed CHECK (
        (number_ct IS NULL) = (removed_at IS NOT NULL)
        AND (key_id IS NULL) = (removed_at IS NOT NULL)
        AND (fingerprint IS NULL) = (removed_at IS NOT NULL))
);
CREATE INDEX cards_key ON cards (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX cards_added ON cards (user_id, created_at);

ALTER TABLE payment_methods
    ALTER COLUMN token DROP NOT NULL, -- billingctl vault rewrap encrypts plaintext tokens
    ADD COLUMN token_ct          bytea,
    ADD COLUMN token_key_id      bigint,
    ADD COLUMN token_fingerprint bytea,
    ADD COLUMN card_id           uuid, -- the card of the method
    ADD COLUMN removed_with      uuid, -- the card whose removal removed the method
    ADD CONSTRAINT payment_methods_card FOREIGN KEY (user_id, card_id) REFERENCES cards (user_id, id),
    ADD CONSTRAINT payment_methods_sealed CHECK ((token_ct IS NULL) = (token_key_id IS NULL)),
    -- A method of a card has no token until the payment system has given one.
    ADD CONSTRAINT payment_methods_token CHECK (
        CASE WHEN removed_with IS NOT NULL THEN token IS NULL AND token_ct IS NULL AND token_fingerprint IS NULL
             WHEN card_id IS NOT NULL THEN token IS NULL OR token_ct IS NULL
             ELSE (token IS NULL) <> (token_ct IS NULL) END),
    DROP CONSTRAINT payment_methods_token_once;
-- A payment system may give the same token for the same card repeatedly.
CREATE UNIQUE INDEX payment_methods_token_once ON payment_methods (user_id, payment_system, token) WHERE card_id IS NULL;
CREATE UNIQUE INDEX payment_methods_token_fingerprint_once
    ON payment_methods (user_id, payment_system, token_fingerprint) WHERE card_id IS NULL;
CREATE INDEX payment_methods_card ON payment_methods (user_id, card_id) WHERE card_id IS NOT NULL;
CREATE INDEX payment_methods_key ON payment_methods (token_key_id) WHERE token_key_id IS NOT NULL;
CREATE INDEX payment_methods_clear ON payment_methods (user_id, id) WHERE token IS NOT NULL;

CREATE INDEX payments_by_viewer ON payments (user_id, created_at) WHERE initiator = 'customer';

ALTER TABLE events
    ALTER COLUMN subscription_id DROP NOT NULL,
    ADD COLUMN card_id uuid,
    ADD CONSTRAINT events_card FOREIGN KEY (user_id, card_id) REFERENCES cards (user_id, id);

GRANT SELECT, INSERT, UPDATE ON cards TO billing_app;

-- +goose Down
DELETE FROM events WHERE subscription_id IS NULL;
ALTER TABLE events DROP COLUMN card_id, ALTER COLUMN subscription_id SET NOT NULL;
DROP INDEX payments_by_viewer, payment_methods_token_once, payment_methods_clear;
-- Encrypted tokens cannot be decrypted here, so their methods can no longer be charged.
UPDATE payment_methods SET token = 'sealed:' || id WHERE token IS NULL;
ALTER TABLE payment_methods
    DROP COLUMN token_ct, DROP COLUMN token_key_id, DROP COLUMN token_fingerprint,
    DROP COLUMN card_id, DROP COLUMN removed_with,
    ALTER COLUMN token SET NOT NULL,
    ADD CONSTRAINT payment_methods_token_once UNIQUE (user_id, payment_system, token);
DROP TABLE cards;
