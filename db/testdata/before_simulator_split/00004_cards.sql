-- The statements of this migration before the simulator had its own set. It
-- added columns for cards to the schema simulator.

-- +goose Up

CREATE TABLE cards (
    user_id     uuid        NOT NULL CONSTRAINT cards_user REFERENCES users,
    id          uuid        NOT NULL,
    brand       text        NOT NULL,
    last4       text        NOT NULL CONSTRAINT cards_last4 CHECK (last4 ~ '^[0-9]{4}$'),
    exp_month   int         NOT NULL CONSTRAINT cards_month CHECK (exp_month BETWEEN 1 AND 12),
    exp_year    int         NOT NULL,
    holder      text        NOT NULL,
    number_ct   bytea,
    key_id      bigint,
    fingerprint bytea,
    created_at  timestamptz NOT NULL,
    removed_at  timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT cards_once UNIQUE (user_id, fingerprint),
    CONSTRAINT cards_removed CHECK (
        (number_ct IS NULL) = (removed_at IS NOT NULL)
        AND (key_id IS NULL) = (removed_at IS NOT NULL)
        AND (fingerprint IS NULL) = (removed_at IS NOT NULL))
);
CREATE INDEX cards_key ON cards (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX cards_added ON cards (user_id, created_at);

ALTER TABLE payment_methods
    ALTER COLUMN token DROP NOT NULL,
    ADD COLUMN token_ct          bytea,
    ADD COLUMN token_key_id      bigint,
    ADD COLUMN token_fingerprint bytea,
    ADD COLUMN card_id           uuid,
    ADD COLUMN removed_with      uuid,
    ADD CONSTRAINT payment_methods_card FOREIGN KEY (user_id, card_id) REFERENCES cards (user_id, id),
    ADD CONSTRAINT payment_methods_sealed CHECK ((token_ct IS NULL) = (token_key_id IS NULL)),
    ADD CONSTRAINT payment_methods_token CHECK (
        CASE WHEN removed_with IS NOT NULL THEN token IS NULL AND token_ct IS NULL AND token_fingerprint IS NULL
             WHEN card_id IS NOT NULL THEN token IS NULL OR token_ct IS NULL
             ELSE (token IS NULL) <> (token_ct IS NULL) END),
    DROP CONSTRAINT payment_methods_token_once;
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

ALTER TABLE simulator.requests
    ADD COLUMN issued           text NOT NULL DEFAULT '',
    ADD COLUMN approval_decline text NOT NULL DEFAULT '',
    ADD COLUMN settles_at       timestamptz,
    ADD COLUMN settles_decline  text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE simulator.requests
    DROP COLUMN issued, DROP COLUMN approval_decline, DROP COLUMN settles_at, DROP COLUMN settles_decline;
DELETE FROM events WHERE subscription_id IS NULL;
ALTER TABLE events DROP COLUMN card_id, ALTER COLUMN subscription_id SET NOT NULL;
DROP INDEX payments_by_viewer, payment_methods_token_once, payment_methods_clear;
UPDATE payment_methods SET token = 'sealed:' || id WHERE token IS NULL;
ALTER TABLE payment_methods
    DROP COLUMN token_ct, DROP COLUMN token_key_id, DROP COLUMN token_fingerprint,
    DROP COLUMN card_id, DROP COLUMN removed_with,
    ALTER COLUMN token SET NOT NULL,
    ADD CONSTRAINT payment_methods_token_once UNIQUE (user_id, payment_system, token);
DROP TABLE cards;
