-- A viewer can save a payment method on a page of the payment system without a charge.
-- saved_methods has the intent, which is stored before the payment system is asked, and
-- the outcome. The method itself is a row of payment_methods without a token until then.
--
-- token_removals has the tokens of removed methods that their payment systems have not
-- forgotten yet. A row is deleted as soon as they have.

-- +goose Up
CREATE TABLE saved_methods (
    user_id        uuid        NOT NULL,
    method_id      uuid        NOT NULL, -- also the idempotency key at the payment system
    payment_system text        NOT NULL,
    return_url     text        NOT NULL,
    status         text        NOT NULL CONSTRAINT saved_methods_status CHECK (status IN ('pending', 'active', 'failed')),
    decline_code   text        NOT NULL,
    provider_ref   text        NOT NULL,
    action_url     text        NOT NULL,
    page_until     timestamptz,
    brand          text        NOT NULL,
    last4          text        NOT NULL,
    created_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    -- Leases of a pending save, on the clock of this server, as payments have them.
    first_sent_at  timestamptz NOT NULL DEFAULT statement_timestamp(),
    sweep_at       timestamptz,
    send_until     timestamptz,
    PRIMARY KEY (user_id, method_id),
    CONSTRAINT saved_methods_method FOREIGN KEY (user_id, method_id) REFERENCES payment_methods (user_id, id),
    CONSTRAINT saved_methods_settled CHECK ((status = 'pending') = (settled_at IS NULL)),
    CONSTRAINT saved_methods_lease CHECK ((status = 'pending') = (sweep_at IS NOT NULL) AND (status = 'pending') = (send_until IS NOT NULL))
);
CREATE INDEX saved_methods_unsettled ON saved_methods (sweep_at) WHERE sweep_at IS NOT NULL;

CREATE TABLE token_removals (
    user_id        uuid        NOT NULL,
    method_id      uuid        NOT NULL,
    payment_system text        NOT NULL,
    token          text, -- only in an installation without a vault
    token_ct       bytea,
    token_key_id   bigint,
    removed_at     timestamptz NOT NULL DEFAULT statement_timestamp(), -- on the clock of this server
    forget_at      timestamptz NOT NULL DEFAULT statement_timestamp(), -- until then no process asks the payment system
    PRIMARY KEY (user_id, method_id),
    CONSTRAINT token_removals_method FOREIGN KEY (user_id, method_id) REFERENCES payment_methods (user_id, id),
    CONSTRAINT token_removals_token CHECK ((token IS NULL) <> (token_ct IS NULL) AND (token_ct IS NULL) = (token_key_id IS NULL))
);
CREATE INDEX token_removals_next ON token_removals (forget_at);

GRANT SELECT, INSERT ON saved_methods TO billing_api;
GRANT UPDATE (status, decline_code, provider_ref, action_url, page_until, brand, last4, settled_at, sweep_at, send_until) ON saved_methods TO billing_api;
GRANT SELECT, INSERT, DELETE ON token_removals TO billing_api;
GRANT UPDATE (forget_at) ON token_removals TO billing_api;

-- +goose Down
DROP TABLE token_removals, saved_methods;
